"""Who is found by a proof, whatever they are called: what is looked up under a cookie or a token, or lies in a signed session,
and without which a function does not go on.

row = await pool.fetchrow("select id from riders where token = $1", request.cookies.get("rides"))
if row is None:
    raise HTTPException(401)  # from here on `row` is who is asking
"""

import re
from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.entries.sorts import LISTENER, ROUTE, SOCKET
from netra.guard.facts import Assignment, Block, Expression, last_name
from netra.guard.lazily import lazily
from netra.guard.requests.ambient import SCHEMES
from netra.guard.requests.holders import gives_session
from netra.guard.requests.words import CARRIERS
from netra.guard.symbols import External, FunctionSymbol
from netra.guard.values import Routine, Step

CONNECTIONS: Final = CARRIERS | {"connection", "conn", "socket"}
# What is sent along with every request, and read by a name: a header counts where the name speaks of a proof.
COOKIES: Final = frozenset({"cookies", "COOKIES"})
HEADERS: Final = frozenset({"headers", "META"})
PROOFS: Final = tuple(
    "authorization token cookie session credential bearer jwt sid api_key api-key apikey secret x-key".split()
)
# Parameters that bring one.
BRINGING: Final = frozenset(
    """token cookie sid bearer jwt access_token session_token id_token api_key authorization x_api_key auth_token""".split()
)
SESSIONS: Final = frozenset({"flask.session", "quart.session"})

# What a session holds besides who has signed in.
BESIDE: Final = frozenset(
    """cart basket order csrf state nonce step flow lang language locale theme next code otp draft quiz oauth game level page
    filter query redirect url path form wizard pending verifier challenge flash message messages visits count history answers
    data""".split()
)
REFUSING: Final = ("Unauthori", "NotAuth", "Unauthenticated", "AuthenticationFailed", "AuthError", "Forbidden", "abort")

# How somebody is looked up, and nothing made: `get`, `fetchrow`, `by_token`, `current_user`.
LOOKING: Final = re.compile(
    r"^(?![A-Z]).*(?:get|find|fetch|by_|of_|look|load|read|verif|decod|check|auth|valid|scalar|first|one|select|query|execute|resolve"
    r"|member|user|person|people|account|login|who|session|identif|owner|employee|customer)"
)

# What is done to a text before it is used.
OF_TEXT: Final = frozenset(
    "removeprefix removesuffix strip lstrip rstrip partition rpartition split replace lower decode".split()
)

# Names and helpers that are looked through on the way to a proof.
FURTHEST: Final = 3


class Proven:
    """Answers which names stand for somebody who has been found by a proof; use `analysis.once(Proven)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._giving: dict[FunctionSymbol, bool] = {}

    def found(self, name: str, scope: FunctionSymbol) -> Step | None:
        """A local name gets what is looked up under a proof, and the function does not go on where there is nothing."""
        given = [each for each in scope.assigned.get(name, ()) if each.value[0] != "none"]
        return self.found_in(given[0], scope) if len(given) == 1 and name not in scope.parameters else None

    def found_in(self, each: Assignment, scope: FunctionSymbol) -> Step | None:
        """The same of a name or an attribute that this gives its value: `self.visitor = await visitors.by_cookie(cookie)`."""
        if each.how not in ("=", "annotated") or each.target[0] not in ("name", "attribute"):
            return None
        if not self._is_looked_up(each, scope) or not self._is_refused(each.target, scope):
            return None
        note = f"`{last_name(each.target)}` is found by what proves who is asking, and nobody goes on without"
        return Step(scope.module.path, each.line, note)

    def signs_in(self, value: Expression, scope: FunctionSymbol, depth: int = FURTHEST) -> bool:
        """A value is a proof as it came: what stands in the header `Authorization`. A cookie may say anything else as well."""
        if depth < 0:
            return False
        match value:
            case ("await", inner):
                return self.signs_in(inner, scope, depth)
            case ("formatted" | "choice", parts):
                return any(self.signs_in(part, scope, depth) for part in parts)
            case ("operator", "+", one, other):
                return self.signs_in(one, scope, depth) or self.signs_in(other, scope, depth)
            case ("subscript", inner, key):
                return (last_name(inner) in HEADERS and self._reads(inner, key)) or self.signs_in(inner, scope, depth)
            case ("name", str(name)) if name in scope.parameters:
                return self._is_scheme(name, scope)
            case ("name", str(name)):
                given = scope.assigned.get(name, ())
                return bool(given) and all(self.signs_in(each.value, scope, depth - 1) for each in given)
            case ("attribute", ("name", str(name)), "credentials") if name in scope.parameters:
                return self._is_scheme(name, scope)
            case ("call", int(index)):
                call = scope.facts.calls[index]
                if call.callee[0] == "attribute" and last_name(call.callee[1]) in HEADERS:
                    return call.callee[2] == "get" and bool(call.arguments) and self._reads(call.callee[1], call.arguments[0])
                if call.callee[0] == "attribute" and call.callee[2] in OF_TEXT:
                    return self.signs_in(call.callee[1], scope, depth)
                match self._analysis.receivers.value(call.callee, scope):
                    case Routine(function=function) if not function.module.library:
                        values = [each.value for each in function.facts.returned if each.value[0] != "none"]
                        return bool(values) and all(self.signs_in(each, function, depth - 1) for each in values)
        return False

    def _is_looked_up(self, each: Assignment, scope: FunctionSymbol) -> bool:
        value = each.value[1] if each.value[0] == "await" else each.value
        if value[0] != "call":
            return False
        call = scope.facts.calls[value[1]]
        return bool(LOOKING.search(last_name(call.callee) or "")) and any(self.brings(given, scope) for given in call.given)

    def brings(self, expression: Expression, scope: FunctionSymbol, depth: int = FURTHEST) -> bool:
        """An expression is made of what a client proves itself with: `f"login:{request.cookies['sid']}"`."""
        if depth < 0:
            return False
        match expression:
            case ("attribute", _, str(name)):
                known = expression[1][0] == "name" and expression[1][1] in scope.parameters
                if name == "credentials" and known:
                    return self._is_scheme(expression[1][1], scope)
                return name in COOKIES or (name == "token" and last_name(expression[1]) in CONNECTIONS)
            case ("subscript", inner, key):
                return self._reads(inner, key) or (last_name(inner) not in COOKIES and self.brings(inner, scope, depth))
            case ("await" | "star" | "not", inner):
                return self.brings(inner, scope, depth)
            case ("operator", _, one, other):
                return self.brings(one, scope, depth) or self.brings(other, scope, depth)
            case ("choice" | "formatted" | "tuple" | "list", parts):
                return any(self.brings(part, scope, depth) for part in parts)
            case ("dict", pairs):
                return any(self.brings(value, scope, depth) for _, value in pairs)
            case ("compare", parts, ("Eq",)):
                return any(self.brings(part, scope, depth) for part in parts)  # `select(Login).where(Login.cookie == cookie)`
            case ("name", str(name)) if name in scope.parameters:
                return name in BRINGING or self._is_scheme(name, scope)
            case ("name", str(name)):
                given = scope.assigned.get(name, ())
                return any(self.brings(each.value, scope, depth - 1) for each in given)
            case ("call", int(index)):
                call = scope.facts.calls[index]
                if call.callee[0] == "attribute":
                    if call.callee[2] == "get" and call.arguments and last_name(call.callee[1]) in COOKIES | HEADERS:
                        return self._reads(call.callee[1], call.arguments[0])
                    if "cookie" in call.callee[2] or self.brings(call.callee[1], scope, depth):
                        return True
                if any(self.brings(given, scope, depth - 1) for given in call.given):
                    return True
                match self._analysis.receivers.value(call.callee, scope):
                    case Routine(function=function) if not function.module.library:
                        return self._gives(function, depth - 1)
        return False

    @staticmethod
    def _reads(inner: Expression, key: Expression) -> bool:
        """`request.cookies["rides"]`, `request.headers["authorization"]`."""
        holder = last_name(inner)
        if holder in COOKIES:
            # Some of them only say what somebody has chosen.
            return key[0] != "string" or BESIDE.isdisjoint(key[1].lower().replace("-", "_").split("_"))
        return holder in HEADERS and key[0] == "string" and any(word in key[1].lower() for word in PROOFS)

    def _gives(self, function: FunctionSymbol, depth: int) -> bool:
        """`bearer(request)`: what the function returns is a proof."""
        if function not in self._giving:
            self._giving[function] = False  # what a function that calls itself finds
            given = [each.value for each in function.facts.returned if each.value[0] not in ("none", "string", "constant")]
            self._giving[function] = bool(given) and all(self.brings(each, function, depth) for each in given)
        return self._giving[function]

    def _is_scheme(self, name: str, scope: FunctionSymbol) -> bool:
        """`cred: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]`."""
        said = scope.facts.parameters[scope.parameters[name]].annotation
        return said is not None and any(SCHEMES.search(each) or each == "HTTPAuthorizationCredentials" for each in _names(said))

    # --- sessions ----------------------------------------------------------------------------------------------------------

    def is_session(self, expression: Expression, scope: FunctionSymbol) -> bool:
        """`request.session`, `session` of Quart, what `await get_session(request)` gives."""
        match expression:
            case ("attribute", holder, "session"):
                return last_name(holder) in CONNECTIONS
            case ("subscript", holder, ("string", "session")):
                return last_name(holder) == "scope"
            case ("await", inner):
                return self.is_session(inner, scope)
            case ("call", int(index)):
                return gives_session(scope.facts.calls[index])
            case ("name", str(name)) if name in scope.parameters:
                return False
            case ("name", str(name)) if name in scope.bound:
                given = scope.assigned.get(name, ())
                return len(given) == 1 and given[0].value[0] != "name" and self.is_session(given[0].value, scope)
            case ("name", "session"):
                match self._analysis.program.evaluate(expression, scope):
                    case External(dotted=dotted):
                        return dotted in SESSIONS
        return False

    @lazily
    def session_keys(self) -> frozenset[str]:
        """Under which keys the program's sessions hold who has signed in: without it, some function does not go on."""
        found: set[str] = set()
        for scope in self._analysis.scopes:
            if scope.facts.blocks and not scope.module.in_tests and _speaks_of_session(scope):
                found.update(self._keys_asked_for(scope))
        return frozenset(each for each in found if BESIDE.isdisjoint(each.lower().split("_")))

    def _keys_asked_for(self, scope: FunctionSymbol) -> Iterator[str]:
        for block in scope.facts.blocks:
            if block.what == "if" and self.goes_away(block, scope):
                for test in block.expressions:
                    yield from self._keys_missing(test, scope)
        for block in scope.facts.blocks:
            # `try: return session["account"]`, and in `except KeyError` it refuses.
            if block.what == "try" and any(last_name(each) == "KeyError" for each in block.expressions):
                given = [(each.value, each.line) for each in scope.facts.returned]
                given += [(each.value, each.line) for each in scope.facts.assignments]
                for value, line in given:
                    if block.line <= line <= block.end_line and (held := self._key_of(value, scope)) is not None:
                        yield held

    def _keys_missing(self, test: Expression, scope: FunctionSymbol) -> Iterator[str]:
        """`"account" not in session`, `not session.get("account")`, `account is None`."""
        match test:
            case ("compare", (("string", str(key)), place), ("NotIn",)) if self.is_session(place, scope):
                yield key
            case ("not", inner) | ("compare", (inner, ("none",)), ("Is",) | ("Eq",)):
                values = [inner]
                if inner[0] == "name":
                    values += [each.value for each in scope.assigned.get(inner[1], ())]
                yield from filter(None, (self._key_of(each, scope) for each in values))
            case ("choice", parts):
                for part in parts:
                    yield from self._keys_missing(part, scope)

    def _key_of(self, value: Expression, scope: FunctionSymbol) -> str | None:
        match value:
            case ("call", int(index)):
                call = scope.facts.calls[index]
                if call.callee[0] == "attribute" and call.callee[2] in ("get", "aget") and call.arguments:
                    key = call.arguments[0]
                    return key[1] if key[0] == "string" and self.is_session(call.callee[1], scope) else None
                if call.callee in (("name", "int"), ("name", "str")) and len(call.arguments) == 1:
                    return self._key_of(call.arguments[0], scope)
            case ("subscript", place, ("string", str(key))) if self.is_session(place, scope):
                return key
            case ("await", inner):
                return self._key_of(inner, scope)
        return None

    # --- whom a function sends away ------------------------------------------------------------------------------------------

    def _is_refused(self, name: Expression, scope: FunctionSymbol) -> bool:
        """`if row is None: raise …`."""
        return any(
            block.what == "if" and any(_is_missing(name, test) for test in block.expressions) and self.goes_away(block, scope)
            for block in scope.facts.blocks
        )

    def goes_away(self, block: Block, scope: FunctionSymbol) -> bool:
        """Nobody gets past these lines: they raise, or answer whoever is served there."""
        facts = scope.facts
        inside = range(block.line, block.end_line + 1)
        if any(line in inside for line in facts.raises):
            return True
        called = [call.callee for call in facts.calls if block.line <= call.line <= block.end_line]
        if any((last_name(each) or "").startswith(REFUSING) for each in called):
            return True
        entry = self._analysis.reach.entries.get(scope)
        if entry is None or entry.sort not in (ROUTE, SOCKET, LISTENER):
            return False
        return any(how == "return" and line in inside for how, line in facts.jumps) or any(
            each.how == "return" and each.line in inside for each in facts.returned
        )


def _is_missing(name: Expression, test: Expression) -> bool:
    match test:
        case ("not", inner) | ("compare", (inner, ("none",)), ("Is",) | ("Eq",)):
            return bool(inner == name)
        case ("choice", parts):
            return any(_is_missing(name, part) for part in parts)
    return False


def _speaks_of_session(scope: FunctionSymbol) -> bool:
    """It has a session at hand, or a request that leads to one."""
    loads = scope.facts.loads
    return "session" in loads or not CONNECTIONS.isdisjoint(loads)


def _names(annotation: Expression) -> Iterator[str]:
    waiting = [annotation]
    while waiting:
        each = waiting.pop()
        if each[0] in ("name", "attribute"):
            yield each[-1]
        elif each[0] == "subscript":
            waiting += [each[1], each[2]]
        elif each[0] == "tuple":
            waiting += each[1]
