"""What a part of a request is that the client has left out: `None` of `request.headers.get("X-Token")`, or the default."""

from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.entries.sorts import ROUTE, SOCKET
from netra.guard.facts import NOTHING, CallSite, Expression, last_name
from netra.guard.requests.words import CARRIERS
from netra.guard.symbols import FunctionSymbol, VariableSymbol

# What holds what a client has sent by name, each of which may be missing.
HOLDING: Final = frozenset("headers cookies query_params args META GET POST COOKIES form query params values".split())

# By these a parameter of a route is taken out of the request.
TAKING: Final = frozenset("Header Cookie Query Form Body".split())

# Schemes of FastAPI that give None, where they are told to raise nothing.
SCHEMES: Final = frozenset(
    "APIKeyHeader APIKeyQuery APIKeyCookie OAuth2PasswordBearer HTTPBearer HTTPBasic OAuth2AuthorizationCodeBearer".split()
)
DEPENDING: Final = frozenset({"Depends", "Security"})

# What is made of an empty text by these is an empty text.
KEEPING_EMPTY: Final = frozenset("strip lower upper encode lstrip rstrip casefold".split())

# Names that are looked through.
FURTHEST: Final = 4


class Absent(NamedTuple):
    """`gives`: what stands there when the client has sent nothing. `key`: by what it was asked for, if that is seen."""

    gives: Expression
    key: Expression | None


def absent(value: Expression, scope: FunctionSymbol, analysis: Analysis, left: int = FURTHEST) -> Absent | None:
    """What a value is without what the client may leave out; None where it comes from nowhere in a request, or is not known."""
    match value:
        case ("call", int(index)):
            call = scope.facts.calls[index]
            match call.callee:
                case ("attribute", held, "get") if call.arguments and _is_of_request(held, scope):
                    return Absent(_default(call), call.arguments[0])
                case ("attribute", inner, str(method)) if method in KEEPING_EMPTY and left:
                    before = absent(inner, scope, analysis, left - 1)
                    return before if before is not None and before.gives == ("string", "") else None
        case ("choice", (first, ("string" | "none", *_) as last)) if left:
            before = absent(first, scope, analysis, left - 1)
            return None if before is None else Absent(last, before.key)
        case ("name", str(name)) if name in scope.parameters:
            return None if name in scope.assigned else _parameter(name, scope, analysis)
        case ("name", str(name)) if left:
            given = scope.assigned.get(name, ())
            if len(given) == 1 and given[0].how in ("=", "annotated"):
                return absent(given[0].value, scope, analysis, left - 1)
    return None


def _is_of_request(held: Expression, scope: FunctionSymbol) -> bool:
    """`request.headers`, `self.request.query_params`, and `self.headers` of a handler of Python's own server."""
    if held[0] != "attribute" or held[2] not in HOLDING:
        return False
    if held[1] == ("name", "self"):
        return scope.owner is not None and any(each.startswith("do_") for each in scope.owner.methods)
    return last_name(held[1]) in CARRIERS


def _default(call: CallSite) -> Expression:
    return call.arguments[1] if len(call.arguments) > 1 else dict(call.keywords).get("default", NOTHING)


def _parameter(name: str, scope: FunctionSymbol, analysis: Analysis) -> Absent | None:
    default = scope.facts.parameters[scope.parameters[name]].default
    around = scope.parent
    if default is None or around is None:
        return None
    if default[0] == "call":
        call = around.facts.calls[default[1]]
        given = call.arguments[0] if call.arguments else dict(call.keywords).get("default")
        if last_name(call.callee) in TAKING and given in (NOTHING, ("string", "")):
            return Absent(given, None)
        if last_name(call.callee) in DEPENDING and given is not None and _gives_none(given, around, analysis):
            return Absent(NOTHING, None)
        return None
    entry = analysis.reach.entries.get(scope)
    asked = entry is not None and entry.sort in (ROUTE, SOCKET) and default in (NOTHING, ("string", ""))
    return Absent(default, None) if asked else None


def _gives_none(given: Expression, scope: FunctionSymbol, analysis: Analysis) -> bool:
    """`Security(scheme)` of `scheme = APIKeyHeader(name="X-Key", auto_error=False)`."""
    if given[0] == "call":
        return _is_silent(scope.facts.calls[given[1]])
    match analysis.program.evaluate(given, scope):
        case VariableSymbol(scope=holder, name=name):
            values = [each.value for each in holder.assigned.get(name, ())]
            return len(values) == 1 and values[0][0] == "call" and _is_silent(holder.facts.calls[values[0][1]])
    return False


def _is_silent(call: CallSite) -> bool:
    return last_name(call.callee) in SCHEMES and dict(call.keywords).get("auto_error") == ("constant", "bool", False)
