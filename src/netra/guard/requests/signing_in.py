"""Where the one client that there is for all signs in for one user."""

import re
from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import NAMED, CallSite, Expression, last_name
from netra.guard.meaning.expressions import within, written
from netra.guard.meaning.makers import made_by
from netra.guard.program import imported_packages
from netra.guard.requests.identities import SignedIn
from netra.guard.requests.origins import Origins
from netra.guard.requests.sharing import Sharing
from netra.guard.requests.whose import CREDENTIALS, names_within, told_secrets
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Instance, Routine, Step

# Methods after which an object acts for the one whom they were told.
SIGNS_IN: Final = re.compile(
    r"log_?in|sign_in(?:_with_\w+)?|(?:set|use)_(?:(?:access|auth|bearer|id)_?)?(?:token|credentials|basic_auth|session|user|api_key)"
)

# Clients of HTTP that keep the cookies they are given, and send them with whatever follows.
CLIENTS: Final = frozenset("httpx aiohttp requests".split())
KEEPING_COOKIES: Final = frozenset({"httpx.AsyncClient", "httpx.Client", "aiohttp.ClientSession", "requests.Session"})
LOGGING_IN: Final = re.compile(r"log_?-?in|sign_?-?in|sessions?\b|auth(?:enticate)?\b", re.IGNORECASE)
PASSWORDS: Final = ("password", "passwd", "pwd", "passphrase")
# What is asked of an answer to see whether it worked.
WORKED: Final = frozenset("raise_for_status status_code status ok is_success is_error release".split())

Found = tuple[FunctionSymbol, int, int, str, tuple[Step, ...], str]
"""Where it is, what is said of it, what proves it and what mends it."""


def signed_in_anew(analysis: Analysis) -> Iterator[Found]:
    """A function gives the one client that there is, and signs it in for whoever asks: `client.headers["Authorization"] = …`.

    Nothing that serves need lead there: whoever calls it for the next user signs in for the one before as well.
    """
    for scope, told in analysis.once(told_secrets):
        given = [each.value for each in scope.facts.returned]
        for each in scope.facts.assignments:
            place = each.target[1] if each.target[0] == "subscript" else each.target
            if each.how != "=" or place[0] != "attribute" or place[1] not in given:
                continue
            whose = next((name for name in told if name in names_within(each.value, scope)), None)
            slot = analysis.once(Sharing).slot(place, scope) if whose is not None else None
            if slot is not None and place[1] != ("name", "self"):
                message = f"`{written(place, scope)}` is of one client for all, and what is kept there of one user (`{whose}`)"
                why = (Step(scope.module.path, scope.facts.line, f"`{whose}` is given here"), slot.step)
                yield (
                    scope,
                    each.line,
                    each.column,
                    message,
                    why,
                    "send it along with each request, or make a client for each user",
                )


def signed_in_here(analysis: Analysis) -> Iterator[Found]:
    """The one object of a library that there is signs in for somebody who is served: `mailbox.login(user, password)`."""
    origins, sharing = analysis.once(Origins), analysis.once(Sharing)
    for scope in sharing.served:
        for call in scope.facts.calls:
            if call.callee[0] != "attribute" or not SIGNS_IN.fullmatch(call.callee[2]) or not call.given:
                continue
            parts = (part for given in call.given for part in within(given, scope))
            known = ((each, origins.of(each, scope, call.line)) for each in parts)
            whose = next((o for each, o in known if o is not None and (o.personal or last_name(each) in CREDENTIALS)), None)
            if whose is None or (slot := sharing.slot(call.callee[1], scope)) is None:
                continue
            match analysis.receivers.value(call.callee, scope):
                case Routine(function=function) if not function.module.library:
                    continue  # a method of the program says itself what it keeps
            message = (
                f"`{written(call.callee, scope)}(…)` signs in for one user (`{whose.name}`), and `{slot.name}` is one for all"
            )
            yield scope, call.line, call.column, message, (*whose.steps, slot.step), "make one for each user"


def signed_in_by_cookie(analysis: Analysis) -> Iterator[Found]:
    """The one client of HTTP that there is signs in with somebody's password: `await client.post("/login", data=…)`.

    Of the answer is only asked whether it worked. So what it signs in with from then on is the cookie that the client has kept.
    """
    sharing, identities, origins = analysis.once(Sharing), analysis.once(SignedIn), analysis.once(Origins)
    for scope in sharing.served if CLIENTS & {*analysis.program.once(imported_packages)} else ():
        for call in scope.facts.calls:
            if call.callee[0] != "attribute" or call.callee[2] not in ("post", "request"):
                continue
            parts = [part for given in call.given for part in within(given, scope)]
            if not any(each[0] == "string" and LOGGING_IN.search(each[1]) for each in parts):
                continue
            whose = next((each for each in parts if each[0] in NAMED and each[-1].endswith(PASSWORDS)), None)
            if whose is None or (slot := sharing.slot(call.callee[1], scope)) is None or not _is_only_checked(call, scope):
                continue
            if not _is_used_on(call, scope) or not _is_of_cookies(call.callee[1], scope, analysis):
                continue
            step = identities.of(whose[1], scope) if whose[0] == "attribute" else None
            origin = origins.of(whose, scope, call.line) if step is None else None
            if step is not None or origin is not None:
                message = (
                    f"`{written(call.callee, scope)}(…)` signs in for one user, and `{slot.name}` keeps the cookie for all"
                )
                why = (*((step,) if step is not None else ()), *(origin.steps if origin is not None else ()), slot.step)
                yield scope, call.line, call.column, message, why, "make a client for each user, with cookies of its own"


def _is_used_on(login: CallSite, scope: FunctionSymbol) -> bool:
    """The client is given out, or asked for more, and not only whether the password is right."""
    client, place = login.callee[1], (login.line, login.column)
    return any(each.value == client for each in scope.facts.returned) or any(
        each.callee[0] == "attribute" and each.callee[1] == client and (each.line, each.column) > place
        for each in scope.facts.calls
    )


def _is_of_cookies(expression: Expression, scope: FunctionSymbol, analysis: Analysis) -> bool:
    if any(analysis.calls_of("DummyCookieJar")):
        return False
    match analysis.receivers.value(expression, scope):
        case Instance(kind=kind) if kind.module.library:
            return f"{kind.module.name.partition('.')[0]}.{kind.name}" in KEEPING_COOKIES
    return made_by(expression, scope, analysis.program) in KEEPING_COOKIES


def _is_only_checked(call: CallSite, scope: FunctionSymbol) -> bool:
    """Nothing of the answer is kept, passed on or read, but whether it was one of success."""
    where = call.where[1] if call.where[0] == "await" else call.where
    if where == ("statement",) or (where[0] == "attribute" and where[1] in WORKED):
        return True
    if where[0] != "assign" or where[1][0] != "name":
        return False
    uses = [each.where for each in scope.facts.uses if each.name == where[1][1] and each.where[0] not in ("store", "assign")]
    return all(each[0] == "attribute" and each[1] in WORKED for each in uses)
