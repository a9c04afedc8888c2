"""Who asks who it is: dependencies that are told, routers and decorators that let only some through, and words of rights."""

import re
from collections.abc import Collection
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.entries.reach import EntryPoint
from netra.guard.facts import NOTHING, Decorator, Expression, dotted, last_name
from netra.guard.meaning.expressions import within
from netra.guard.meaning.parameters import INJECTED
from netra.guard.requests.claims import IDENTITIES, words
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine

SIGNING_IN: Final = tuple(
    """auth user login token permission role admin principal identity verify security api_key apikey access credential
    protect signed member require check""".split()
)
# What only asks for anybody who is signed in.
SIGNED_IN: Final = re.compile(r"(?i)_?(?:require|check)_(?:current_)?(?:user|login|session|identity|(?:signed|logged)_?in)")

RIGHTS: Final = (
    "admin",
    "superuser",
    "permission",
    "allowed",
    "authorize",
    "can_",
    "access",
    "is_owner",
    "require_",
    "check_",
    "403",
    "forbidden",
    "staff",
)

# Words of decorators that let only some through, whoever else is signed in.
OF_SOME: Final = ("admin", "superuser", "staff", "permission", "privileged", "moderator")
# By what name a decorator is told to look for whose something is.
WHOSE_KEY: Final = re.compile(r"(?:user|owner|account|actor)_?(?:id|uuid|email|name)")


def signed_in(analysis: Analysis, scope: FunctionSymbol) -> str | None:
    """The parameter that a dependency fills with who is asking."""
    around = scope.parent
    for parameter in scope.facts.parameters if around is not None else ():
        match analysis.receivers.parameters.dependency(parameter, around) if around is not None else None:
            case Routine(function=function):
                if any(word in function.name.lower() for word in ("user", "principal", "identity", "auth", "actor")):
                    return parameter.name
    return None


def is_of_rights(analysis: Analysis, scope: FunctionSymbol, signed: str) -> bool:
    """The dependency lets only some through: `Depends(require_admin)`."""
    parameter = scope.facts.parameters[scope.parameters[signed]]
    match analysis.receivers.parameters.dependency(parameter, scope.parent) if scope.parent is not None else None:
        case Routine(function=function):
            return not SIGNED_IN.fullmatch(function.name) and any(word in function.facts.qualified.lower() for word in RIGHTS)
    return False


def hangs_in_sight(scope: FunctionSymbol) -> bool:
    """The router is made in a file or function around the route: one that is handed over may have been made with guards."""
    for decorator in scope.facts.decorators:
        root = decorator.callee
        while root[0] == "attribute":
            root = root[1]
        at = scope.parent
        while at is not None and root[0] == "name":
            if at.assigned.get(root[1]):
                return True
            if root[1] in at.bound:
                return False
            at = at.parent
    return False


def speaks_of_rights(scope: FunctionSymbol, besides: Collection[str] = (), *, refuses_else: bool = False) -> bool:
    """Something in the function asks whether this may be: a name says so, the ids are compared, or a decorator lets only
    some through.

    What is asked of the names `besides` says nothing: of whom a client has said to be, everything may be allowed. And with
    `refuses_else`, that it raises `PermissionError` says nothing: it is known to do so for another reason.
    """
    if any(map(_is_for_some, scope.facts.decorators)):
        return True
    calls = [call.callee for call in scope.facts.calls if _root(call.callee) not in besides]
    named = {*scope.facts.loads, *scope.parameters, *(last_name(each) or "" for each in calls)}
    named |= {last_name(each.expression) or "" for each in scope.facts.reads if _root(each.expression) not in besides}
    # Whoever is not authorized is not signed in; what that one may is another question.
    text = (
        "\n".join(each for each in named if not SIGNED_IN.fullmatch(each))
        .lower()
        .replace("unauthori", "")
        .replace("permissionerror" if refuses_else else "\n", "\n")
    )
    if any(word in text for word in RIGHTS):
        return True
    compared = [part for block in scope.facts.blocks for test in block.expressions for part in within(test, scope)]
    # `if uid is None` asks whether there is anybody, and not who.
    held = (part[1] for part in compared if part[0] == "compare" and NOTHING not in part[1])
    sides = [(each, [_root(one) for one in parts]) for parts in held for each in parts]
    return any(IDENTITIES.match(last_name(each) or "") for each, roots in sides if {*besides}.isdisjoint(roots))


def _root(expression: Expression) -> str | None:
    """`member` of `member.club.admin`."""
    while expression[0] in ("attribute", "subscript"):
        expression = expression[1]
    return expression[1] if expression[0] == "name" else None


def _is_for_some(decorator: Decorator) -> bool:
    """`@require_role(Role.Admin)`; and `@scoped(user_key="user_id")`, which is told by what name the client says who it is."""
    given = (*decorator.arguments, *(value for _, value in decorator.keywords))
    named = " ".join(dotted(each) or "" for each in (decorator.callee, *given)).lower()
    if any(word in named for word in OF_SOME):
        return True
    return any(each[0] == "string" and WHOSE_KEY.fullmatch(each[1]) for each in given)


def asks_itself(scope: FunctionSymbol) -> bool:
    """The function finds out by itself who is asking: it is sent a token, or calls what checks one."""
    named = [each.name for each in scope.facts.parameters if not IDENTITIES.match(each.name)]
    named += [last_name(call.callee) or "" for call in scope.facts.calls if call.callee[0] == "name"]
    return any(word in name.lower() for name in named for word in ("token", "auth", "verify", "signature", "secret", "api_key"))


def is_guarded(analysis: Analysis, entry: EntryPoint, routers: frozenset[tuple[FunctionSymbol, str]]) -> bool:
    """A dependency, a decorator or its router asks who it is before the route is run, or the route asks the request."""
    scope = entry.function
    around = scope.parent
    if around is None:
        return True
    for parameter in scope.facts.parameters:
        value = analysis.receivers.parameters.dependency(parameter, around)
        asked = f"{parameter.name} {value} {words(parameter.default, around)} {parameter.annotation}".lower()
        injected = value is not None or any(each in str(words(parameter.default, around)) for each in INJECTED)
        if not IDENTITIES.match(parameter.name) and injected and any(word in asked for word in SIGNING_IN):
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
        for part in (call.callee, *call.given)
        for each in within(part, scope)
    )


def is_of_router_for_some(scope: FunctionSymbol) -> bool:
    """The router of a route lets only some through: `APIRouter(dependencies=[Depends(check_admin)])`."""
    for decorator in scope.facts.decorators:
        root, at = _root(decorator.callee), scope.parent
        while at is not None and root is not None:
            for each in at.assigned.get(root, ()):
                call = at.facts.calls[each.value[1]] if each.value[0] == "call" else None
                asked = dict(call.keywords).get("dependencies") if call is not None else None
                named = (last_name(part) or "" for part in within(asked, at)) if asked is not None else ()
                if any(word in name.lower() for name in named for word in OF_SOME):
                    return True
            at = at.parent
    return False


# By which keywords a router is told what all of its routes ask.
GUARDING: Final = frozenset({"dependencies", "middleware"})


def guarded_routers(analysis: Analysis) -> frozenset[tuple[FunctionSymbol, str]]:
    """Routers that are made with dependencies: what they ask, they ask for all of their routes."""
    found = set()
    for scope in analysis.scopes:
        for each in scope.facts.assignments:
            if each.target[0] == "name" and each.value[0] == "call":
                keywords = scope.facts.calls[each.value[1]].keywords
                if keywords and not GUARDING.isdisjoint([name for name, _ in keywords]):
                    found.add((scope, each.target[1]))
    return frozenset(found)
