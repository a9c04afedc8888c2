"""M115."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.entries.unused import NamesUsed
from netra.guard.facts import ASYNC, CallSite, Expression, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.expressions import written
from netra.guard.meaning.narrowing import is_caught
from netra.guard.members.outside import OutsideWrites
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine, Step


@rule("M115", "miscounted-unpacking")
def miscounted_unpacking(analysis: Analysis) -> Iterator[Sighting]:
    """What a function returns is unpacked into more or fewer names than it returns values.

    Every `return` of the function has another number of them, so the line raises a `ValueError` whenever it runs.

    ```python
    def bounds(rows: list[Row]) -> tuple[int, int]:
        return rows[0].day, rows[-1].day


    first, last, number = bounds(rows)  # M115: it returns two
    ```

    Told of are functions of the program all of whose `return` statements write a tuple down, or some of them where the
    annotation says that the others give as many. A name with a star takes what is left. Where a method below may be meant, it
    has to have another number as well.
    """
    used = analysis.program.once(NamesUsed)
    outside = analysis.once(OutsideWrites)
    for scope in analysis.scopes:
        if scope.module.in_tests:
            continue
        for call in scope.facts.calls:
            if call.where[0] not in ("assign", "await"):
                continue
            targets, awaited = _targets(call)
            if targets is None:
                continue
            match analysis.receivers.value(call.callee, scope):
                case Routine(function=function) as routine if not function.module.library:
                    numbers = [_returned(each, awaited=awaited) for each in _possible(analysis, routine)]
                case _:
                    continue
            if None in numbers or any(_fits(targets, number) for number in numbers if number is not None):
                continue
            if used.is_unused(scope) or is_caught(call.line, scope, "ValueError"):
                continue
            if function.name in outside.rivals or (function.owner and outside.is_written(function.owner, function.name)):
                continue
            said = f"returns {numbers[0]} values, and is unpacked into {len(targets)} names: a ValueError"
            step = Step(function.module.path, function.facts.line, f"`{function.facts.qualified}` returns {numbers[0]}")
            mend = Mend("name as many as it returns")
            message = f"`{written(call.callee, scope)}(…)` {said}"
            yield Sighting(scope, call.line, call.column, call.end_line, message, (step,), mend)


def _targets(call: CallSite) -> tuple[tuple[Expression, ...] | None, bool]:
    """The names into which the result of a call is unpacked at once, and whether it is awaited before."""
    match call.where:
        case ("assign", ("tuple" | "list", targets)):
            return targets, False
        case ("await", ("assign", ("tuple" | "list", targets))):
            return targets, True
    return None, False


def _fits(targets: tuple[Expression, ...], number: int) -> bool:
    if any(each[0] == "star" for each in targets):
        return number >= len(targets) - 1
    return number == len(targets)


def _possible(analysis: Analysis, routine: Routine) -> list[FunctionSymbol]:
    """The function, and those that may be called in its place."""
    function = routine.function
    if function.owner is None:
        return [function]
    below = analysis.program.subclasses.get(routine.receiver or function.owner, ())
    return [function, *(each for kind in below for each in kind.methods.get(function.name, ()))]


def _returned(function: FunctionSymbol, *, awaited: bool) -> int | None:
    """How many values every `return` gives; None where that is not known, or not the same."""
    facts = function.facts
    if facts.abstract or facts.yields or (facts.sort == ASYNC) != awaited:
        return None
    if not function.decorator_names <= {"staticmethod", "classmethod"} or not facts.returned:
        return None
    around = function.parent
    if around is None or len(function.module.nested.get(around.facts.number, ({}, {}))[0].get(function.name, ())) != 1:
        return None
    written_down = {len(each.value[1]) for each in facts.returned if each.value[0] == "tuple" and not _is_starred(each.value)}
    others = [each for each in facts.returned if each.value[0] != "tuple"]
    if len(written_down) != 1 or any(each.value[0] == "tuple" and _is_starred(each.value) for each in facts.returned):
        return None
    (number,) = written_down
    if any(each.value[0] != "none" for each in others):
        return number if _promised(facts.returns) == number else None
    return number


def _is_starred(value: Expression) -> bool:
    return any(each[0] == "star" for each in value[1])


def _promised(annotation: Expression | None) -> int | None:
    """The number of values of `tuple[int, str]`."""
    match annotation:
        case ("subscript", head, ("tuple", parts)) if last_name(head) in ("tuple", "Tuple"):
            if not any(each == ("constant", "ellipsis") or each[0] == "star" for each in parts):
                return len(parts)
    return None
