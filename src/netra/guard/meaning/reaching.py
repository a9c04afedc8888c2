"""Which lines of a function stay shut when some of its parameters are known: a caller passes None, an object, or nothing."""

from collections.abc import Iterable, Mapping
from enum import Enum, auto
from typing import Final

from netra.guard.facts import Block, CallSite, Expression, Parameter
from netra.guard.symbols import FunctionSymbol


class GivenValue(Enum):
    """What is known of a value."""

    NOTHING = auto()
    """None itself."""
    EMPTY = auto()
    """False, 0, or a container without anything in it."""
    FILLED = auto()
    """What is true."""
    OBJECT = auto()
    """Anything but None."""


CONTAINERS: Final = frozenset({"list", "dict", "set", "tuple"})


def known_of(value: Expression) -> GivenValue | None:
    """What a literal tells of itself."""
    match value:
        case ("none",):
            return GivenValue.NOTHING
        case ("constant", "bool", bool(given)):
            return GivenValue.FILLED if given else GivenValue.EMPTY
        case ("string", str(text)):
            return GivenValue.FILLED if text else GivenValue.EMPTY
        case (str(kind), tuple(parts)) if kind in CONTAINERS:
            return (
                GivenValue.FILLED
                if parts and all(each[0] != "star" for each in parts)
                else GivenValue.OBJECT
                if parts
                else GivenValue.EMPTY
            )
        case ("constant" | "formatted" | "lambda" | "comprehension", *_):
            return GivenValue.OBJECT
    return None


def left(parameters: Iterable[Parameter]) -> dict[str, GivenValue]:
    """What is known of parameters for which a call passes nothing."""
    return {
        each.name: found for each in parameters if each.default is not None and (found := known_of(each.default)) is not None
    }


def passed(function: FunctionSymbol, call: CallSite, *, bound: bool) -> dict[str, Expression | None] | None:
    """What a call gives for each parameter, None where it leaves the default; nothing when it hands on a whole list."""
    if any(each[0] == "star" for each in call.arguments) or any(name == "**" for name, _ in call.keywords):
        return None
    parameters = [each for each in function.facts.parameters if each.position == "positional"]
    taking = parameters[1:] if bound and function.owner is not None else parameters
    given: dict[str, Expression | None] = {each.name: None for each in function.facts.parameters}
    given |= {each.name: value for each, value in zip(taking, call.arguments, strict=False)}
    return given | {name: value for name, value in call.keywords if name in given}


def is_shut(function: FunctionSymbol, line: int, known: Mapping[str, GivenValue]) -> bool:
    """The line is never reached: it stands in a branch that these values shut, or behind one that they take and that leaves."""
    for block in function.facts.blocks:
        if block.what not in ("if", "else") or not block.expressions:
            continue
        true = _truth(block.expressions[0], block, function, known)
        if true is None:
            continue
        taken = true == (block.what == "if")
        if block.line <= line <= block.end_line:
            if not taken:
                return True
        elif block.end_line < line and taken and always_leaves(block, function) and _stands_above(block, line, function):
            return True
    return False


def _truth(test: Expression, block: Block, function: FunctionSymbol, known: Mapping[str, GivenValue]) -> bool | None:
    match test:
        case ("name", str(name)):
            of = _at(name, block, function, known)
            return None if of in (None, GivenValue.OBJECT) else of is GivenValue.FILLED
        case ("not", inner):
            true = _truth(inner, block, function, known)
            return None if true is None else not true
        case ("compare", (("name", str(name)), ("none",)), (("Is" | "IsNot" | "Eq" | "NotEq") as how,)):
            of = _at(name, block, function, known)
            return None if of is None else (of is GivenValue.NOTHING) == (how in ("Is", "Eq"))
        case ("choice", parts):
            # `and`, `or` and a choice by a test alike are what all their parts are.
            found = {_truth(each, block, function, known) for each in parts}
            return found.pop() if len(found) == 1 else None
    return None


def _at(name: str, block: Block, function: FunctionSymbol, known: Mapping[str, GivenValue]) -> GivenValue | None:
    """What is known of a parameter at the test of a block, unless it may have got another value by then."""
    assigned = [each.line for each in function.facts.assignments if each.target == ("name", name)]
    looped = any(each.what == "loop" and each.line <= block.line <= each.end_line for each in function.facts.blocks)
    return None if any(line < block.line or looped for line in assigned) else known.get(name)


def always_leaves(block: Block, function: FunctionSymbol) -> bool:
    """Whoever enters the block returns or raises, whatever else is so."""
    facts = function.facts
    leaving = [
        *facts.raises,
        *(each.line for each in facts.returned if each.how == "return"),
        *(line for how, line in facts.jumps if how == "return"),
    ]
    inner = [each for each in facts.blocks if each is not block and block.line <= each.line and each.end_line <= block.end_line]
    return any(
        block.line <= line <= block.end_line and not any(each.line <= line <= each.end_line for each in inner)
        for line in leaving
    )


def _stands_above(block: Block, line: int, function: FunctionSymbol) -> bool:
    """Whoever gets to the line has passed the test of the block: what the test stands in, the line stands in too."""
    return all(
        each.line <= line <= each.end_line
        for each in function.facts.blocks
        if each is not block and each.line <= block.line and block.end_line <= each.end_line
    )
