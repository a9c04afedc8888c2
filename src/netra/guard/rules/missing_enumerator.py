"""M102."""

from collections.abc import Iterator
from difflib import get_close_matches

from netra.guard.analysis import Analysis
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.expressions import written
from netra.guard.meaning.narrowing import is_caught, is_told_apart
from netra.guard.members.members import OF_CLASSES, MemberNames
from netra.guard.members.outside import OutsideWrites
from netra.guard.members.parents import ENUMS, Parents
from netra.guard.reading import attributes_of, names_for
from netra.guard.rule import rule
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import Step, TypeOf


@rule("M102", "missing-enumerator")
def missing_enumerator(analysis: Analysis) -> Iterator[Sighting]:
    """A member of an enumeration is named that it does not have, or a value that none of its members has.

    The first raises `AttributeError`, the second `ValueError`, when the line runs.

    ```python
    class State(StrEnum):
        OPEN = "open"
        DONE = "done"


    if order.state is State.CLOSED:  # M102
        ...
    State("finished")  # M102
    ```
    """
    names = analysis.once(_enumerations)
    for scope, expression, line, column in attributes_of(names, analysis):
        _, inner, name = expression
        match analysis.receivers.value(inner, scope):
            case TypeOf(kind=kind) if _is_known(analysis, kind) and not _has(analysis, kind, name):
                if not is_caught(line, scope, "AttributeError") and not is_told_apart(inner, name, scope):
                    text = written(expression, scope)
                    yield _sighting(kind, name, f"`{text}`: `{kind.name}` has no `{name}`", line, column, scope)
    for scope, _, call in analysis.calls_of(*names):
        match call.arguments:
            case (("string", str(text)),) if not call.keywords:
                match analysis.receivers.value(call.callee, scope):
                    case TypeOf(kind=kind) if _is_known(analysis, kind):
                        above = analysis.program.order(kind)[0]
                        values = None if any("_missing_" in each.methods for each in above) else _values(kind)
                        if values is not None and text not in values and not is_caught(call.line, scope, "ValueError"):
                            message = f"`{kind.name}({text!r})`: no member of `{kind.name}` has that value"
                            yield _sighting(kind, text, message, call.line, call.column, scope)


def _enumerations(analysis: Analysis) -> frozenset[str]:
    """Every name by which an enumeration of the program may be reached."""
    kinds = (each for module in analysis.modules for each in module.classes if each.facts.bases)
    return names_for({each.name for each in kinds if analysis.program.is_enumeration(each)}, analysis)


def _is_known(analysis: Analysis, kind: ClassSymbol) -> bool:
    return analysis.once(Parents).above(kind, ENUMS) and analysis.once(MemberNames).of(kind) is not None


def _has(analysis: Analysis, kind: ClassSymbol, name: str) -> bool:
    return (
        name.startswith("_")
        or name in (analysis.once(MemberNames).of(kind) or ())
        or name in OF_CLASSES
        or name in ("name", "value")
        or analysis.once(OutsideWrites).is_written(kind, name)
    )


def _values(kind: ClassSymbol) -> frozenset[str] | None:
    """The values of all members, when each of them is a text that stands there."""
    if "__init__" in kind.methods or len(kind.facts.bases) > 2 or not kind.body.assigned:
        return None
    found = set()
    for name, assignments in kind.body.assigned.items():
        for each in assignments:
            if each.value[0] != "string" or name.startswith("_") or len(each.value[1]) >= 200:
                return None
            found.add(each.value[1])
    return frozenset(found)


def _sighting(kind: ClassSymbol, name: str, message: str, line: int, column: int, scope: FunctionSymbol) -> Sighting:
    names = [each for each in kind.body.assigned if not each.startswith("_")]
    close = get_close_matches(name.upper(), [each.upper() for each in names], 1)
    meant = next((each for each in names if close and each.upper() == close[0]), "")
    step = Step(kind.module.path, kind.facts.line, f"`{kind.name}` has {_listed(names)}")
    mend = Mend(f"`{kind.name}.{meant}` is meant, or it has to be added" if meant else "name what is meant, or add it")
    return Sighting(scope, line, column, line, message, (step,), mend)


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{each}`" for each in names[:6]) + (" and more" if len(names) > 6 else "")
