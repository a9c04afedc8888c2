"""Clients by which tests ask a server of the program, and which give an answer whatever its status is."""

from collections.abc import Iterator
from typing import Final

from netra.guard.facts import NAMED, CallSite, Expression
from netra.guard.meaning.fixtures import fixture_of
from netra.guard.program import Program
from netra.guard.symbols import FunctionSymbol, VariableSymbol

# What makes one: the classes of Starlette, FastAPI, aiohttp, Litestar and httpx, the method of Flask and Quart, and the fixture
# of pytest-aiohttp.
MAKING: Final = frozenset({"TestClient", "AsyncTestClient", "AsyncClient", "test_client", "aiohttp_client"})
# Those which are for any server, unless they are told of an application.
OF_ANY: Final = frozenset({"AsyncClient"})
TOLD: Final = frozenset({"app", "transport"})
# By these a client is told to look at the status itself.
LOOKING: Final = frozenset({"raise_for_status", "event_hooks", "**"})
VERBS: Final = frozenset("get post put patch delete head options request".split())


def is_asking(call: CallSite, scope: FunctionSymbol, program: Program) -> bool:
    """The call asks the server for something by such a client."""
    if call.callee[0] != "attribute" or call.callee[2] not in VERBS or call.callee[1][0] != "name":
        return False
    return not LOOKING & dict(call.keywords).keys() and is_test_client(call.callee[1], scope, program)


def is_test_client(name: Expression, scope: FunctionSymbol, program: Program) -> bool:
    """The name holds such a client and nothing else, as far as is known."""
    if name[1] in scope.parameters:
        fixture = fixture_of(name[1], scope, program)
        return fixture is not None and _gives_one(fixture)
    match program.evaluate(name, scope):
        case VariableSymbol(scope=home, name=held):
            return _holds_one(("name", held), home)
    return False


def _gives_one(fixture: FunctionSymbol) -> bool:
    given = [each.value for each in fixture.facts.returned]
    return bool(given) and all(_holds_one(each, fixture) for each in given)


def _holds_one(value: Expression, scope: FunctionSymbol) -> bool:
    if value[0] == "await":
        value = value[1]
    if value[0] == "name":
        made = [each.value for each in scope.assigned.get(value[1], ())]
        return bool(made) and value[1] not in scope.parameters and all(_is_made(each, scope) for each in made)
    return _is_made(value, scope)


def _is_made(value: Expression, scope: FunctionSymbol) -> bool:
    if value[0] == "await":
        value = value[1]
    if value[0] != "call":
        return False
    call = scope.facts.calls[value[1]]
    if call.callee[0] not in NAMED or call.callee[-1] not in MAKING:
        return False
    told = dict(call.keywords).keys()
    return not LOOKING & told and (call.callee[-1] not in OF_ANY or bool(TOLD & told))


def asked_of_clients(scope: FunctionSymbol, program: Program) -> Iterator[tuple[int, CallSite]]:
    """The calls of a function that ask the server, each with its number."""
    return ((number, call) for number, call in enumerate(scope.facts.calls) if is_asking(call, scope, program))


def is_let_go(call: CallSite) -> bool:
    """Nobody looks at the answer."""
    return call.where in (("statement",), ("await", ("statement",)))
