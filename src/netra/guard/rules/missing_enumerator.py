"""M102."""

from collections.abc import Iterator
from difflib import get_close_matches

from netra.guard.analysis import Analysis
from netra.guard.facts import Expression, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.expressions import within, written
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

    The first raises `AttributeError`, or a `KeyError` where it stands in brackets, the second `ValueError`, when the line runs.

    ```python
    class State(StrEnum):
        OPEN = "open"
        DONE = "done"


    if order.state is State.CLOSED:  # M102
        ...
    State("finished")  # M102
    State["open"]  # M102: this asks for the name, and "open" is the value of `OPEN`
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
    yield from _asked_by_name(analysis, names)
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


def _asked_by_name(analysis: Analysis, names: frozenset[str]) -> Iterator[Sighting]:
    """`State["open"]`."""
    for scope in analysis.scopes:
        if names.isdisjoint(scope.facts.loads):
            continue
        seen: set[tuple[Expression, int]] = set()
        for whole, line in _written_there(scope):
            for part in within(whole, scope):
                if part[0] != "subscript" or last_name(part[1]) not in names or (part, line) in seen:
                    continue
                seen.add((part, line))
                text = _text_of(part[2], line, scope)
                match analysis.receivers.value(part[1], scope) if text is not None else None:
                    case TypeOf(kind=kind) if (
                        text is not None and _is_known(analysis, kind) and not _is_named(kind, text, analysis)
                    ):
                        if not is_caught(line, scope, "KeyError", "LookupError"):
                            message = f"`{written(part[1], scope)}[{text!r}]`: no member of `{kind.name}` has that name"
                            yield _sighting(kind, text, message, line, 0, scope)


def _written_there(scope: FunctionSymbol) -> Iterator[tuple[Expression, int]]:
    """The expressions of a scope in which an item of something may stand, each with its line."""
    facts = scope.facts
    for call in facts.calls:
        yield from ((each, call.line) for each in call.given)
        yield call.callee, call.line
    for assignment in facts.assignments:
        yield assignment.target, assignment.line
        yield assignment.value, assignment.line
    yield from ((each.value, each.line) for each in facts.returned)
    yield from ((each.expression, each.line) for each in facts.reads)
    yield from ((each, block.head) for block in facts.blocks if block.what != "else" for each in block.expressions)
    yield from facts.asserts


def _text_of(key: Expression, line: int, scope: FunctionSymbol) -> str | None:
    """The text that a key is: as it stands there, or as the dictionary of the function holds it that it is read from."""
    if key[0] == "string":
        return str(key[1])
    if key[0] != "subscript" or key[1][0] != "name":
        return None
    name, field = key[1][1], key[2]
    given = scope.assigned.get(name, ())
    if len(given) != 1:
        return None
    made = given[0]
    if (
        made.how != "="
        or made.value[0] != "dict"
        or name in scope.facts.globals
        or _may_have_changed(name, made.line, line, scope)
    ):
        return None
    held = [value for one, value in made.value[1] if one == field]
    return held[0][1] if len(held) == 1 and held[0][0] == "string" else None


def _may_have_changed(name: str, first: int, last: int, scope: FunctionSymbol) -> bool:
    """Between the two lines somebody is given it, or it is filled; or a loop leads from behind the second to before it."""
    facts = scope.facts
    if not first < last or any(name in child.facts.loads for child in scope.children):
        return True
    if any(block.what == "loop" and first < block.line <= last <= block.end_line for block in facts.blocks):
        return True
    given = any(first < call.line < last and ("name", name) in (*call.given, call.callee[1]) for call in facts.calls)
    return given or any(
        first < each.line <= last and each.target[0] == "subscript" and each.target[1] == ("name", name)
        for each in facts.assignments
    )


def _is_named(kind: ClassSymbol, name: str, analysis: Analysis) -> bool:
    """A member of that name stands in the class, or may."""
    family = analysis.program.order(kind)[0]
    told = any(each.facts.keywords for each in family)  # by a metaclass of its own
    return name.startswith("_") or told or any(name in each.body.assigned for each in family) or not _names_all(kind)


def _names_all(kind: ClassSymbol) -> bool:
    """Its members are what its body assigns, and there are some."""
    facts = kind.body.facts
    return bool(kind.body.assigned) and not any(call.callee[-1] in ("locals", "vars", "exec") for call in facts.calls)


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
