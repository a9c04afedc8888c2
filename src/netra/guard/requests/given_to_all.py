"""What is one user's, by the lines around it, and given to everybody out of a shared place whose key leaves the user out.

self._open[host] = await Mailbox.open(host, login, password)  # the next one of that host gets this one's
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import Assignment, Expression, last_name
from netra.guard.meaning.expressions import within
from netra.guard.requests.apart import OF_ONE
from netra.guard.requests.serving import WHOM, Serving
from netra.guard.requests.sharing import Sharing, Write
from netra.guard.requests.whose import names_within, told_secrets
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Step

# How classes are called whose objects are signed in for whoever uses them.
SIGNED_IN: Final = ("Client", "Session", "Connection", "Provider", "Transport", "Api", "API", "Gateway", "Service", "SDK")

# Who signs in, and with what.
LOGINS: Final = frozenset("login username user user_name email account".split())
SECRETS: Final = frozenset("password passwd secret token access_token".split())

MADE_WITH: Final = "that its values are made with"


class GivenToAll(NamedTuple):
    """Something is kept for all who ask with a key, and is of whom a parameter tells."""

    scope: FunctionSymbol
    line: int
    column: int
    end_line: int
    place: str
    whose: str
    """The parameter that the key does not hold."""
    what: str
    """What that is to the value, to go on with: "that its values are made with"."""
    steps: tuple[Step, ...]


def given_to_all(analysis: Analysis) -> Iterator[GivenToAll]:
    """Every such place."""
    sharing = analysis.once(Sharing)
    yield from _signed_in_once(analysis, sharing)
    yield from _logged_in_once(analysis, sharing)
    yield from _kept_beside(analysis, sharing)


def _signed_in_once(analysis: Analysis, sharing: Sharing) -> Iterator[GivenToAll]:
    """A client is made with what somebody signs in with, and given to whoever asks for the same address: `connect(url, token)`.

    Nothing that serves need lead there: whoever calls it twice, for two who sign in, gets the first one's client.
    """
    for scope, told in analysis.once(told_secrets):
        for each in scope.facts.assignments:
            if each.target[0] != "subscript" or each.how != "=" or each.target[2][0] in ("string", "constant"):
                continue
            made_of, in_key = names_within(each.value, scope), names_within(each.target[2], scope)
            whose = next((name for name in told if name in made_of), None)
            if whose is None or {*told} & in_key or not in_key & {*scope.parameters} or not _makes_client(each.value, scope):
                continue
            slot = sharing.slot(each.target[1], scope)
            if slot is not None and is_read(scope, sharing, slot.key) and _is_given(each, scope):
                steps = (Step(scope.module.path, scope.facts.line, f"`{whose}` is given here"), slot.step)
                yield GivenToAll(scope, each.line, each.column, each.line, slot.name, whose, MADE_WITH, steps)


def _logged_in_once(analysis: Analysis, sharing: Sharing) -> Iterator[GivenToAll]:
    """`self._open[host] = await Mailbox.open(host, login, password)`: who is told neither in the key, gets the first one's.

    Those who serve somebody call it with what they have of that one, and not with what the server itself is set up with.
    """
    for write in sharing.writes:
        scope = write.scope
        if write.how != "item" or write.key is None or write.key[0] in ("string", "constant"):
            continue
        secrets = [each.name for each in scope.facts.parameters if each.name in SECRETS]
        logins = [each.name for each in scope.facts.parameters if each.name in LOGINS]
        value = write.value[1] if write.value[0] == "await" else write.value
        if not secrets or not logins or value[0] != "call":
            continue
        told = {given[1] for given in scope.facts.calls[value[1]].given if given[0] == "name"}
        in_key = names_within(write.key, scope)
        if not told.intersection(secrets) or not told.intersection(logins) or in_key & {*secrets, *logins}:
            continue
        stored = next(
            (each for each in scope.facts.assignments if each.line == write.line and each.target[0] == "subscript"), None
        )
        if stored is None or not in_key & {*scope.parameters} or not _is_given(stored, scope):
            continue
        if is_read(scope, sharing, write.slot.key) and _is_told_by_somebody(analysis, scope, secrets[0]):
            steps = (Step(scope.module.path, scope.facts.line, f"`{logins[0]}` is given here"), write.slot.step)
            yield GivenToAll(scope, write.line, write.column, write.end_line, write.slot.name, logins[0], MADE_WITH, steps)


def _kept_beside(analysis: Analysis, sharing: Sharing) -> Iterator[GivenToAll]:
    """What is for one, as another place in the same function says, is kept for all as well, and given to whoever asks.

    `self.last[event["kind"]] = event`, above `for queue in self.queues[user_id]: queue.put_nowait(event)`.
    """
    for write in sharing.writes:
        scope, value = write.scope, write.value
        if write.how != "item" or write.key is None or write.key[0] in ("string", "constant") or value[0] != "name":
            continue
        whose = next((each.name for each in scope.facts.parameters if each.name in WHOM), None)
        if whose is None or value[1] in WHOM or value[1] not in scope.parameters or scope.assigned.get(value[1]):
            continue
        said = "".join(map(str, within(write.key, scope))).lower()
        if whose in names_within(write.key, scope) or any(word in said for word in OF_ONE):
            continue
        beside = _under(("name", whose), write, sharing)
        asked = _given_on(analysis, write, sharing) if beside else None
        if asked is None:
            continue
        here = Step(scope.module.path, beside, f"it is for `{whose}`, as is said here")
        steps = (here, asked, write.slot.step)
        yield GivenToAll(scope, write.line, write.column, write.end_line, write.slot.name, whose, "for whom this is", steps)


def _under(key: Expression, write: Write, sharing: Sharing) -> int:
    """The line on which the function looks under a key in another shared place; 0 if nowhere."""
    scope = write.scope
    places = [(block.head, each) for block in scope.facts.blocks for each in block.expressions]
    places += [(call.line, each) for call in scope.facts.calls for each in (call.callee, *call.given)]
    places += [(each.line, each.value) for each in scope.facts.assignments if each.how.startswith(("for", "="))]
    for line, place in places:
        for part in within(place, scope):
            looked = part[1] if part[0] == "subscript" and part[2] == key else None
            if part[0] == "call" and scope.facts.calls[part[1]].arguments[:1] == (key,):
                callee = scope.facts.calls[part[1]].callee
                looked = callee[1] if callee[0] == "attribute" and callee[2] == "get" else None
            slot = None if looked is None else sharing.slot(looked, scope)
            if slot is not None and slot.key != write.slot.key:
                return line
    return 0


def _given_on(analysis: Analysis, write: Write, sharing: Sharing) -> Step | None:
    """Another function looks there, and who is told for whom it works asks it."""
    for other in sharing.served:
        if other is write.scope or not is_read(other, sharing, write.slot.key):
            continue
        asking = [other, *(caller for caller, _ in analysis.program.calls_named.get(other.name, ()))]
        for caller in asking:
            if caller in analysis.once(Serving) and any(each.name in WHOM for each in caller.facts.parameters):
                return Step(other.module.path, other.facts.line, f"`{other.facts.qualified}` gives out what lies there")
    return None


def _is_told_by_somebody(analysis: Analysis, scope: FunctionSymbol, secret: str) -> bool:
    """All that is known to call it passes a secret that it has of a local name or a parameter."""
    number = scope.parameters[secret]
    passed = analysis.receivers.parameters.given(scope, scope.facts.parameters[number], number)
    found: list[bool] = []
    for caller, given in passed:
        root = given
        while root is not None and root[0] in ("attribute", "subscript"):
            root = root[1]
        of_somebody = root is not None and root[0] == "name" and root[1] in caller.bound and root[1] not in ("self", "cls")
        found.append(of_somebody and root != given and caller in analysis.once(Serving))
    return bool(found) and all(found)


def _is_given(stored: Assignment, scope: FunctionSymbol) -> bool:
    """The function returns what it stores: by its name, or out of the place."""
    names = [each.target for each in scope.facts.assignments if each.line == stored.line and each.value == stored.value]
    return any(each.value in (stored.target, stored.value, *names) for each in scope.facts.returned)


def _makes_client(value: Expression, scope: FunctionSymbol) -> bool:
    """`Client(url, token)`, at once or by a local name: what is signed in with it, and no record of it."""
    if value[0] == "name":
        given = [each.value for each in scope.assigned.get(value[1], ()) if each.value[0] == "call"]
        value = given[-1] if given else value
    made = last_name(scope.facts.calls[value[1]].callee) or "" if value[0] == "call" else ""
    return made[:1].isupper() and made.endswith(SIGNED_IN)


def is_read(scope: FunctionSymbol, sharing: Sharing, key: tuple[str, str]) -> bool:
    """The function also looks the value up: `slot.get(k)`, `k in slot`, `slot[k]` in a return."""
    expressions: list[Expression] = [
        call.callee[1] for call in scope.facts.calls if call.callee[0] == "attribute" and call.callee[2] == "get"
    ]
    for block in scope.facts.blocks:
        for test in block.expressions:
            match test:
                case ("compare", parts, operators) if {"In", "NotIn"} & {*operators}:
                    expressions += parts
    for returned in scope.facts.returned:
        match returned.value:
            case ("subscript", inner, _):
                expressions.append(inner)
    return any((slot := sharing.slot(each, scope)) is not None and slot.key == key for each in expressions)
