"""S108."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.entries.reach import EntryPoint
from netra.guard.entries.sorts import ROUTE
from netra.guard.facts import Expression, Parameter, last_name
from netra.guard.faults import LIKELY, Mend, Sighting
from netra.guard.meaning.contexts import written
from netra.guard.meaning.expressions import within
from netra.guard.meaning.receivers import INJECTED
from netra.guard.program import FunctionSymbol
from netra.guard.rule import rule
from netra.guard.values import Step

# Names of who somebody is. An account or a tenant may well be a thing that is looked at.
IDENTITIES: Final = frozenset("user_id userid actor_id current_user_id owner_id".split())
SIGNING_IN: Final = tuple(
    """auth user login token permission role admin principal identity verify security api_key apikey access credential
    protect signed member require check""".split()
)
GUARDED: Final = ("admin", "internal", "users/", "member", "service")


@rule("S108", "claimed-identity", default=False)
def claimed_identity(analysis: Analysis) -> Iterator[Sighting]:
    """A route takes from the query or a header who is asking, and hands out that user's things without asking for a proof.

    Whoever knows or guesses the id of somebody else reads and writes as that user.

    ```python
    @app.get("/threads")
    async def threads(user_id: str):
        return await store.threads_of(user_id=user_id)  # S108
    ```

    Take the user from a dependency that checks a token, and compare. Routes with such a dependency, of their own or of their
    router, those that look at `request.state` or `request.user`, and those whose path speaks of administrators are left alone.
    Who is asked before the program is reached, by a proxy or a middleware, guard cannot see: the rule is off by default.
    """
    routers = _guarded_routers(analysis)
    for entry in analysis.reach.entries.values():
        scope = entry.function
        if entry.sort != ROUTE or scope.module.in_tests or _is_guarded(analysis, entry, routers):
            continue
        for parameter in scope.facts.parameters:
            if not _is_claimed(parameter, scope, entry):
                continue
            used = _use(parameter.name, scope)
            if used is None:
                continue
            line, column, end_line, what = used
            message = f"`{parameter.name}` is whoever the client says it is, and `{what}` acts for that user"
            why = (Step(scope.module.path, parameter.line, f"`{parameter.name}` comes in with {entry.label}, from the client"),)
            mend = Mend("take the user from a dependency that checks who is asking, and compare")
            yield Sighting(scope, line, column, end_line, message, why, mend, LIKELY)


def _is_claimed(parameter: Parameter, scope: FunctionSymbol, entry: EntryPoint) -> bool:
    """It comes from the query, a header, a cookie or a form, is no dependency, and is not settled in the function."""
    if parameter.name not in IDENTITIES or f"{{{parameter.name}" in entry.label or scope.assigned.get(parameter.name):
        return False
    default = parameter.default
    if default is None or default[0] in ("none", "string"):
        return "'call'" not in str(parameter.annotation)
    if default[0] == "call" and scope.parent is not None:
        return last_name(scope.parent.facts.calls[default[1]].callee) in ("Query", "Header", "Cookie", "Form", "Body")
    return False


def _is_guarded(analysis: Analysis, entry: EntryPoint, routers: frozenset[tuple[FunctionSymbol, str]]) -> bool:
    scope = entry.function
    if any(word in entry.label.lower() or word in scope.name.lower() for word in GUARDED):
        return True
    around = scope.parent
    if around is None:
        return True
    for parameter in scope.facts.parameters:
        value = analysis.receivers.dependency(parameter, around)
        asked = f"{parameter.name} {value} {_words(parameter.default, around)} {parameter.annotation}".lower()
        injected = value is not None or any(each in str(_words(parameter.default, around)) for each in INJECTED)
        if parameter.name not in IDENTITIES and injected and any(word in asked for word in SIGNING_IN):
            return True
    for decorator in scope.facts.decorators:
        name = last_name(decorator.callee) or ""
        keywords = dict(decorator.keywords)
        if (
            "dependencies" in keywords
            or "admin" in str(keywords.get("tags"))
            or any(word in name.lower() for word in SIGNING_IN)
        ):
            return True
        if decorator.callee[0] == "attribute" and decorator.callee[1][0] == "name":
            at: FunctionSymbol | None = around
            while at is not None:
                if (at, decorator.callee[1][1]) in routers:
                    return True
                at = at.parent
    return "request" in scope.facts.loads and any(
        each[0] == "attribute" and each[2] in ("state", "user", "auth", "session", "scope") and last_name(each[1]) == "request"
        for call in scope.facts.calls
        for part in (call.callee, *call.arguments, *(value for _, value in call.keywords))
        for each in within(part, scope)
    )


def _words(expression: Expression | None, scope: FunctionSymbol) -> str:
    """All names in an expression."""
    return "" if expression is None else " ".join(filter(None, (last_name(each) for each in within(expression, scope))))


def _guarded_routers(analysis: Analysis) -> frozenset[tuple[FunctionSymbol, str]]:
    """Routers that are made with dependencies: what they ask, they ask for all of their routes."""
    found = set()
    for scope in analysis.scopes:
        for each in scope.facts.assignments:
            if each.target[0] == "name" and each.value[0] == "call":
                keywords = dict(scope.facts.calls[each.value[1]].keywords)
                if "dependencies" in keywords or "middleware" in keywords:
                    found.add((scope, each.target[1]))
    return frozenset(found)


def _use(name: str, scope: FunctionSymbol) -> tuple[int, int, int, str] | None:
    """A call that is told whose things are meant."""
    for call in scope.facts.calls:
        for given in (*call.arguments, *(value for _, value in call.keywords)):
            if call.callee[0] == "attribute" and _is_handed_on(name, given):
                return call.line, call.column, call.end_line, f"{written(call.callee, scope)}(…)"
    return None


def _is_handed_on(name: str, given: Expression) -> bool:
    """As itself, or in a dictionary: `{"user_id": user_id}`."""
    return given == ("name", name) or (given[0] == "dict" and any(value == ("name", name) for _, value in given[1]))
