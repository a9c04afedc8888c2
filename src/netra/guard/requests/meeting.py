"""Whether what one request leaves in a shared place meets another one, as far as the code around it shows."""

from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.entries.sorts import LISTENER, ROUTE, SOCKET, TASK
from netra.guard.facts import Expression, last_name
from netra.guard.meaning.expressions import within
from netra.guard.requests.ambient import Ambient
from netra.guard.requests.askers import speaks_of_rights
from netra.guard.requests.brought import Origin
from netra.guard.requests.interleaving import Interleaving
from netra.guard.requests.origins import Origins
from netra.guard.requests.passing import pairs
from netra.guard.requests.serving import WHOM, Serving
from netra.guard.requests.sharing import ADDING, Sharing, Touched, Write
from netra.guard.requests.signed import acts_for_somebody
from netra.guard.requests.slot_names import ADDED, SETTING, is_signing
from netra.guard.requests.whose import names_within
from netra.guard.requests.words import CONNECTIONS
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine

# What a task or a listener is given beside what it is to work on.
SHARED: Final = frozenset("ctx context app bot client state".split())

# Routes by which somebody sets what is meant for all.
OF_ALL: Final = (*SETTING, *ADDED, "admin", "internal", "manage", "health", "reload", "refresh", "switch")

# Calls that are followed from a tool to where the library is asked whose call it is.
FURTHEST: Final = 3

# By what names and verbs somebody chooses it.
CHOOSING: Final = frozenset("set change choose select save use put patch toggle model theme language".split())


def meets_another(write: Write, analysis: Analysis) -> bool:
    """It is read where a user is told from others, and whoever writes it is not one who may set it for all."""
    if speaks_of_rights(write.scope):
        return False
    others = [each.scope for each in analysis.once(Sharing).readers(write) if each.scope is not write.scope]
    entry = analysis.once(Serving).entry(write.scope)
    of_tools = entry.label.startswith("MCP")
    if not any(
        analysis.once(Origins).knows_user(each)
        or acts_for_somebody(analysis, each)
        or (of_tools and _asks_a_library(analysis, each, FURTHEST))
        for each in others
    ):
        return False
    return entry.sort in (ROUTE, SOCKET, LISTENER) and not any(word in entry.label.lower() for word in OF_ALL)


def _asks_a_library(analysis: Analysis, scope: FunctionSymbol, depth: int) -> bool:
    """A tool, or what it calls, asks the library whose call it is: `get_access_token()`."""
    for call in scope.facts.calls:
        if (known := analysis.once(Ambient).call(call.callee, scope)) is not None and known[1]:
            return True
        match analysis.receivers.value(call.callee, scope) if depth else None:
            case Routine(function=function) if not function.module.library and _asks_a_library(analysis, function, depth - 1):
                return True
    return False


def is_of_page(write: Write, analysis: Analysis) -> bool:
    """It comes from a part of a page that every visitor has of their own, as those of gradio and chainlit."""
    return analysis.once(Serving).entry(write.scope).label.startswith(("gradio", "chainlit"))


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


def is_set_for_what_follows(analysis: Analysis, write: Write) -> bool:
    """Who calls the function that sets it waits, and then lets something run that reads it: it was set for that alone.

    `runtime.configure(theme=client.theme)`, `rows = await load()`, and then `draw(rows)`, which asks for `runtime.options()`.
    """
    interleaving, serving = analysis.once(Interleaving), analysis.once(Serving)
    if write.how != "slot":
        return False
    for caller, index in analysis.program.calls_named.get(write.scope.name, ()):
        setting = caller.facts.calls[index]
        if caller not in serving or caller is write.scope or not interleaving.pauses(caller):
            continue
        # What is made where there is none yet stays for all, and is set for nobody.
        if _is_under_test(caller, setting.line):
            continue
        entry = serving.entry(caller)
        if any(word in f"{entry.label} {caller.name}".lower() for word in OF_ALL):
            continue
        match analysis.receivers.value(setting.callee, caller):
            case Routine(function=function) if function is write.scope and _lets_read(
                analysis, write, caller, setting.end_line
            ):
                return True
    return False


def is_set_for_what_follows_here(analysis: Analysis, write: Write) -> bool:
    """The same of a function that sets it itself: `self.place = ctx.place`, `text = await ask()`, and then `self.say(text)`."""
    scope = write.scope
    if write.how != "slot" or _is_under_test(scope, write.line) or not analysis.once(Interleaving).pauses(scope):
        return False
    label = analysis.once(Serving).entry(scope).label
    if any(word in f"{label} {scope.name}".lower() for word in OF_ALL):
        return False
    again = [each.line for each in scope.facts.assignments if each.target[-1] == write.slot.name and each.line > write.line]
    return not again and _lets_read(analysis, write, scope, write.end_line)


def _is_under_test(scope: FunctionSymbol, line: int) -> bool:
    return any(each.what in ("if", "else") and each.line <= line <= each.end_line for each in scope.facts.blocks)


def _lets_read(analysis: Analysis, write: Write, scope: FunctionSymbol, line: int) -> bool:
    """Below a line of a function others have their turn, and then something is called that reads the place."""
    reading = frozenset(each.scope for each in analysis.once(Sharing).readers(write)) - {write.scope}
    for later in scope.facts.calls if reading else ():
        pause = analysis.once(Interleaving).between(scope, line, later.line)
        if pause is None or pause.end_line >= later.line:
            continue
        if any(_leads_to(each, scope, reading, analysis) for each in (later.callee, *later.arguments)):
            return True
    return False


def _leads_to(callee: Expression, scope: FunctionSymbol, reading: frozenset[FunctionSymbol], analysis: Analysis) -> bool:
    """What is called reads it, or asks a function that does."""
    if callee[0] not in ("name", "attribute"):
        return False
    match analysis.receivers.value(callee, scope):
        case Routine(function=function) if function in reading:
            return True
        case Routine(function=function) if not function.module.library:
            names = {each.name for each in reading}
            asked = (call.callee for call in function.facts.calls if last_name(call.callee) in names)
            return any(
                isinstance(found := analysis.receivers.value(each, function), Routine) and found.function in reading
                for each in asked
            )
    return False


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


def is_asked_back(write: Write, analysis: Analysis) -> bool:
    """`settings.tone = body.tone`, and behind an `await` `settings.tone` is read for the same request: it was meant for that.

    It is no setting where the route is for somebody who is signed in, and neither it nor the function is called so.
    """
    entry = analysis.once(Serving).entry(write.scope)
    called = {*write.scope.name.lower().split("_"), *entry.label.lower().replace("/", " ").split()}
    if entry.sort not in (ROUTE, SOCKET) or called & CHOOSING or any(word in each for word in OF_ALL for each in called):
        return False
    return analysis.once(Origins).knows_user(write.scope) and analysis.once(Sharing).overtaken(write) is not None


def of_job(analysis: Analysis, write: Write) -> str | None:
    """What a task is given to work on, of which it keeps something for itself and reads that again when others have run."""
    entry = analysis.reach.entries.get(write.scope)
    if write.how == "slot" and entry is None:
        return _of_job_that_calls(analysis, write)
    # `http.headers["Authorization"] = f"Bearer {token}"` in a job, of which a worker runs several at once.
    signing = is_signing(write) and write.slot.of_library and write.scope.facts.asynchronous
    if not (write.how == "slot" or signing) or entry is None or entry.sort not in (TASK, LISTENER):
        return None
    given = sorted(names_within(write.value, write.scope).intersection(write.scope.parameters) - {"self", "cls", *SHARED})
    return given[0] if given and (signing or analysis.once(Sharing).overtaken(write) is not None) else None


def _of_job_that_calls(analysis: Analysis, write: Write) -> str | None:
    """The same of a method that the task calls for what it does next: `await desk.open(order_id)`, then `await desk.pack()`."""
    told = names_within(write.value, write.scope).intersection(write.scope.parameters) - {"self", "cls"}
    for caller, index in analysis.program.calls_named.get(write.scope.name, ()) if told else ():
        entry, call = analysis.reach.entries.get(caller), caller.facts.calls[index]
        if entry is None or entry.sort != TASK:
            continue
        shift = 1 if write.scope.owner is not None else 0
        given = [value for name, value in pairs(call, write.scope, shift) if name in told]
        names = {name for value in given for name in names_within(value, caller)} & caller.parameters.keys()
        if (own := sorted(names - {"self", "cls", *SHARED})) and is_set_for_what_follows(analysis, write):
            return own[0]
    return None


def is_read_for(write: Write, read: Touched) -> bool:
    """It is read by a function that is told for whom it works: `def more(self, user_id)`."""
    return read.scope is not write.scope and any(each.name in WHOM for each in read.scope.facts.parameters)


def is_of_peer(write: Write, origin: Origin, analysis: Analysis) -> bool:
    """The connection of a server of plain sockets, which may have a single client: nothing says that it is somebody's.

    A server that puts each connection into a collection, too, has several: `devices[account].add(connection)`. And so has one
    that asks who it is: `player_for(ws.request.headers["Authorization"])`.
    """
    entry = analysis.once(Serving).entry(write.scope)
    if entry.sort != SOCKET or not entry.label.startswith("connection ") or origin.name not in CONNECTIONS or origin.proven:
        return False
    beside = (each for each in analysis.once(Sharing).writes if each.scope is write.scope and each.value == write.value)
    return not any(
        each.how in ADDING or (each.key is not None and each.key[0] not in ("string", "constant")) for each in beside
    )
