"""Whether what one request leaves in a shared place meets another one, as far as the code around it shows."""

from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.entries.sorts import LISTENER, ROUTE, SOCKET, TASK
from netra.guard.facts import last_name
from netra.guard.meaning.expressions import within
from netra.guard.requests.askers import speaks_of_rights
from netra.guard.requests.brought import Origin
from netra.guard.requests.origins import Origins
from netra.guard.requests.serving import WHOM, Serving
from netra.guard.requests.sharing import ADDING, Sharing, Touched, Write
from netra.guard.requests.signed import acts_for_somebody
from netra.guard.requests.slot_names import ADDED, SETTING
from netra.guard.requests.whose import names_within
from netra.guard.requests.words import CONNECTIONS

# What a task or a listener is given beside what it is to work on.
SHARED: Final = frozenset("ctx context app bot client state".split())

# Routes by which somebody sets what is meant for all.
OF_ALL: Final = (*SETTING, *ADDED, "admin", "internal", "manage", "health", "reload", "refresh", "switch")


def meets_another(write: Write, analysis: Analysis) -> bool:
    """It is read where a user is told from others, and whoever writes it is not one who may set it for all."""
    if speaks_of_rights(write.scope):
        return False
    others = [each.scope for each in analysis.once(Sharing).readers(write) if each.scope is not write.scope]
    if not any(analysis.once(Origins).knows_user(each) or acts_for_somebody(analysis, each) for each in others):
        return False
    entry = analysis.once(Serving).entry(write.scope)
    return entry.sort in (ROUTE, SOCKET, LISTENER) and not any(word in entry.label.lower() for word in OF_ALL)


def is_for_one_call(analysis: Analysis, write: Write) -> bool:
    """`notifier.for_locale(locale).alert(text)`: what is kept is meant for the call behind it, and stays for all others."""
    scope = write.scope
    if not scope.facts.returned or any(each.value != ("name", "self") for each in scope.facts.returned):
        return False
    serving = analysis.once(Serving)
    return any(
        each.callee[0] == "attribute" and each.callee[1] == ("call", index)
        for caller, index in analysis.program.calls_named.get(scope.name, ())
        if caller in serving
        for each in caller.facts.calls
    )


def is_carried_on(write: Write, sharing: Sharing) -> bool:
    """What is kept was made with what another request has left: `reply = ask(text, after=last)`, and then `last = reply.id`."""
    scope, name = write.scope, write.value
    while name[0] in ("attribute", "subscript"):
        name = name[1]
    given = scope.assigned.get(name[1], ()) if write.how == "slot" and name[0] == "name" else ()
    made = given[0].value if len(given) == 1 else ("none",)
    made = made[1] if made[0] == "await" else made
    if made[0] != "call":
        return False
    parts = (
        part for each in scope.facts.calls[made[1]].given for part in within(each, scope) if last_name(part) == write.slot.name
    )
    return any((slot := sharing.slot(part, scope)) is not None and slot.key == write.slot.key for part in parts)


def of_job(analysis: Analysis, write: Write) -> str | None:
    """What a task is given to work on, of which it keeps something for itself and reads that again when others have run."""
    entry = analysis.reach.entries.get(write.scope)
    if write.how != "slot" or entry is None or entry.sort not in (TASK, LISTENER):
        return None
    given = sorted(names_within(write.value, write.scope).intersection(write.scope.parameters) - {"self", "cls", *SHARED})
    return given[0] if given and analysis.once(Sharing).overtaken(write) is not None else None


def is_read_for(write: Write, read: Touched) -> bool:
    """It is read by a function that is told for whom it works: `def more(self, user_id)`."""
    return read.scope is not write.scope and any(each.name in WHOM for each in read.scope.facts.parameters)


def is_of_peer(write: Write, origin: Origin, analysis: Analysis) -> bool:
    """The connection of a server of plain sockets, which may have a single client: nothing says that it is somebody's.

    A server that puts each connection into a collection, too, has several: `devices[account].add(connection)`.
    """
    entry = analysis.once(Serving).entry(write.scope)
    if entry.sort != SOCKET or not entry.label.startswith("connection ") or origin.name not in CONNECTIONS:
        return False
    beside = (each for each in analysis.once(Sharing).writes if each.scope is write.scope and each.value == write.value)
    return not any(
        each.how in ADDING or (each.key is not None and each.key[0] not in ("string", "constant")) for each in beside
    )
