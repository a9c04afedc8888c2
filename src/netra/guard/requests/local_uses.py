"""Where attributes of a `threading.local` are read and written, at the top of whatever module it stands."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import ASYNC, PLAIN, TOP, Expression, last_name
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol, VariableSymbol

LOCALS: Final = frozenset({"threading.local", "_thread._local"})
GETATTR: Final = ("name", "getattr")
SETATTR: Final = ("name", "setattr")

Place = tuple[FunctionSymbol, str, str]
"""The scope and the name of a thread-local, and the attribute of it."""


class ThreadLocalUse(NamedTuple):
    """An attribute of a thread-local is read or written; `value` is what is written."""

    scope: FunctionSymbol
    place: Place
    value: Expression | None
    line: int
    column: int


def thread_local_uses(analysis: Analysis) -> tuple[ThreadLocalUse, ...]:
    """Every read and write; use `analysis.once(thread_local_uses)`."""
    return tuple(_accesses(analysis))


def _accesses(analysis: Analysis) -> Iterator[ThreadLocalUse]:
    names = {name for _, name in _locals(analysis)}
    known = frozenset(_locals(analysis)) if names else frozenset()
    for scope in analysis.scopes if names else ():
        if scope.facts.sort not in (PLAIN, ASYNC):
            continue
        for inner, name, kept, line, column in _of_attributes(scope, names):
            match analysis.program.evaluate(inner, scope):
                case VariableSymbol(scope=at, name=of) if (at, of) in known:
                    yield ThreadLocalUse(scope, (at, of, name), kept, line, column)


def _of_attributes(scope: FunctionSymbol, names: set[str]) -> Iterator[tuple[Expression, str, Expression | None, int, int]]:
    """Reads and writes of attributes of what has one of these names: that, attribute, value if one is set, line, column."""
    for each in scope.facts.assignments:
        target = each.target
        if target[0] == "attribute" and each.how in ("=", "annotated") and last_name(target[1]) in names:
            yield target[1], target[2], each.value, each.line, each.column
    for read in scope.facts.reads:
        expression = read.expression
        while expression[0] == "attribute":
            if expression[1][-1] in names and last_name(expression[1]) is not None:
                yield expression[1], expression[2], None, read.line, 0
            expression = expression[1]
    for call in scope.facts.calls:
        callee = call.callee
        if callee[0] == "attribute":
            if callee[1][0] == "attribute" and callee[1][1][-1] in names and last_name(callee[1][1]) is not None:
                yield callee[1][1], callee[1][2], None, call.line, 0
        elif callee in (GETATTR, SETATTR):
            match call.arguments:
                case (inner, ("string", str(name)), *rest) if last_name(inner) in names:
                    kept = rest[0] if rest and callee == SETATTR else None
                    yield inner, name, kept, call.line, call.column if callee == SETATTR else 0


def _locals(analysis: Analysis) -> Iterator[tuple[FunctionSymbol, str]]:
    """The names at the top of modules that stand for a thread-local: of `threading`, or of a class below it."""
    kinds = {each.name for each in _below(analysis)}
    for scope, _, call in analysis.calls_of("local", *kinds):
        if scope.facts.sort == TOP and call.where[0] == "assign" and call.where[1][0] == "name" and not scope.module.in_tests:
            match analysis.program.evaluate(call.callee, scope):
                case External(dotted=dotted) if dotted in LOCALS:
                    yield scope, call.where[1][1]
                case ClassSymbol(name=name) if name in kinds:
                    yield scope, call.where[1][1]


def _below(analysis: Analysis) -> Iterator[ClassSymbol]:
    for module in analysis.modules:
        for kind in module.classes:
            for base in kind.facts.bases:
                if last_name(base) == "local":
                    match analysis.program.evaluate(base, module.function(kind.facts.scope)):
                        case External(dotted=dotted) if dotted in LOCALS:
                            yield kind
