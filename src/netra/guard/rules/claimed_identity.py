"""S108."""

import re
from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.entries.reach import EntryPoint
from netra.guard.entries.sorts import ROUTE, SOCKET
from netra.guard.facts import CallSite, Expression, Parameter, last_name
from netra.guard.faults import LIKELY, Mend, Sighting
from netra.guard.meaning.contexts import written
from netra.guard.meaning.expressions import within
from netra.guard.meaning.parameters import INJECTED
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine, Step

# Names of who somebody is, also as one side of something. An account or a tenant may well be a thing that is looked at.
IDENTITIES: Final = re.compile(r"^(?:x_)?(?:(?:current|from|acting)_)?(?:user|actor|owner|sender|payer)_?id$|^uid$")
# As whom one of the staff looks at something.
FOR_ANOTHER: Final = frozenset("as_user as_user_id on_behalf_of acting_as act_as impersonate run_as".split())
SIGNING_IN: Final = tuple(
    """auth user login token permission role admin principal identity verify security api_key apikey access credential
    protect signed member require check""".split()
)
GUARDED: Final = ("admin", "internal", "users/", "member", "service", "webhook", "callback", "public", "login", "register")
# Who somebody else is may well be asked by anybody who is signed in.
ABOUT_PEOPLE: Final = frozenset(
    """user users profile profiles member members invite follow share avatar block mention notify assign contact friend friends
    people person role roles permission permissions""".split()
)

BODIES: Final = frozenset("body payload data form req request_body item params command input".split())
CLIENTS: Final = frozenset("query_params args headers cookies form query rel_url GET POST".split())
SENT: Final = frozenset("Query Header Cookie Form Body".split())
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
)
# What an id is still the same after.
SAME: Final = frozenset("str int UUID".split())
# An object that is made with the connection answers there for whoever it is told.
SOCKETS: Final = frozenset("websocket socket ws".split())
IGNORED: Final = frozenset("debug info warning error exception print str log bind set_tag setattr".split())

# Routes that ask who it is, from which on a program is taken to ask for itself, and not to leave it to a proxy.
ASKING: Final = 3


@rule("S108", "claimed-identity")
def claimed_identity(analysis: Analysis) -> Iterator[Sighting]:
    """A route takes from the query, a header or the body who is asking, and acts for that user without a proof.

    Whoever knows or guesses the id of somebody else reads and writes as that user.

    ```python
    @app.get("/threads")
    async def threads(user_id: str):
        return await store.threads_of(user_id=user_id)  # S108: the other routes depend on `current_user`
    ```

    Take the user from a dependency that checks a token, and compare. Reported are routes that ask nobody while others of the
    same program do, those that are told who is signed in and never look at it, those that prefer what the client says, and
    those that tell a function what the client says where other routes tell it who is signed in. A program whose routes do not
    ask at all may stand behind a proxy that does, and is left alone; so are routes whose path speaks of administrators, and
    those that look at `request.state` or `request.user`.
    """
    routers = _guarded_routers(analysis)
    entries = [
        each for each in analysis.reach.entries.values() if each.sort in (ROUTE, SOCKET) and not each.function.module.in_tests
    ]
    known = {each.function: _signed_in(analysis, each.function) for each in entries}
    asks = sum(name is not None for name in known.values()) >= ASKING
    yield from _asked_first(entries)
    if asks:
        yield from _chosen_for_routes(analysis, entries)
    for entry in entries if asks else ():
        scope, signed = entry.function, known[entry.function]
        if signed is not None and _is_of_rights(analysis, scope, signed):
            continue
        if any(word in entry.label.lower() or word in scope.name.lower() for word in GUARDED) or _speaks_of_rights(scope):
            continue
        for claim in dict.fromkeys((*_claims(scope, entry), *_put_first(scope, signed))):
            preferred = signed is not None and _is_preferred(claim, signed, scope)
            ignored = signed is not None and signed not in scope.facts.loads
            nobody = (
                signed is None
                and _hangs_in_sight(scope)
                and not _is_guarded(analysis, entry, routers)
                and not _asks_itself(scope)
            )
            elsewhere = signed is not None and _is_asked_elsewhere(analysis, claim, scope, known)
            if not (preferred or ignored or nobody or elsewhere):
                continue
            used = _use(claim, scope, about_people=not nobody and not preferred, made=preferred)
            if used is None:
                continue
            line, column, end_line, what = used
            said = written(claim, scope)
            message = f"`{said}` is whoever the client says it is, and `{what}` acts for that user"
            why = [Step(scope.module.path, scope.facts.line, f"`{said}` comes in with {entry.label}, from the client")]
            if signed is not None:
                why.append(Step(scope.module.path, scope.facts.line, f"who is signed in is `{signed}`, and is not asked"))
            mend = Mend("take the user from a dependency that checks who is asking, and compare")
            yield Sighting(scope, line, column, end_line, message, tuple(why), mend, LIKELY)
            break


def _asked_first(entries: list[EntryPoint]) -> Iterator[Sighting]:
    """`request.query_params.get("user_id", thread.user_id)`: who it is, is known, and the client is asked first."""
    for entry in entries:
        scope = entry.function
        for call in scope.facts.calls:
            match call.callee, call.arguments:
                case ("attribute", source, "get"), (("string", str(claim)), known) if last_name(source) in CLIENTS:
                    whose = last_name(known[1]) if known[-1] == "id" and known[0] == "attribute" else last_name(known)
                    if not IDENTITIES.match(claim) or not IDENTITIES.match(f"{whose}_id".replace("_id_id", "_id")):
                        continue
                    if known[0] != "attribute" or _speaks_of_rights(scope):
                        continue
                    message = f"`{claim}` is whoever the client says it is, though `{written(known, scope)}` is known"
                    why = (Step(scope.module.path, scope.facts.line, f"{entry.label} takes it from the client"),)
                    mend = Mend("take the user that is known, or check that this one may choose another")
                    yield Sighting(scope, call.line, call.column, call.end_line, message, why, mend, LIKELY)


def _chosen_for_routes(analysis: Analysis, entries: list[EntryPoint]) -> Iterator[Sighting]:
    """A dependency gives its routes what the client says, and who is signed in only where the client says nothing."""
    seen: set[FunctionSymbol] = set()
    for entry in entries:
        for parameter in entry.function.facts.parameters if entry.function.parent is not None else ():
            match analysis.receivers.parameters.dependency(parameter, entry.function.parent or entry.function):
                case Routine(function=scope) if scope not in seen and not scope.module.library:
                    seen.add(scope)
                    yield from _chosen(analysis, scope, entry)


def _chosen(analysis: Analysis, scope: FunctionSymbol, entry: EntryPoint) -> Iterator[Sighting]:
    signed = _signed_in(analysis, scope)
    if signed is None or _is_of_rights(analysis, scope, signed) or _speaks_of_rights(scope):
        return
    for each in scope.facts.returned:
        if each.value[0] != "choice" or len(each.value[1]) != 2 or ("name", signed) not in within(each.value[1][1], scope):
            continue
        claim = each.value[1][0]
        told = (
            scope.facts.parameters[scope.parameters[claim[1]]] if claim[0] == "name" and claim[1] in scope.parameters else None
        )
        if told is None or not (IDENTITIES.match(told.name) or told.name in FOR_ANOTHER) or scope.assigned.get(told.name):
            continue
        if analysis.receivers.parameters.dependency(told, scope.parent or scope) is not None:
            continue
        message = f"`{told.name}` is whoever the client says it is, and goes before who is signed in"
        why = (
            Step(scope.module.path, told.line, f"`{told.name}` comes in with {entry.label}, from the client"),
            Step(scope.module.path, scope.facts.line, f"who is signed in is `{signed}`, and is not asked"),
        )
        mend = Mend("let only those choose somebody else who may, or take who is signed in")
        yield Sighting(scope, each.line, each.column, each.line, message, why, mend, LIKELY)


def _signed_in(analysis: Analysis, scope: FunctionSymbol) -> str | None:
    """The parameter that a dependency fills with who is asking."""
    around = scope.parent
    for parameter in scope.facts.parameters if around is not None else ():
        match analysis.receivers.parameters.dependency(parameter, around) if around is not None else None:
            case Routine(function=function):
                if any(word in function.name.lower() for word in ("user", "principal", "identity", "auth", "actor")):
                    return parameter.name
    return None


def _is_of_rights(analysis: Analysis, scope: FunctionSymbol, signed: str) -> bool:
    """The dependency lets only some through: `Depends(require_admin)`."""
    parameter = scope.facts.parameters[scope.parameters[signed]]
    match analysis.receivers.parameters.dependency(parameter, scope.parent) if scope.parent is not None else None:
        case Routine(function=function):
            return any(word in function.facts.qualified.lower() for word in RIGHTS)
    return False


def _hangs_in_sight(scope: FunctionSymbol) -> bool:
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


def _claims(scope: FunctionSymbol, entry: EntryPoint) -> Iterator[Expression]:
    """Names and fields of bodies that say who somebody is: of the query, a header, a cookie, a form or the body."""
    for parameter in scope.facts.parameters:
        if _is_claimed(parameter, scope, entry):
            yield ("name", parameter.name)
    bodies = {each.name for each in scope.facts.parameters if each.default is None and each.annotation is not None}
    seen = set()
    for call in scope.facts.calls:
        for given in call.given:
            match given:
                case ("attribute", ("name", str(body)), str(name)) if (
                    body in bodies and body in BODIES and IDENTITIES.match(name)
                ):
                    seen.add(given)
    for each in scope.facts.assignments:
        match each.value:
            case ("choice", (("attribute", ("name", str(body)), str(name)) as said, *_)) if body in bodies and body in BODIES:
                if IDENTITIES.match(name):
                    seen.add(said)
    yield from sorted(seen)


def _put_first(scope: FunctionSymbol, signed: str | None) -> Iterator[Expression]:
    """`body.requested_by` of `body.requested_by or user.id`: whatever it is called, it stands for who is signed in."""
    for each in _choices(scope) if signed is not None else ():
        match each[1]:
            case (("attribute", ("name", str(body)), _) as said, ("attribute", ("name", str(who)), str(name))) if (
                body in BODIES and who == signed and (name == "id" or IDENTITIES.match(name))
            ):
                yield said


def _choices(scope: FunctionSymbol) -> list[Expression]:
    chosen = [each.value for each in scope.facts.assignments]
    chosen += [each for call in scope.facts.calls for each in call.given]
    return [each for each in chosen if each[0] == "choice" and len(each[1]) == 2]


def _is_claimed(parameter: Parameter, scope: FunctionSymbol, entry: EntryPoint) -> bool:
    """It comes from the query, a header, a cookie or a form, is no dependency, and is not settled in the function."""
    if not IDENTITIES.match(parameter.name) or f"{{{parameter.name}" in entry.label or scope.assigned.get(parameter.name):
        return False
    default = parameter.default
    if default is not None and default[0] == "call" and scope.parent is not None:
        return last_name(scope.parent.facts.calls[default[1]].callee) in SENT
    if default is not None and default[0] not in ("none", "string"):
        return False
    around = scope.parent
    asked = _words(parameter.annotation, around) if around is not None else ""
    return "'call'" not in str(parameter.annotation) or any(each in asked.split() for each in SENT)


def _is_preferred(claim: Expression, signed: str, scope: FunctionSymbol) -> bool:
    """`body.user_id or user.id`: what the client says goes first."""
    return any(each[1][0] == claim and ("name", signed) in within(each[1][1], scope) for each in _choices(scope))


def _is_asked_elsewhere(
    analysis: Analysis, claim: Expression, scope: FunctionSymbol, known: dict[FunctionSymbol, str | None]
) -> bool:
    """Another route gives the same function, at the same place, the id of who is signed in."""
    for call in scope.facts.calls:
        places = [number for number, given in enumerate(call.arguments) if given == claim]
        called = analysis.receivers.value(call.callee, scope) if places else None
        if not isinstance(called, Routine):
            continue
        for other, _, one in analysis.calls_of(called.function.name):
            signed = known.get(other)
            if other is scope or signed is None or len(one.arguments) <= places[0]:
                continue
            if one.arguments[places[0]] == ("attribute", ("name", signed), "id"):
                match analysis.receivers.value(one.callee, other):
                    case Routine(function=function) if function is called.function:
                        return True
    return False


def _speaks_of_rights(scope: FunctionSymbol) -> bool:
    """Something in the function asks whether this may be: a name says so, or the ids are compared."""
    calls = [call.callee for call in scope.facts.calls]
    named = {*scope.facts.loads, *scope.parameters, *(last_name(each) or "" for each in calls)}
    named |= {last_name(each.expression) or "" for each in scope.facts.reads}
    if any(word in name.lower() for name in named for word in RIGHTS):
        return True
    compared = [part for block in scope.facts.blocks for test in block.expressions for part in within(test, scope)]
    return any(part[0] == "compare" and any(IDENTITIES.match(last_name(each) or "") for each in part[1]) for part in compared)


def _asks_itself(scope: FunctionSymbol) -> bool:
    """The function finds out by itself who is asking: it is sent a token, or calls what checks one."""
    named = [each.name for each in scope.facts.parameters if not IDENTITIES.match(each.name)]
    named += [last_name(call.callee) or "" for call in scope.facts.calls if call.callee[0] == "name"]
    return any(word in name.lower() for name in named for word in ("token", "auth", "verify", "signature", "secret", "api_key"))


def _is_guarded(analysis: Analysis, entry: EntryPoint, routers: frozenset[tuple[FunctionSymbol, str]]) -> bool:
    scope = entry.function
    around = scope.parent
    if around is None:
        return True
    for parameter in scope.facts.parameters:
        value = analysis.receivers.parameters.dependency(parameter, around)
        asked = f"{parameter.name} {value} {_words(parameter.default, around)} {parameter.annotation}".lower()
        injected = value is not None or any(each in str(_words(parameter.default, around)) for each in INJECTED)
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


def _use(claim: Expression, scope: FunctionSymbol, *, about_people: bool, made: bool) -> tuple[int, int, int, str] | None:
    """A call that is told whose things are meant; with `made` also one that makes an object of it."""
    names = {each.target for each in scope.facts.assignments if each.value[0] == "choice" and claim in each.value[1]}
    kinds = {("call", index) for index, call in enumerate(scope.facts.calls) if _is_kind_of_id(call, claim)}
    for call in scope.facts.calls:
        callee = last_name(call.callee) or ""
        if call.callee[0] not in ("attribute", "name") or callee in IGNORED:
            continue
        # What is made of it may look for that user; a row on which it stands belongs to that user.
        booked = any(IDENTITIES.match(name) and value == claim for name, value in call.keywords) and claim[0] == "attribute"
        acts = any(given[0] == "name" and given[1] in SOCKETS and given[1] in scope.parameters for given in call.given)
        if (callee[:1].isupper() and not (made or names or booked or acts)) or _is_kind_of_id(call, claim):
            continue
        if about_people and _is_about_people(written(call.callee, scope)):
            continue
        for given in call.given:
            if any(_is_handed_on(each, given) for each in (claim, *names, *kinds)):
                return call.line, call.column, call.end_line, f"{written(call.callee, scope)}(…)"
    return None


def _is_kind_of_id(call: CallSite, claim: Expression) -> bool:
    """`UserId(user_id)`, `str(user_id)`: the same id."""
    name = last_name(call.callee) or ""
    return call.arguments == (claim,) and not call.keywords and (name in SAME or name.lower().endswith("id"))


def _is_about_people(callee: str) -> bool:
    """`users.profile(…)`, and not `threads.of_user(…)`, which gives what is the user's."""
    name = callee.rpartition(".")[2]
    if name.startswith(("of_", "for_", "by_")) or name.endswith(("_of_user", "_for_user", "_by_user_id")):
        return False
    words = {each.lower() for each in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", callee)}
    return bool(ABOUT_PEOPLE & words)


def _is_handed_on(claim: Expression, given: Expression) -> bool:
    """As itself, with something else where there is none, or in a dictionary: `{"user_id": user_id}`."""
    return (
        given == claim
        or (given[0] == "choice" and claim == given[1][0])
        or (given[0] == "dict" and any(value == claim for _, value in given[1]))
    )
