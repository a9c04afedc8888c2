"""S128."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import BODY, TOP, Block, CallSite, Expression, last_name
from netra.guard.faults import CERTAIN, LIKELY, Mend, Sighting
from netra.guard.meaning.expressions import within, written
from netra.guard.requests.identities import SignedIn
from netra.guard.requests.living import answers_each
from netra.guard.requests.sharing import Sharing
from netra.guard.requests.waiting import A_MODEL, Waits
from netra.guard.rule import rule
from netra.guard.symbols import External, FunctionSymbol
from netra.guard.values import Instance, Routine, Step

SOCKET_IO: Final = ("socketio", "flask_socketio")
TO_ONE: Final = frozenset({"to", "room", "**"})
SENDING: Final = frozenset("send send_text send_json send_str send_bytes put put_nowait write_message".split())
# `for each in sockets.values(): …`, `for each in list(sockets): …`.
GOING_OVER: Final = frozenset("values copy list set tuple items".split())
# By these names a program speaks to one of those who are connected.
PERSONAL: Final = ("personal", "to_user", "to_client", "to_session", "send_to", "unicast")


class _Broadcast(NamedTuple):
    """A call that tells all who are connected, what it tells them, and why it is all."""

    call: CallSite
    data: tuple[Expression, ...]
    what: str
    step: Step | None


@rule("S128", "told-to-everybody", hesitant=True)
def told_to_everybody(analysis: Analysis) -> Iterator[Sighting]:
    """What a model answers one user is sent to everybody who is connected.

    ```python
    @sio.event
    async def ask(sid, data):
        answer = await complete(data["text"])  # asks a model
        await sio.emit("answer", answer)  # S128: without `to=sid` all of them get it
    ```

    So it is with a loop over all sockets or queues, and with a method that has one (`manager.broadcast(answer)`). Send it
    to the one who has asked (`to=sid`, the socket itself, a room for the conversation).

    Guard is certain where the program tells its users apart: somebody is signed in, or others are spoken to one by one. A tool
    for one person may mean all windows of that one. Rooms that are looked up first are left alone.
    """
    waits, apart = analysis.once(Waits), None
    for scope in dict.fromkeys(scope for scope, _, _ in analysis.calls_of("emit", *SENDING, *_telling(analysis))):
        if scope.module.in_tests or scope.facts.sort in (TOP, BODY) or not answers_each(analysis, scope):
            continue
        answers = None
        for told in _told(analysis, scope):
            answers = _answers(scope, waits) if answers is None else answers
            names = [part[1] for each in told.data for part in within(each, scope) if part[0] == "name"]
            found = next((answers[name] for name in names if name in answers), None)
            if found is None:
                continue
            apart = _tells_apart(analysis) if apart is None else apart
            message = f"{told.what} tells all who are connected what a model has answered one of them"
            why = (*found, *(() if told.step is None else (told.step,)))
            at = told.call
            mend = Mend("send it to the one who has asked")
            yield Sighting(scope, at.line, at.column, at.end_line, message, why, mend, CERTAIN if apart else LIKELY)


def _answers(scope: FunctionSymbol, waits: Waits) -> dict[str, tuple[Step, ...]]:
    """The names of a function that hold what a model has answered, or a part of it, with what proves it."""
    found: dict[str, tuple[Step, ...]] = {}
    asked: dict[Expression, tuple[Step, ...]] = {}
    for index, call in enumerate(scope.facts.calls):
        waited = waits.waits(scope, index) if call.where[0] in ("await", "assign", "iterate async") else None
        if waited is not None and waited[0] == A_MODEL:
            asked["call", index] = waited[1]
    for each in scope.facts.assignments if asked else ():
        for part in within(each.value, scope):
            proof = asked.get(part) or (found.get(part[1]) if part[0] == "name" else None)
            if proof is not None and each.target[0] == "name":
                found.setdefault(each.target[1], proof)
    return found


def _told(analysis: Analysis, scope: FunctionSymbol) -> Iterator[_Broadcast]:
    for call in scope.facts.calls:
        name = last_name(call.callee)
        if name == "emit" and _emits_to_all(analysis, call, scope):
            yield _Broadcast(call, call.arguments[1:2], f"`{written(call.callee, scope)}(…)` without `to`", None)
        elif name in SENDING and (step := _over_all(analysis, call, scope)) is not None:
            yield _Broadcast(call, call.given, f"`{written(call.callee, scope)}(…)` in a loop", step)
        elif name in _telling(analysis):
            match analysis.receivers.value(call.callee, scope):
                case Routine(function=function) if (step := analysis.once(_broadcasting).get(function)) is not None:
                    yield _Broadcast(call, call.given, f"`{written(call.callee, scope)}(…)`", step)


def _emits_to_all(analysis: Analysis, call: CallSite, scope: FunctionSymbol) -> bool:
    """`sio.emit(event, data)`, and `emit(event, data, broadcast=True)` of Flask-SocketIO, which tells only one without."""
    keywords = dict(call.keywords)
    if len(call.arguments) != 2 or TO_ONE & keywords.keys():
        return False
    if call.callee[0] == "name":
        match analysis.program.evaluate(call.callee, scope):
            case External(dotted="flask_socketio.emit"):
                return keywords.get("broadcast") == ("constant", "bool", True)
        return False
    match analysis.receivers.value(call.callee[1], scope):
        case Instance(kind=kind):
            return kind.module.library and kind.module.name.startswith(SOCKET_IO) and kind.name.endswith(("Server", "SocketIO"))
    return False


def _over_all(analysis: Analysis, call: CallSite, scope: FunctionSymbol) -> Step | None:
    """The loop over all sockets or queues of the process in which somebody is told, whoever it is."""
    if call.callee[0] != "attribute" or call.callee[1][0] != "name":
        return None
    inside = [each for each in scope.facts.blocks if each.line <= call.line <= each.end_line]
    loop = max((each for each in inside if each.what == "loop"), key=lambda each: each.line, default=None)
    if loop is None or any(each.what == "if" and each.line >= loop.line for each in inside):
        return None  # it chooses whom to tell
    bound = [
        each for each in scope.assigned.get(call.callee[1][1], ()) if each.how in ("for", "unpack") and each.line == loop.head
    ]
    return _all_of(analysis, loop, scope) if bound else None


def _all_of(analysis: Analysis, loop: Block, scope: FunctionSymbol) -> Step | None:
    for each in loop.expressions:
        place = each
        while place[0] == "call":
            made = scope.facts.calls[place[1]]
            if last_name(made.callee) not in GOING_OVER:
                return None
            place = made.callee[1] if made.callee[0] == "attribute" else (made.arguments or (("none",),))[0]
        if place[0] in ("name", "attribute") and (slot := analysis.once(Sharing).slot(place, scope)) is not None:
            return Step(scope.module.path, loop.head, f"`{slot.name}` holds all who are connected")
    return None


def _broadcasting(analysis: Analysis) -> dict[FunctionSymbol, Step]:
    """The functions of the program that tell all who are connected what they are given."""
    found: dict[FunctionSymbol, Step] = {}
    for scope, _, call in analysis.calls_of(*SENDING):
        if scope.module.in_tests or scope in found or scope.facts.sort in (TOP, BODY):
            continue
        given = {part[1] for each in call.given for part in within(each, scope) if part[0] == "name"}
        if given & (scope.parameters.keys() - {"self", "cls"}) and (step := _over_all(analysis, call, scope)) is not None:
            found[scope] = step
    return found


def _telling(analysis: Analysis) -> frozenset[str]:
    return frozenset(each.name for each in analysis.once(_broadcasting))


def _tells_apart(analysis: Analysis) -> bool:
    """Somebody who is served is signed in, or spoken to as one of many."""
    for _, _, call in analysis.calls_of("emit", "send"):
        if {"to", "room"} & dict(call.keywords).keys():
            return True
    if any(any(word in scope.name for word in PERSONAL) for scope in analysis.scopes):
        return True
    identities = analysis.once(SignedIn)
    served = (each for each in analysis.reach.entries if not each.module.in_tests)
    return any(identities.of(("name", name), scope) is not None for scope in served for name in scope.parameters)
