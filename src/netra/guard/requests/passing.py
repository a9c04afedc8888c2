"""What a call passes to which parameter of a function that it is known to call."""

from collections.abc import Iterator

from netra.guard.facts import CallSite, Expression
from netra.guard.symbols import FunctionSymbol


def pairs(call: CallSite, function: FunctionSymbol, shift: int) -> Iterator[tuple[str, Expression]]:
    """The parameters of a function that a call names or fills, with what it gives them."""
    parameters = function.facts.parameters
    for position, each in enumerate(call.arguments):
        if each[0] == "star":
            break
        if position + shift < len(parameters) and parameters[position + shift].position == "positional":
            yield parameters[position + shift].name, each
    for name, each in call.keywords:
        if name in function.parameters:
            yield name, each


def gathered(call: CallSite, function: FunctionSymbol, shift: int) -> Iterator[tuple[str, Expression]]:
    """What a call gives to `*values` and `**fields`, with the name of the parameter that gathers it."""
    parameters = function.facts.parameters
    for each in parameters:
        if each.position == "keywords":
            yield from ((each.name, value) for name, value in call.keywords if name and name not in function.parameters)
        elif each.position == "arguments":
            before = sum(one.position == "positional" for one in parameters) - shift
            yield from ((each.name, value) for value in call.arguments[max(before, 0) :] if value[0] != "star")
