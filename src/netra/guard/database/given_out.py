"""Sessions that a dependency opens and returns, instead of yielding them: the framework has nothing to come back to.

Who is given one may close it. Where nobody does, each request leaves one behind.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.database.connections import CLOSING, FACTORIES, HELD, Connections
from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Instance, Routine, Step, TypeOf

DEPENDING: Final = ("Depends", "Security", "Provide", "Inject")


class GivenOut(NamedTuple):
    """A call that opens a session, or names what does, for whoever depends on it."""

    scope: FunctionSymbol
    call: CallSite
    library: str
    by: str
    step: Step
    """One who is given it, and does not close it."""


def given_out(analysis: Analysis) -> Iterator[GivenOut]:
    """Every one that nobody closes."""
    connections = analysis.once(Connections)
    for opening in connections.openings:
        function = opening.scope
        if opening.where == ("return",) and not function.facts.yields and not function.facts.decorators:
            having = list(_depending(analysis, function))
            if (step := _left(connections, having)) is not None:
                yield GivenOut(function, opening.call, opening.library, function.name, step)
    for scope, index, call in analysis.calls_of(*DEPENDING):
        library = None if scope.module.in_tests or not call.arguments else _made_by(connections, analysis, call, scope)
        if library is not None and (step := _left(connections, list(_told(analysis, scope, index)))) is not None:
            yield GivenOut(scope, call, library, last_name(call.arguments[0]) or "", step)


def _made_by(connections: Connections, analysis: Analysis, call: CallSite, scope: FunctionSymbol) -> str | None:
    """`Depends(SessionLocal)`: the factory itself is the dependency."""
    match analysis.receivers.value(call.arguments[0], scope):
        case Instance(kind=kind) if kind.full_name in FACTORIES:
            asynchronous = kind.full_name.startswith("sqlalchemy.ext.asyncio.")
            return "sqlalchemy.ext.asyncio.AsyncSession" if asynchronous else "sqlalchemy.orm.Session"
        case TypeOf(kind=kind):
            found = connections.library_class(kind)
            return found if found in HELD else None
    return None


def _depending(analysis: Analysis, function: FunctionSymbol) -> Iterator[tuple[FunctionSymbol, str]]:
    """The functions that are given what a dependency returns, with the parameter."""
    for caller, _ in analysis.reach.callers(function):
        for parameter in caller.facts.parameters if caller.parent is not None else ():
            match analysis.receivers.parameters.dependency(parameter, caller.parent or caller):
                case Routine(function=found) if found is function:
                    yield caller, parameter.name


def _told(analysis: Analysis, around: FunctionSymbol, index: int) -> Iterator[tuple[FunctionSymbol, str]]:
    """The parameters that this very `Depends(…)` fills: as their default, in their annotation, or by a name for that."""
    here: Expression = ("call", index)
    names = {each.target for each in around.facts.assignments if each.target[0] == "name" and _has(each.value, here)}
    for scope in analysis.scopes:
        for parameter in scope.facts.parameters:
            inside = scope.parent is around and here in (parameter.default, *_parts(parameter.annotation))
            if inside or (parameter.annotation in names and analysis.program.lookup(parameter.annotation[1], scope) ==
                          analysis.program.lookup(parameter.annotation[1], around)):  # fmt: skip
                yield scope, parameter.name


def _left(connections: Connections, having: list[tuple[FunctionSymbol, str]]) -> Step | None:
    """None where anybody closes it, or may; and where nobody is given it."""
    for scope, name in having:
        entered = any(("name", name) in block.expressions for block in scope.facts.blocks)
        if entered or connections.is_kept(scope, name) or any(_closes(call, name) for call in scope.facts.calls):
            return None
    if not having or all(scope.module.in_tests for scope, _ in having):
        return None
    scope, name = having[0]
    line = scope.facts.parameters[scope.parameters[name]].line
    return Step(scope.module.path, line, f"`{scope.name}` is given it as `{name}`, and does not close it either")


def _closes(call: CallSite, name: str) -> bool:
    of_its_own = call.callee[0] == "attribute" and call.callee[1] == ("name", name) and call.callee[2] in CLOSING
    return of_its_own or (
        last_name(call.callee) in ("closing", "aclosing", "release", "putconn") and ("name", name) in call.given
    )


def _parts(annotation: Expression | None) -> tuple[Expression, ...]:
    if annotation is not None and annotation[0] == "subscript" and annotation[2][0] == "tuple":
        return tuple(annotation[2][1])
    return ()


def _has(value: Expression, inside: Expression) -> bool:
    return inside in _parts(value)
