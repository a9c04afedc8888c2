"""What is put into a shared place before each request, for whatever answers it:

    @app.before_request
    def choose_region():
        prices.region = request.headers["X-Region"]

and the function that answers reads `prices.region`, when another request has set its own.
"""

from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.entries.reach import EntryPoint
from netra.guard.entries.sorts import LISTENER, ROUTE, SOCKET
from netra.guard.facts import ASYNC, last_name
from netra.guard.meaning.expressions import within
from netra.guard.requests.interleaving import Interleaving
from netra.guard.requests.meeting import OF_ALL
from netra.guard.requests.serving import Serving
from netra.guard.requests.sharing import Sharing, Touched, Write
from netra.guard.requests.single_places import is_one_place

BEFORE: Final = ("every request", "dependency ")

# Under such names somebody notes for all what was there, and shows it later.
NOTED: Final = frozenset("last latest previous seen count counter total".split())
# Of a request, what is the same for all of an installation.
OF_SERVER: Final = frozenset("host host_url url_root base_url root_url scheme root_path app application".split())


def is_set_before(write: Write, analysis: Analysis) -> bool:
    """A hook, a middleware or a dependency sets it, and what answers the request reads it when others have had their turn."""
    serving = analysis.once(Serving)
    before = serving.entry(write.scope)
    if before.sort != LISTENER or not before.label.startswith(BEFORE) or not (write.how == "slot" or is_one_place(write)):
        return False
    if NOTED & {*write.slot.name.lower().split("_")} or OF_SERVER & {
        last_name(each) for each in within(write.value, write.scope)
    }:
        return False
    if _is_set_once(write):
        return False
    for reader in analysis.once(Sharing).readers(write):
        answering = serving.entry(reader.scope)
        of_all = any(word in f"{answering.label} {answering.function.name}".lower() for word in OF_ALL)
        if reader.scope is write.scope or answering.sort not in (ROUTE, SOCKET) or of_all:
            continue
        if _others_run_between(before, answering, reader, analysis):
            return True
    return False


def _is_set_once(write: Write) -> bool:
    """`if prices.region is None:` stands above it: whoever comes first sets it for all."""
    around = (
        each for each in write.scope.facts.blocks if each.what in ("if", "else") and each.line <= write.line <= each.end_line
    )
    tests = (part for block in around for test in block.expressions for part in within(test, write.scope))
    return any(last_name(part) == write.slot.name for part in tests)


def _others_run_between(before: EntryPoint, answering: EntryPoint, reader: Touched, analysis: Analysis) -> bool:
    """One of the two runs in a thread, or in a task of its own, or the one that answers waits before it reads."""
    if before.function.facts.sort != ASYNC or answering.function.facts.sort != ASYNC or "call_next" in before.function.called:
        return True
    route = answering.function
    read = [reader.line] if reader.scope is route else []
    read += [call.line for call in route.facts.calls if last_name(call.callee) == reader.scope.name]
    pauses = analysis.once(Interleaving).pauses(route)
    return any(pause.line < line for pause in pauses for line in read)
