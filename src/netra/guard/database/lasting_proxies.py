"""Sessions of a thread, `scoped_session(…)`, that a server works with and nobody ever ends.

ScopedSession = scoped_session(SessionLocal)

async def commit(request, call_next):
    answer = await call_next(request)
    ScopedSession.commit()  # the connection goes back, and the session stays: what it reads next begins another transaction
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import TOP, CallSite, last_name
from netra.guard.symbols import FunctionSymbol, VariableSymbol, name_in_library
from netra.guard.values import Step

SCOPED: Final = "scoped_session"
ENDING: Final = frozenset({"remove", "close", "close_all"})
WORKING: Final = frozenset(
    "execute query get scalar scalars add add_all delete merge flush commit rollback refresh begin bulk_save_objects".split()
)


class LastingProxy(NamedTuple):
    """The first place in a server that works with such a session."""

    scope: FunctionSymbol
    call: CallSite
    name: str
    made: Step


def lasting_proxies(analysis: Analysis) -> Iterator[LastingProxy]:
    """Every such session of a module, of which the program ends none in any of its files."""
    for scope, _, call in analysis.calls_of(SCOPED):
        if scope.facts.sort != TOP or scope.module.in_tests or call.where[0] != "assign" or call.where[1][0] != "name":
            continue
        if not _is_of_sqlalchemy(analysis, call, scope):
            continue
        name = call.where[1][1]
        used = [*_used(analysis, scope, name)]
        if used and name not in analysis.once(_ended):
            note = f"`{name}` keeps one session for each thread, until `{name}.remove()`, which nothing calls"
            first = min(used, key=lambda each: (each[0].module.path, each[1].line))
            yield LastingProxy(*first, name, Step(scope.module.path, call.line, note))


def _is_of_sqlalchemy(analysis: Analysis, call: CallSite, scope: FunctionSymbol) -> bool:
    return name_in_library(analysis.program.evaluate(call.callee, scope)).startswith("sqlalchemy.")


def _used(analysis: Analysis, home: FunctionSymbol, name: str) -> Iterator[tuple[FunctionSymbol, CallSite]]:
    for scope, _, call in analysis.calls_of(*WORKING):
        if call.callee[0] == "attribute" and last_name(call.callee[1]) == name and analysis.reach.path_to(scope):
            match analysis.program.evaluate(call.callee[1], scope):
                case VariableSymbol(scope=at) if at is home:
                    yield scope, call


def _ended(analysis: Analysis) -> frozenset[str | None]:
    """The names of what is ended somewhere: `Session.remove()`, or handed on for it, `app.teardown_request(Session.remove)`."""
    called = [call.callee for _, _, call in analysis.calls_of(*ENDING)]
    given = [each for scope in analysis.scopes for call in scope.facts.calls for each in call.given]
    ends = [each for each in called + given if each[0] == "attribute" and each[2] in ENDING]
    return frozenset([last_name(each[1]) for each in ends])
