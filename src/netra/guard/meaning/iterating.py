"""Objects that are iterated by `for` and know only `async for`, and the other way round."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.facts import Assignment, Expression
from netra.guard.meaning.contexts import is_expected_to_raise
from netra.guard.meaning.narrowing import is_told_apart
from netra.guard.meaning.receivers import Receivers
from netra.guard.program import Program
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol
from netra.guard.values import Either, Foreign, Instance, Plain, Routine, Step, Value

LATE: Final = "for async"
EARLY: Final = "for"

# What is gone over without waiting.
SEQUENCES: Final = frozenset("list tuple set dict str bytes frozenset".split())
BUILTIN: Final = frozenset(
    f"builtins.{name}" for name in "range enumerate zip sorted reversed map filter list tuple set".split()
)

# What each of the two asks for. An object that is subscripted by numbers is iterated by `for` as well.
METHODS: Final = {EARLY: ("__iter__", "__getitem__"), LATE: ("__aiter__",)}


class WronglyIterated(NamedTuple):
    """An expression that is iterated in a way which it does not know."""

    scope: FunctionSymbol
    expression: Expression
    late: bool
    """It is iterated by `async for`."""
    what: str
    steps: tuple[Step, ...]
    each: Assignment


def wrongly_iterated(program: Program, receivers: Receivers) -> Iterator[WronglyIterated]:
    """Every such object in the program's own files."""
    for scope in program.scopes:
        for each in scope.facts.assignments:
            if each.how not in METHODS:
                continue
            if (plain := _plain(each, scope, receivers)) is not None and not is_expected_to_raise(scope, each.line):
                yield WronglyIterated(scope, each.value, each.how == LATE, plain, (), each)
                continue
            if each.value[0] not in ("name", "attribute", "call", "await"):
                continue
            value = receivers.value(each.value, scope)
            options = value.options if isinstance(value, Either) else (value,)
            found = [_other_way_only(program, option, each.how) for option in options]
            kind = found[0]
            if kind is None or None in found or is_expected_to_raise(scope, each.line):
                continue
            if any(is_told_apart(each.value, method, scope) for method in METHODS[each.how]):
                continue
            path, line = ("", 0) if kind.module.library else (kind.module.path, kind.facts.line)
            other, wanted = METHODS[EARLY if each.how == LATE else LATE][0], METHODS[each.how][0]
            note = f"`{kind.full_name if kind.module.library else kind.name}` has `{other}` and no `{wanted}`"
            yield WronglyIterated(scope, each.value, each.how == LATE, f"a `{kind.name}`", (Step(path, line, note),), each)


def _plain(each: Assignment, scope: FunctionSymbol, receivers: Receivers) -> str | None:
    """What is no object of a class and cannot be gone over in this way: a list by `async for`, a method that is not called."""
    if each.value[0] == "call" and each.how == LATE:
        match receivers.value(scope.facts.calls[each.value[1]].callee, scope):
            case Foreign(symbol=External(dotted=dotted)) if dotted in BUILTIN:
                return f"a `{dotted[9:]}`"
    match receivers.value(each.value, scope):
        case Plain(name=name) if each.how == LATE and name in SEQUENCES and not _comes_in(each.value, scope):
            return f"a `{name}`"
        case Routine(function=function) if each.value[0] in ("name", "attribute") and not function.facts.decorators:
            return f"the function `{function.name}`, which is not called"
    return None


def _comes_in(expression: Expression, scope: FunctionSymbol) -> bool:
    """A parameter says it, and who calls may pass something else."""
    while expression[0] in ("attribute", "await"):
        expression = expression[1]
    return expression[0] == "name" and expression[1] in scope.parameters and expression[1] not in ("self", "cls")


def _other_way_only(program: Program, value: Value | None, way: str) -> ClassSymbol | None:
    """The class of an object that says how to go over it, and not in this way; nor does any class below it."""
    if not isinstance(value, Instance):
        return None
    kind = value.kind
    order, closed = program.order(kind)
    if not closed or kind.module.installed or kind.facts.keywords or (kind.facts.decorators and not kind.module.model):
        return None
    for each in (kind, *program.subclasses.get(kind, ())):
        above, known = program.order(each)
        if not known or any(_has(one, method) for one in above for method in METHODS[way]):
            return None
    other = METHODS[EARLY if way == LATE else LATE][0]
    return kind if any(_has(each, other) for each in order) else None


def _has(kind: ClassSymbol, name: str) -> bool:
    return name in kind.methods or name in kind.body.assigned
