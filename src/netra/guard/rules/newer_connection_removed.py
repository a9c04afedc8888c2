"""S123."""

from collections.abc import Iterator
from typing import NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import SELF, Expression, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.expressions import within
from netra.guard.requests.apart import is_new_each_time
from netra.guard.requests.origins import Origins
from netra.guard.requests.serving import Serving
from netra.guard.requests.sharing import Sharing, Write
from netra.guard.requests.words import SOCKETS
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Step

# What a client sends of its own once for each connection: no other has the same.
OF_CONNECTION = frozenset("connection_id conn_id socket_id sid websocket_id ws_id connection_uuid request_id run_id".split())


class _Removal(NamedTuple):
    """Something is taken out of a shared dictionary by its key."""

    scope: FunctionSymbol
    key: Expression
    line: int


@rule("S123", "newer-connection-removed")
def newer_connection_removed(analysis: Analysis) -> Iterator[Sighting]:
    """A connection is kept under the id of its user, and when it ends, whatever lies under that id is taken out.

    Who opens a second tab, or comes back before the server has noticed that the first connection is gone, puts the new one in
    its place. Then the old one ends, and takes the new one out: it stays open, and nothing is sent there any more.

    ```python
    connections = {}


    @app.websocket("/live")
    async def live(websocket: WebSocket, user_id: str = Depends(current_user)):
        connections[user_id] = websocket
        try:
            async for text in websocket.iter_text():
                await answer(user_id, text)
        finally:
            connections.pop(user_id, None)  # S123: of whichever connection came last
    ```

    Take it out only if it is still the same (`if connections.get(user_id) is websocket:`), or keep a set of connections for
    each user. A key that is another for each connection is left alone, and so is a server that turns the second one away.
    """
    sharing = analysis.once(Sharing)
    written = [write for write in sharing.writes if _keeps_connection(analysis, write)]
    for write in written:
        for removal in _removals(analysis, write, sharing):
            if _is_held_against(write, removal):
                continue
            message = f"`{write.slot.name}` may hold a newer connection under `{last_name(removal.key)}` by now, and loses that"
            step = Step(write.scope.module.path, write.line, "each connection is put here in the place of the one before")
            why = (step, write.slot.step, *analysis.once(Serving).way(write.scope))
            mend = Mend("take it out only if it is still this connection, or keep a set of them")
            yield Sighting(removal.scope, removal.line, 0, removal.line, message, why, mend)


def _keeps_connection(analysis: Analysis, write: Write) -> bool:
    """A socket goes in under a key that comes with the request, which nobody has looked up before."""
    scope, key = write.scope, write.key
    if write.how != "item" or key is None or scope.module.in_tests or last_name(key) in OF_CONNECTION:
        return False
    if key[0] not in ("name", "attribute", "subscript") or is_new_each_time(key, scope):
        return False
    if write.value[0] != "name" or not _is_socket(write.value[1], scope):
        return False
    if analysis.once(Origins).of(key, scope, write.line) is None:
        return False
    return not _is_looked_for(write)


def _is_looked_for(write: Write) -> bool:
    """The function asks above what is there: it may turn the second connection away, or keep both."""
    above = (each for each in write.scope.facts.blocks if each.what == "if" and each.head < write.line)
    parts = (part for block in above for test in block.expressions for part in within(test, write.scope))
    return any(part[0] in ("name", "attribute") and part[-1] == write.slot.name for part in parts)


def _is_socket(name: str, scope: FunctionSymbol) -> bool:
    """A parameter that is a connection, as its annotation or its name says."""
    if name not in scope.parameters:
        return False
    annotation = scope.facts.parameters[scope.parameters[name]].annotation
    said = "" if annotation is None else last_name(annotation) or ""
    return "WebSocket" in said or (annotation is None and name in SOCKETS)


def _removals(analysis: Analysis, write: Write, sharing: Sharing) -> Iterator[_Removal]:
    served, name = analysis.once(Serving), write.slot.name
    taken = [
        (scope, call.callee[1], call.arguments[0], call.line)
        for scope, _, call in analysis.calls_of("pop")
        if call.arguments and call.callee[0] == "attribute" and call.callee[1][-1] == name and scope in served
    ]
    taken += [
        (scope, each.target[1], each.target[2], each.line)
        for scope in sharing.served
        for each in scope.facts.assignments
        if each.how == "delete" and each.target[0] == "subscript" and each.target[1][-1] == name
    ]
    for scope, place, key, line in taken:
        slot = sharing.slot(place, scope)
        if slot is not None and slot.key == write.slot.key:
            yield _Removal(scope, key, line)


def _is_held_against(write: Write, removal: _Removal) -> bool:
    """Where it is taken out, somebody compares it with the connection that has ended."""
    scope = removal.scope
    if removal.key[0] not in ("name", "attribute", "subscript") or last_name(removal.key) != last_name(write.key or SELF):
        return True
    tests = [test for block in scope.facts.blocks for test in block.expressions]
    parts = [part for test in tests for part in within(test, scope) if part[0] == "compare"]
    sides = [side for part in parts for side in part[1] if side[0] == "name"]
    return any(side[1] in SOCKETS or _is_socket(side[1], scope) for side in sides)
