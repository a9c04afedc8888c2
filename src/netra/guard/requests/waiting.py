"""What waits for somebody outside the process: an HTTP server, a model, the client of a socket, the clock.

Such a wait has no bound that the program knows. It is looked for in a call itself, and in the functions of the program behind
it.
"""

from collections.abc import Iterable
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import ASYNC, PLAIN, CallSite, Expression, last_name
from netra.guard.lazily import lazily
from netra.guard.meaning.expressions import written
from netra.guard.requests.agents import RUNS, AgentRuns
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol
from netra.guard.values import Foreign, Instance, Routine, Step

A_SERVER: Final = "an HTTP server"
A_MODEL: Final = "a model"
THE_CLIENT: Final = "the client"
THE_CLOCK: Final = "the clock"
A_FILLER: Final = "whoever fills the queue"
A_SETTER: Final = "an event"
A_SENDER: Final = "the next message"

REQUESTING: Final = frozenset("get post put delete patch head options request send stream urlopen ws_connect".split())
CLIENTS: Final = frozenset(
    "httpx.AsyncClient httpx.Client httpx requests requests.Session aiohttp.ClientSession urllib.request".split()
)
# What has resources of a server as its classes: `stripe.PaymentIntent.create(…)`.
OF_RESOURCES: Final = ("stripe.",)
ON_RESOURCES: Final = frozenset("create retrieve modify capture create_async retrieve_async modify_async".split())
# The SDKs of models, by the end of what is called.
OF_MODELS: Final = (
    "chat.completions.create",
    "completions.create",
    "chat.completions.parse",
    "responses.create",
    "messages.create",
    "embeddings.create",
    "images.generate",
    "models.generate_content",
    "models.generate_content_stream",
    "messages.stream",
    "responses.stream",
    "chat.completions.stream",
    "ctx.session.create_message",  # what a server of MCP has its client ask its model
    "ctx.sample",
)
# A server of MCP has its client ask the person who sits there.
ASKING_SOMEBODY: Final = ("ctx.elicit", "ctx.session.elicit")
MODEL_NAMES: Final = frozenset(
    "create parse generate generate_content generate_content_async generate_content_stream stream create_message sample".split()
)
ASKING: Final = frozenset("acompletion aembedding ainvoke generate_content_async kickoff_async akickoff".split())
STREAMING: Final = frozenset("astream astream_events".split())
RECEIVING: Final = frozenset(
    "receive receive_text receive_str receive_json receive_bytes receive_msg iter_text iter_json recv".split()
)
SOCKETS: Final = frozenset({"ws", "sock"})
RESPONSES: Final = frozenset({"StreamResponse"})
"""What writes to the client as fast as it reads."""

# What comes when it comes, and for whom one waits then.
COMING: Final = {
    **{(f"asyncio.{each}", "get"): A_FILLER for each in ("Queue", "PriorityQueue", "LifoQueue")},
    ("asyncio.Event", "wait"): A_SETTER,
    ("asyncio.Condition", "wait"): A_SETTER,
    ("asyncio.Condition", "wait_for"): A_SETTER,
    ("redis.asyncio.PubSub", "listen"): A_SENDER,
    ("redis.asyncio.PubSub", "get_message"): A_SENDER,
}
COMING_NAMES: Final = frozenset(name for _, name in COMING)

# Calls between a function and what waits. Further away, whether the path is ever taken is anybody's guess.
FURTHEST: Final = 3

# A method that more classes have says nothing of any one of them.
MOST_OVERRIDES: Final = 12
MIN_NAME: Final = 3
"""Letters of a name that says of which class something is: `llm`, `model`."""


class Waits:
    """Answers which calls wait for somebody outside."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._agents = analysis.once(AgentRuns)
        self._known: dict[tuple[FunctionSymbol, int], tuple[str, tuple[Step, ...]] | None] = {}
        self._may: dict[FunctionSymbol, bool] = {}

    @lazily
    def names(self) -> frozenset[str]:
        """Names under which anything that waits is called, up to the furthest caller: to look at no more calls than needed."""
        found = set(REQUESTING | ON_RESOURCES | MODEL_NAMES | ASKING | STREAMING | RECEIVING | {"sleep", "write", "elicit"})
        found |= RUNS if self._agents.are_there else set()
        last = found
        for _ in range(FURTHEST):
            calling = (site[0] for name in last for site in self._analysis.program.calls_named.get(name, ()))
            last = {scope.name for scope in dict.fromkeys(calling) if scope.facts.sort in (PLAIN, ASYNC)} - found
            found = found | last
        return frozenset(found)

    def may_wait(self, scope: FunctionSymbol) -> bool:
        """A function calls something that waits by its name."""
        if scope not in self._may:
            names = self.names
            self._may[scope] = any(last_name(call.callee) in names for call in scope.facts.calls)
        return self._may[scope]

    def what_comes(self, scope: FunctionSymbol, call: CallSite) -> str | None:
        """For whom `await queue.get()`, `await event.wait()` or `async for message in pubsub.listen()` waits; nobody knows when
        anything will come.
        """
        if last_name(call.callee) not in COMING_NAMES or call.where[0] not in ("await", "iterate async"):
            return None
        match call.callee:
            case ("attribute", _, "get") if call.given:
                return None
            case ("attribute", _, "get_message") if not call.keywords or "timeout" not in dict(call.keywords):
                return None  # without one it looks whether there is any
            case ("attribute", inner, str(name)):
                match self._analysis.receivers.value(inner, scope):
                    case Instance(kind=kind):
                        found = (COMING.get((each.full_name, name)) for each in self._analysis.program.order(kind)[0])
                        return next((each for each in found if each is not None), None)
        return None

    def waits(self, scope: FunctionSymbol, index: int, depth: int = FURTHEST) -> tuple[str, tuple[Step, ...]] | None:
        """For whom a call waits, with what proves it; None when it does not, as far as is known."""
        call = scope.facts.calls[index]
        name = last_name(call.callee)
        if name is None or name not in self.names or call.where[0] == "lambda":
            return None
        whom = self._directly(scope, call, name)
        # Further away a pause is what a few retries take.
        if whom is not None and (whom != THE_CLOCK or depth == FURTHEST):
            return whom, (Step(scope.module.path, call.line, f"`{written(call.callee, scope)}(…)` waits for {whom}"),)
        match self._analysis.receivers.value(call.callee, scope):
            case Routine(function=function, receiver=receiver) if (
                function.facts.abstract and receiver is not None and depth > 0
            ):
                return self._by_most(scope, call, self._analysis.program.subclasses.get(receiver, ()), depth)
            case Routine(function=function) if not function.module.library and depth > 0:
                walked = call.where[0] in ("iterate", "iterate async")
                if function.facts.yields != walked or (
                    function.facts.sort == ASYNC and not walked and call.where[0] != "await"
                ):
                    return None
                below = self._within(function, depth - 1)
                if below is not None:
                    step = Step(scope.module.path, call.line, f"`{scope.name}` calls `{written(call.callee, scope)}`")
                    return below[0], (step, *below[1])
            case None if depth > 0 and call.callee[0] == "attribute":
                match self._analysis.receivers.value(call.callee[1], scope):
                    case Instance(kind=kind) if not kind.module.library:
                        return self._by_most(scope, call, self._analysis.program.subclasses.get(kind, ()), depth)
                    case None:
                        return self._by_most(scope, call, self._family(name, _said(call.callee[1], scope)), depth)
        return None

    def _by_most(
        self, scope: FunctionSymbol, call: CallSite, classes: Iterable[ClassSymbol], depth: int
    ) -> tuple[str, tuple[Step, ...]] | None:
        """For whom a call of any of these classes waits, where most of those that do anything do."""
        name = call.callee[2]
        methods = [each for kind in classes for each in kind.methods.get(name, ())[:1] if not each.facts.abstract]
        walked = call.where[0] == "iterate async"
        if not methods or len(methods) > MOST_OVERRIDES or (call.where[0] != "await" and not walked):
            return None
        if any(each.facts.sort != ASYNC or each.facts.yields != walked for each in methods):
            return None
        found = [(each, below) for each in methods if (below := self._within(each, depth - 1)) is not None]
        if 2 * len(found) <= len(methods):
            return None
        method, below = found[0]
        note = f"`{written(call.callee, scope)}` is `{method.facts.qualified}`, or one that is made like it"
        return below[0], (Step(scope.module.path, call.line, note), *below[1])

    def _family(self, name: str, receiver: str) -> tuple[ClassSymbol, ...]:
        """The one class that has a method of this name first and is called as the receiver is, with those below it."""
        said = receiver.strip("_").lower()
        if len(said) < MIN_NAME:
            return ()
        order = self._analysis.program.order
        kinds = self._methods.get(name, ())
        called = [each for each in kinds if each.name.lower().endswith(said)]
        called = called or [each for each in kinds if each.name.lower().startswith(said)]
        roots = [each for each in called if not any(above in kinds for above in order(each)[0] if above is not each)]
        return tuple(each for each in kinds if roots[0] in order(each)[0]) if len(roots) == 1 else ()

    @lazily
    def _methods(self) -> dict[str, list[ClassSymbol]]:
        """The classes of the program that have a method which waits, or may, by its name."""
        found: dict[str, list[ClassSymbol]] = {}
        waiting = self.names
        for module in self._analysis.modules:
            for kind in () if module.in_tests else module.classes:
                for name in kind.methods:
                    if name in waiting:
                        found.setdefault(name, []).append(kind)
        return found

    def _within(self, function: FunctionSymbol, depth: int) -> tuple[str, tuple[Step, ...]] | None:
        key = (function, depth)
        if key not in self._known:
            self._known[key] = None  # what a function that calls itself finds
            if function.facts.sort in (PLAIN, ASYNC) and not function.facts.abstract:
                for index, call in enumerate(function.facts.calls):
                    if not function.is_unreached(call.line) and (found := self.waits(function, index, depth)) is not None:
                        self._known[key] = found
                        break
        return self._known[key]

    def _directly(self, scope: FunctionSymbol, call: CallSite, name: str) -> str | None:
        text = _end(call.callee)
        awaited = call.where[0] == "await"
        of_model = name in MODEL_NAMES and text.endswith(OF_MODELS)
        asks = (name in ASKING and awaited) or (name in STREAMING and call.where[0] == "iterate async")
        runs = name in RUNS and self._agents.are_there and self._agents.is_run(call, scope)
        if (of_model or asks or runs) and not self._is_own(call, scope):
            return A_MODEL
        if name in RECEIVING and awaited and call.callee[0] == "attribute" and is_socket(call.callee[1]):
            return THE_CLIENT
        if name == "elicit" and awaited and text.removeprefix("self.") in ASKING_SOMEBODY:
            return THE_CLIENT
        if name == "write" and awaited and call.callee[0] == "attribute" and _made_by(call.callee[1], scope) in RESPONSES:
            return THE_CLIENT
        if name == "sleep":
            # A pause of a constant is short: `sleep(0)` only gives way.
            long = bool(call.arguments) and call.arguments[0][0] != "constant"
            return THE_CLOCK if long and text in ("asyncio.sleep", "time.sleep", "anyio.sleep") else None
        if (name in REQUESTING and self._requests(scope, call)) or (name in ON_RESOURCES and self._is_resource(scope, call)):
            return A_SERVER
        return None

    def _is_own(self, call: CallSite, scope: FunctionSymbol) -> bool:
        """It is a function of the program, which is asked for whom it waits itself: `store.messages.create(…)`."""
        match self._analysis.receivers.value(call.callee, scope):
            case Routine(function=function):
                return not function.module.library
        return False

    def _is_resource(self, scope: FunctionSymbol, call: CallSite) -> bool:
        """A class of a package asks its server for an object, or to make one."""
        match self._analysis.program.evaluate(call.callee, scope):
            case External(dotted=dotted):
                return dotted.startswith(OF_RESOURCES)
        return False

    def _requests(self, scope: FunctionSymbol, call: CallSite) -> bool:
        match self._analysis.receivers.value(call.callee, scope):
            case Routine(function=function, receiver=receiver) if function.module.library:
                if function.facts.sort == ASYNC and call.where[0] != "await":
                    return False
                return (receiver.full_name if receiver is not None else function.module.name) in CLIENTS
            case Foreign(symbol=External(dotted=name)):
                return name.rpartition(".")[0] in CLIENTS
        if call.callee[0] == "attribute":
            match self._analysis.receivers.value(call.callee[1], scope):
                case Instance(kind=kind):
                    return any(each.full_name in CLIENTS for each in self._analysis.program.order(kind)[0])
        return False


def _said(receiver: Expression, scope: FunctionSymbol) -> str:
    """What a receiver is called: `model`, and `get_model()` as well."""
    if receiver[0] == "call":
        name = last_name(scope.facts.calls[receiver[1]].callee) or ""
        return name.removeprefix("get_") if name.startswith("get_") else ""
    return last_name(receiver) or ""


def is_socket(expression: Expression) -> bool:
    """`websocket`, `ws`, `self.socket`: by its name."""
    name = (last_name(expression) or "").lower()
    return name in SOCKETS or "socket" in name


def _made_by(expression: Expression, scope: FunctionSymbol) -> str | None:
    """The name of what a local name is made by, where it is one call."""
    assigned = scope.assigned.get(expression[1], ()) if expression[0] == "name" else ()
    if len(assigned) != 1 or assigned[0].value[0] != "call":
        return None
    return last_name(scope.facts.calls[assigned[0].value[1]].callee)


def _end(callee: Expression) -> str:
    """`chat.completions.create` of `get_client().chat.completions.create`; all of what is only names and dots."""
    names: list[str] = []
    while callee[0] == "attribute":
        names.append(callee[2])
        callee = callee[1]
    return ".".join(reversed([*names, callee[1]] if callee[0] == "name" else names))
