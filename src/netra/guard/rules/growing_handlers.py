"""S104."""

import re
from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import last_name
from netra.guard.faults import CERTAIN, LIKELY, Mend, Sighting
from netra.guard.requests.origins import Origins
from netra.guard.requests.sharing import ADDING, Sharing, Write
from netra.guard.requests.undoing import Undoing
from netra.guard.rule import rule
from netra.guard.values import Step

# How identifiers are called.
OF_IDENTIFIERS: Final = re.compile(r"(^|_)(id|uid|uuid|hash|key|token|name|email|url|path|tx)s?$", re.IGNORECASE)

MEND: Final = Mend("take it out in a `finally`")


@rule("S104", "growing-handlers", hesitant=True)
def growing_handlers(analysis: Analysis) -> Iterator[Sighting]:
    """Something of one connection or request is added to a shared list, and nothing ever takes it out.

    The list grows with every connection. Whoever walks through it later speaks to people who have left, and for them.

    ```python
    listeners = []


    @app.websocket("/live")
    async def live(websocket: WebSocket):
        listeners.append(websocket)  # S104: nothing removes it
    ```

    A method of the connection holds it just as well, and so does a function that is made here and uses it.

    Where others take out what they have added, it is the call that adds and does not:

    ```python
    @app.websocket("/events")
    async def events(websocket: WebSocket):
        bus.subscribe(websocket.send_json)  # S104: others call `bus.unsubscribe`
    ```

    Take it out in a `finally`. Guard is not certain of a set of identifiers: what has been seen once may be remembered for ever
    on purpose.
    """
    sharing = analysis.once(Sharing)
    origins = analysis.once(Origins)
    undoing = analysis.once(Undoing)
    for write in sharing.writes:
        if write.how not in ADDING and not _is_extended(write):
            continue
        if write.key is not None and origins.tells_apart(write.key, write.scope, write.line):
            continue
        origin = origins.held(write.value, write.scope, write.line)
        if origin is None or not origin.personal or not sharing.is_container(write.slot):
            continue
        if not undoing.is_taken_from(write):
            message = f"`{write.slot.name}` is shared and grows with every call: nothing takes out what is added here"
            why = (*origin.steps, write.slot.step)
            sure = LIKELY if _is_identifier(write) else CERTAIN
            yield Sighting(write.scope, write.line, write.column, write.end_line, message, why, MEND, sure)
            continue
        if (forgotten := undoing.forgotten(write)) is None:
            yield from _out_of_hand(write, origins, undoing)
            continue
        if not forgotten:
            message = f"`{write.slot.name}` is shared and grows: who adds to it by `{write.scope.name}` can take nothing out"
            why = (*origin.steps, write.slot.step)
            yield Sighting(write.scope, write.line, write.column, write.end_line, message, why, MEND, CERTAIN)
        for caller, call in forgotten:
            given = call.given
            found = (origins.held(each, caller, call.line) for each in given)
            if (brought := next((each for each in found if each is not None and each.personal), None)) is not None:
                message = f"`{write.slot.name}` is shared and grows: others take out what they have added, and this does not"
                step = Step(write.scope.module.path, write.line, f"`{write.scope.name}` adds it here")
                why = (*brought.steps, step, write.slot.step)
                yield Sighting(caller, call.line, call.column, call.end_line, message, why, MEND, CERTAIN)


def _out_of_hand(write: Write, origins: Origins, undoing: Undoing) -> Iterator[Sighting]:
    for caller, call, given in undoing.out_of_hand(write):
        brought = origins.held(given, caller, call.line)
        if brought is not None and brought.personal:
            message = (
                f"`{write.slot.name}` is shared and grows: what is added here is named nowhere else, so nothing can take it out"
            )
            step = Step(write.scope.module.path, write.line, f"`{write.scope.name}` adds it here")
            why = (*brought.steps, step, write.slot.step)
            yield Sighting(caller, call.line, call.column, call.end_line, message, why, MEND, CERTAIN)


def _is_extended(write: Write) -> bool:
    """`listeners += [listener]`."""
    return write.how == "augmented" and write.key is None and write.value[0] in ("list", "set")


def _is_identifier(write: Write) -> bool:
    """`seen.add(thread_id)`, `paid.add(request.tx_hash)`."""
    return write.how == "add" and bool(OF_IDENTIFIERS.search(last_name(write.value) or ""))
