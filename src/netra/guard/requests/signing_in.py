"""Where the one client that there is for all signs in for one user."""

import re
from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import last_name
from netra.guard.meaning.expressions import within, written
from netra.guard.requests.origins import Origins
from netra.guard.requests.sharing import Sharing
from netra.guard.requests.whose import CREDENTIALS, names_within, told_secrets
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine, Step

# Methods after which an object acts for the one whom they were told.
SIGNS_IN: Final = re.compile(
    r"log_?in|sign_in(?:_with_\w+)?|(?:set|use)_(?:(?:access|auth|bearer|id)_?)?(?:token|credentials|basic_auth|session|user|api_key)"
)

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
