"""S104."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import BODY, TOP
from netra.guard.faults import LIKELY, Mend, Sighting
from netra.guard.program import FunctionSymbol
from netra.guard.requests.origins import Origins
from netra.guard.requests.serving import Serving
from netra.guard.requests.sharing import ADDING, REMOVING, Sharing, Slot, Write
from netra.guard.requests.singletons import is_application_state
from netra.guard.rule import rule

PLACES: Final = frozenset({"name", "attribute", "subscript"})


@rule("S104", "growing-handlers")
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

    Take it out in a `finally`.
    """
    sharing = analysis.once(Sharing)
    origins = analysis.once(Origins)
    adding = (each for each in sharing.writes if each.how in ADDING or _is_extended(each))
    made_of = ((each, origins.held(each.value, each.scope, each.line)) for each in adding)
    added = [(each, origin) for each, origin in made_of if origin is not None and origin.personal]
    if not added:
        return
    serving = analysis.once(Serving)
    taken = {slot.key for scope in analysis.scopes for slot in _taken(sharing, scope, served=scope in serving)}
    for write, origin in added:
        way = analysis.once(Serving).way(write.scope)
        if write.slot.key not in taken and way and sharing.is_container(write.slot):
            message = f"`{write.slot.name}` is shared and grows with every call: nothing takes out what is added here"
            mend = Mend("take it out in a `finally`")
            why = (*origin.steps, write.slot.step)
            yield Sighting(write.scope, write.line, write.column, write.end_line, message, why, mend, LIKELY)


def _is_extended(write: Write) -> bool:
    """`listeners += [listener]`."""
    return write.how == "augmented" and write.key is None and write.value[0] in ("list", "set")


def _taken(sharing: Sharing, scope: FunctionSymbol, *, served: bool) -> Iterator[Slot]:
    """The shared places out of which a function takes something, or which it makes anew."""
    places = [call.callee[1] for call in scope.facts.calls if call.callee[0] == "attribute" and call.callee[2] in REMOVING]
    given = (each for call in scope.facts.calls for each in (*call.arguments, *(value for _, value in call.keywords)))
    places += [each[1] for each in given if each[0] == "attribute" and each[2] in REMOVING]  # `add_done_callback(x.discard)`
    if scope.name != "__init__" and scope.facts.sort not in (TOP, BODY):
        targets = [each.target for each in scope.facts.assignments if each.target[0] in PLACES and each.how != "augmented"]
        anew = [target for target in targets if target[0] != "name" or target[1] in scope.facts.globals]
        # Where the application starts, its state is made for the first time.
        anew = [target for target in anew if served or not is_application_state(target)]
        places += [target[1] if target[0] == "subscript" else target for target in anew]
    return (slot for place in places if (slot := sharing.slot(place, scope)) is not None)
