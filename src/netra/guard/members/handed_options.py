"""What a function makes of all that it has no parameter for: `def open(db, **options): return Catalog(db, **options)`."""

from dataclasses import replace

from netra.guard.facts import CallSite
from netra.guard.meaning.expressions import within
from netra.guard.symbols import FunctionSymbol


def handing_call(function: FunctionSymbol) -> CallSite | None:
    """The one call that gets all that the function has no parameter for; None where something else is done with that."""
    rest = [each.name for each in function.facts.parameters if each.position == "keywords"]
    if not rest or rest[0] in function.assigned or any(rest[0] in each.facts.loads for each in function.children):
        return None
    uses = [each.where[0] == "argument" and each.where[2] == "**" for each in function.facts.uses if each.name == rest[0]]
    if uses != [True]:
        return None
    # `make(**(extra if wanted else {}))` is no such call.
    return next((each for each in function.facts.calls if ("**", ("name", rest[0])) in each.keywords), None)


def handed_through(call: CallSite, function: FunctionSymbol) -> CallSite | None:
    """The call within a function that is made whenever it is called, with what this call has it hand on; None where that is
    nothing, or where no call is sure to be made with it.
    """
    making = handing_call(function)
    if making is None or "**" in [name for name, _ in call.keywords]:
        return None
    added = tuple((name, value) for name, value in call.keywords if name not in function.parameters)
    facts = function.facts
    aside = any(block.line <= making.line <= block.end_line and not block.what.startswith("with") for block in facts.blocks)
    left = any(line < making.line for _, line in facts.jumps) or any(each.line < making.line for each in facts.returned)
    raised = any(line < making.line for line in facts.raises)
    if not added or aside or left or raised or _is_chosen(making, function):
        return None
    own = tuple((name, value) for name, value in making.keywords if value != ("name", _rest(function)))
    return replace(making, keywords=(*own, *added))


def _is_chosen(making: CallSite, function: FunctionSymbol) -> bool:
    """`Catalog(db, **options) if db else None`"""
    values = [each.value for each in function.facts.returned] + [each.value for each in function.facts.assignments]
    chosen = [part for value in values for part in within(value, function) if part[0] == "choice"]
    made = ("call", function.facts.calls.index(making))
    return any(made in within(each, function) for each in chosen)


def _rest(function: FunctionSymbol) -> str:
    return next((each.name for each in function.facts.parameters if each.position == "keywords"), "")
