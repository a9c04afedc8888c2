"""S108."""

from collections.abc import Iterator
from functools import partial
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.entries.reach import EntryPoint
from netra.guard.entries.sorts import ROUTE, SOCKET
from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.faults import CERTAIN, LIKELY, Mend, Sighting
from netra.guard.meaning.expressions import within, written
from netra.guard.requests.askers import (
    asks_itself,
    guarded_routers,
    hangs_in_sight,
    is_guarded,
    is_of_rights,
    signed_in,
    speaks_of_rights,
)
from netra.guard.requests.claim_checks import ClaimChecks
from netra.guard.requests.claims import IDENTITIES, claims, is_preferred, put_first, use
from netra.guard.requests.for_programs import ForPrograms
from netra.guard.requests.left_by_client import kept_by_connection, left_by_client
from netra.guard.requests.overruled import FIRST, overruled
from netra.guard.requests.serving import Serving
from netra.guard.requests.unread_proofs import dropped_proofs, unread_proofs
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine, Step

# As whom one of the staff looks at something.
FOR_ANOTHER: Final = frozenset(
    """as_user as_user_id on_behalf_of on_behalf_of_user acting_as acting_user acting_for act_as act_for impersonate
    impersonate_user impersonated_user run_as""".split()
)
GUARDED: Final = ("admin", "internal", "users/", "member", "service", "webhook", "callback", "public", "login", "register")

CLIENTS: Final = frozenset("query_params args headers cookies form query rel_url GET POST".split())

# Routes that ask who it is, from which on a program is taken to ask for itself, and not to leave it to a proxy.
ASKING: Final = 3


@rule("S108", "claimed-identity", hesitant=True)
def claimed_identity(analysis: Analysis) -> Iterator[Sighting]:
    """A route takes from the query, a header or the body who is asking, and acts for that user without a proof.

    Whoever knows or guesses the id of somebody else reads and writes as that user.

    ```python
    @app.get("/threads")
    async def threads(user_id: str):
        return await store.threads_of(user_id=user_id)  # S108: the other routes depend on `current_user`
    ```

    Take the user from a dependency that checks a token, and compare. Reported are routes that ask nobody while others of the
    same program do (at least three), those that are told who is signed in and never look at it, those that prefer what the
    client says or put it in the place of who is signed in, those that tell a function what the client says where other routes
    tell it who is signed in, and those that take a body whole in which others put right whose it is. Who is signed in may come
    from a dependency, the request, a session, a context variable or a function that refuses whoever brings no proof, in
    whatever framework. A program whose routes do not ask at all may stand behind a proxy that does, and is left alone; so are
    routes whose path speaks of administrators, those with a decorator that does (`@require_role(Role.Admin)`) or that is told
    by what name the client says who it is (`@scoped(user_key="user_id")`), those that look at `request.state` or
    `request.user`, and a filter that may be left out (`if user_id: rows = rows.filter(owner=user_id)`), also where it is one in
    what the route calls. So are a claim that is checked (what is called holds it against who is signed in, or answers 403), one
    of which only the text is looked at, and routes before which a key of the whole server is compared: programs reach them, and
    say for whom they work. Of a route that asks nobody guard is certain where at least a quarter of the program's routes are
    told who is asking.

    Reported is, in any program, a function that is told whose something is and a secret that should prove it, and that looks at
    the secret no further than whether there is one: `if secret and user_id: return folder_of(user_id)`. So is a route that
    takes a token or a ticket and never reads it, where another route does.
    """
    routers = guarded_routers(analysis)
    entries = [
        each for each in analysis.reach.entries.values() if each.sort in (ROUTE, SOCKET) and not each.function.module.in_tests
    ]
    known = {each.function: signed_in(analysis, each.function) for each in entries}
    asking = sum(name is not None for name in known.values())
    asks, mostly = asking >= ASKING, asking * 4 >= len(known)
    yield from _asked_first(entries)
    yield from _chosen_for_routes(analysis, entries)
    told: set[FunctionSymbol] = set()
    for entry in entries:
        scope, signed = entry.function, known[entry.function]
        if signed is not None and is_of_rights(analysis, scope, signed):
            continue
        if any(word in entry.label.lower() or word in scope.name.lower() for word in GUARDED) or speaks_of_rights(scope):
            continue
        for claim in dict.fromkeys((*claims(scope, entry), *put_first(scope, signed))):
            preferred = signed is not None and is_preferred(claim, signed, scope)
            ignored = signed is not None and signed not in scope.facts.loads
            nobody = (
                asks
                and signed is None
                and hangs_in_sight(scope)
                and not is_guarded(analysis, entry, routers)
                and not asks_itself(scope)
            )
            elsewhere = signed is not None and _is_asked_elsewhere(analysis, claim, scope, known)
            if not (preferred or ignored or nobody or elsewhere):
                continue
            idle = partial(_is_idle, claim, scope, analysis.once(ClaimChecks))
            used = use(claim, scope, idle, about_people=not nobody and not preferred, made=preferred)
            if used is None or analysis.once(ClaimChecks).is_settled(claim, scope) or analysis.once(ForPrograms).reach(scope):
                continue
            line, column, end_line, what = used
            named = written(claim, scope)
            message = f"`{named}` is whoever the client says it is, and `{what}` acts for that user"
            why = [Step(scope.module.path, scope.facts.line, f"`{named}` comes in with {entry.label}, from the client")]
            if signed is not None:
                why.append(Step(scope.module.path, scope.facts.line, f"who is signed in is `{signed}`, and is not asked"))
            mend = Mend("take the user from a dependency that checks who is asking, and compare")
            sure = CERTAIN if mostly or not nobody else LIKELY
            yield Sighting(scope, line, column, end_line, message, tuple(why), mend, sure)
            told.add(scope)
            break
    for unread in unread_proofs(analysis):
        scope, call = unread.scope, unread.call
        what = f"{written(call.callee, scope)}(…)"
        message = f"`{unread.proof}` is only asked whether it is there, and `{what}` acts for `{unread.whose}`"
        why = [
            *analysis.once(Serving).way(scope),
            Step(scope.module.path, unread.tested.head, "anything at all is let through here"),
        ]
        mend = Mend("compare it with what is kept for that user")
        yield Sighting(scope, call.line, call.column, call.end_line, message, tuple(why), mend, CERTAIN)
    for dropped in dropped_proofs(analysis):
        scope, call = dropped.scope, dropped.call
        if scope in told or is_guarded(analysis, analysis.reach.entries[scope], routers):
            continue
        told.add(scope)
        what = f"{written(call.callee, scope)}(…)"
        message = f"`{dropped.proof}` is never looked at, and `{what}` acts for whomever the client names by `{dropped.whose}`"
        mend = Mend(f"find out by `{dropped.proof}` who it is")
        yield Sighting(scope, call.line, call.column, call.end_line, message, (dropped.elsewhere,), mend, CERTAIN)
    for said in overruled(analysis):
        if said.scope not in told:
            message = f"`{said.claim}` is whoever the client says it is, and `{said.what}` acts for that user"
            if said.what == FIRST:
                message = f"`{said.claim}` is whoever the client says it is, and goes before who is signed in"
            mend = Mend("take who is signed in, or check that this one may choose another")
            yield Sighting(said.scope, said.line, said.column, said.end_line, message, said.why, mend, CERTAIN)
    for left in (*left_by_client(analysis), *kept_by_connection(analysis)):
        place = written(left.given.target, left.scope)
        message = f"`{left.claim}` is whoever the client says it is, and is left in `{place}` as who is asking"
        mend = Mend("find out by a token or a session who it is")
        yield Sighting(left.scope, left.given.line, left.given.column, left.given.line, message, (), mend, CERTAIN)


def _is_idle(claim: Expression, scope: FunctionSymbol, checks: ClaimChecks, call: CallSite) -> bool:
    """A call that only looks at the text of a claim, or only leaves out rows of others where there is one."""
    return checks.only_looks(call, scope) or checks.may_be_left_out(call, claim, scope)


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
                    if known[0] != "attribute" or speaks_of_rights(scope):
                        continue
                    message = f"`{claim}` is whoever the client says it is, though `{written(known, scope)}` is known"
                    why = (Step(scope.module.path, scope.facts.line, f"{entry.label} takes it from the client"),)
                    mend = Mend("take the user that is known, or check that this one may choose another")
                    yield Sighting(scope, call.line, call.column, call.end_line, message, why, mend, CERTAIN)


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
    signed = signed_in(analysis, scope)
    if signed is None or is_of_rights(analysis, scope, signed) or speaks_of_rights(scope):
        return
    for each in scope.facts.returned:
        if each.value[0] != "choice" or len(each.value[1]) != 2 or ("name", signed) not in within(each.value[1][1], scope):
            continue
        claim = each.value[1][0]
        told = (
            scope.facts.parameters[scope.parameters[claim[1]]] if claim[0] == "name" and claim[1] in scope.parameters else None
        )
        if told is None or scope.assigned.get(told.name):
            continue
        if not IDENTITIES.match(told.name) and told.name.removeprefix("x_") not in FOR_ANOTHER:
            continue
        if analysis.receivers.parameters.dependency(told, scope.parent or scope) is not None:
            continue
        message = f"`{told.name}` is whoever the client says it is, and goes before who is signed in"
        why = (
            Step(scope.module.path, told.line, f"`{told.name}` comes in with {entry.label}, from the client"),
            Step(scope.module.path, scope.facts.line, f"who is signed in is `{signed}`, and is not asked"),
        )
        mend = Mend("let only those choose somebody else who may, or take who is signed in")
        yield Sighting(scope, each.line, each.column, each.line, message, why, mend, CERTAIN)


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
