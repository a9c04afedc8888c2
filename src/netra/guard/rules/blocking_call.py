"""A111."""

from collections.abc import Iterator
from typing import NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.database.blocking import SYNCHRONOUS
from netra.guard.environment import is_edge
from netra.guard.facts import ASYNC, OTHER, PLAIN, CallSite, Expression, dotted, last_name
from netra.guard.faults import CERTAIN, LIKELY, Mend, Sighting
from netra.guard.meaning.expressions import written
from netra.guard.meaning.makers import maker
from netra.guard.program import imported_packages
from netra.guard.reading import is_waived
from netra.guard.requests.loading import Loading
from netra.guard.rule import rule
from netra.guard.source.waivers import BLOCKING
from netra.guard.symbols import External, FunctionSymbol
from netra.guard.values import Routine, Step, TypeOf

# Calls between the async function and what blocks. Further away, whether the path is ever taken is anybody's guess.
FURTHEST = 2

# What waits for a database is what D108 looks for.
DATABASES = frozenset(each.partition(".")[0] for each in SYNCHRONOUS)

# Calls that fork: what stands below them is, as far as can be seen, the child, whose loop serves nobody.
FORKING = frozenset({"fork", "forkpty"})

# Decorators that leave a function what it is.
HARMLESS = frozenset({"staticmethod", "classmethod", "override", "final"})

# Functions of libraries without a model that wait in the thread that calls them: for a server, or for a process.
WAITING = frozenset(
    """os.system urllib.request.urlretrieve sentry_sdk.flush litellm.completion litellm.text_completion litellm.embedding
    litellm.image_generation litellm.transcription litellm.rerank litellm.responses ollama.chat ollama.generate ollama.embed
    ollama.embeddings ollama.pull openai.ChatCompletion.create openai.Completion.create openai.Embedding.create replicate.run
    git.Repo.clone_from huggingface_hub.snapshot_download yfinance.download feedparser.parse gdown.download
    dashscope.Generation.call dashscope.TextEmbedding.call""".split()
)

# What is called of a thread's work, or of what it works with, for it to end.
TELLING_TO_END = frozenset("shutdown stop close set cancel terminate put put_nowait quit exit kill server_close".split())

# What has another thread run something, and gives what its result can be had of.
HANDING_OVER = frozenset({"submit", "run_coroutine_threadsafe"})

LAST_NAMES = frozenset(each.rpartition(".")[2] for each in WAITING)

# How the name in an address of the web is called.
OF_ADDRESSES = frozenset({"hostname", "netloc"})

# Seconds of a sleep that nobody else notices.
UNNOTICED = 0.05


class Blocking(NamedTuple):
    """What blocks in the end, and the calls that lead there."""

    function: FunctionSymbol | None
    """A function of a model; None for one of a library that has none."""

    steps: tuple[Step, ...]
    switched: bool = False
    """A function on the way asks the environment, and may well do nothing unless somebody looks for a fault."""

    ending: bool = False
    """It waits for a process that it has just asked to end, and not for long."""

    unnoticed: bool = False
    """It sleeps for a time that stands there, and that nobody else notices."""

    named: bool = False
    """What it asks the address of stands in an address of the web, and is a name there as a rule."""

    @property
    def doubtful(self) -> bool:
        """It may well not wait at all, or not for long."""
        return (self.looks_up and not self.named) or self.switched or self.ending or self.unnoticed

    @property
    def looks_up(self) -> bool:
        """It waits for the address of a name, and does not wait at all where it is given an address."""
        return self.function is not None and self.function.module.name == "socket"

    @property
    def sleeps(self) -> bool:
        """It does nothing but wait."""
        return self.function is not None and (self.function.module.name, self.function.name) == ("time", "sleep")


@rule("A111", "blocking-call", hesitant=True)
def blocking_call(analysis: Analysis) -> Iterator[Sighting]:
    """An async function waits in a way that stops the whole event loop, itself or through a function that it calls.

    While `time.sleep`, `requests.get` or `subprocess.run` waits, no other user of the process gets an answer. So it is with a
    thread that is started and joined, and with the result of what another thread runs. Guard looks two calls deep, also
    through what prepares the objects of a class. Synchronous databases are left to D108.

    ```python
    def fetch(url):
        return requests.get(url, timeout=30)


    async def refresh():
        fetch(FEED)  # A111: nobody else is served for up to thirty seconds
    ```

    Use the asynchronous counterpart, or `await asyncio.to_thread(fetch, FEED)`. Reading small local files is not reported.

    Only what a route, a socket, a listener or a task of a known framework leads to is reported: in a command, a fixture or a
    tool of one's own desk, nobody else waits. In a library, in which nothing serves, it is what blocks by itself in an async
    function that only those who use the library can run; and a sleep wherever nothing is seen to lead. Every function between
    the two has to be asynchronous, or it may have a loop of its own. Guard is certain where it sees the route itself, and not
    only the module whose import makes the routes, where the function is a method of a class that the program has on a list of
    its own, under a decorator, beside others, or where what blocks is `time.sleep`, which does nothing else; and where it is no
    look-up of a name, which takes no time when it is given an address, unless the name stands in an address of the web, no wait
    with a timeout for a process that has just been told to end, or for a thread that has, and no sleep of less than a twentieth
    of a second. For one that has ended or been killed nobody waits, and a line that ends in `# noqa: ASYNC251` or its like is
    left alone.
    """
    blocking: dict[tuple[FunctionSymbol, int], Blocking | None] = {}
    through: dict[FunctionSymbol, list[Sighting]] = {}
    loading = analysis.once(Loading)
    for scope, _, call in analysis.calls_of(*_blocking_names(analysis)):
        if scope.facts.sort != ASYNC or scope.module.in_tests or call.where[0] in ("await", "lambda"):
            continue
        below = _waits(analysis, scope, call, blocking, FURTHEST)
        if below is None or _has_ended(scope, call) or _is_meant(scope, call) or _takes_what_is_there(scope, call):
            continue
        if any(last_name(each.callee) in FORKING for each in scope.facts.calls):
            continue
        entry = analysis.reach.served_by(scope)
        loader = loading.by(scope) if entry is None else None
        name = written(call.callee, scope)
        message = f"`{name}(…)` blocks the event loop of `{scope.name}`, on which others are served: "
        if entry is not None:
            message += entry.label
        elif loader is not None:
            message += f"the routes of `{loader.name}`"
        elif (
            len(below.steps) == 1
            and not below.doubtful
            and not _is_short(below, call)
            and loading.is_for_others(scope, anywhere=below.sleeps)
        ):
            message = f"`{name}(…)` blocks the event loop of whoever awaits `{scope.name}`"
        else:
            continue
        mend = Mend(f"use an asynchronous counterpart, or `await asyncio.to_thread({name}, …)`")
        doubtful = below.doubtful or _is_ending(scope, call) or _asks_the_environment(scope) or _is_short(below, call)
        sleeps = below.sleeps and not is_edge(scope.module)
        served_so = entry is not None or sleeps or _is_plugged_in(analysis, scope)
        sure = CERTAIN if served_so and not doubtful else LIKELY
        found = Sighting(scope, call.line, call.column, call.end_line, message, below.steps, mend, sure)
        called = _called(analysis, scope, call)
        if called is None or called.module.library:
            yield found
        else:
            through.setdefault(called, []).append(found)
    # A function of the program that blocks is one fault, however many call it.
    for found_all in through.values():
        shown = next((each for each in found_all if each.confidence == CERTAIN), found_all[0])
        more = len(found_all) - 1
        yield shown._replace(message=f"{shown.message}{f', and of {more} more' if more else ''}")


def _is_meant(scope: FunctionSymbol, call: CallSite) -> bool:
    """Somebody has looked at it: `# noqa: ASYNC251` stands there, or where the process that is waited for was made."""
    made = [each.line for each in scope.facts.assignments if call.callee[0] == "attribute" and each.target == call.callee[1]]
    return is_waived(scope, BLOCKING, call.line, call.end_line) or any(is_waived(scope, BLOCKING, line) for line in made)


def _has_ended(scope: FunctionSymbol, call: CallSite) -> bool:
    """`process.wait()` of one that was killed above, or whose `poll()` has given an answer: the system needs no time for it."""
    match call.callee:
        case ("attribute", process, "wait" | "communicate"):
            polled = {
                each.target
                for each in scope.facts.assignments
                if each.value[0] == "call" and scope.facts.calls[each.value[1]].callee == ("attribute", process, "poll")
            }
            return _is_called(scope, process, "kill", call.line) or any(
                block.what == "if" and block.line <= call.line <= block.end_line and _is_answer(test, polled, process, scope)
                for block in scope.facts.blocks
                for test in block.expressions
            )
    return False


def _takes_what_is_there(scope: FunctionSymbol, call: CallSite) -> bool:
    """`waiting.get(block=False)`, or one of a queue that has been asked whether it is empty."""
    if call.callee[0] != "attribute" or call.callee[2] != "get":
        return False
    blocking = call.arguments[0] if call.arguments else dict(call.keywords).get("block")
    if blocking == ("constant", "bool", False):
        return True
    return any(
        each.callee in (("attribute", call.callee[1], "empty"), ("attribute", call.callee[1], "qsize"))
        for each in scope.facts.calls
    )


def _is_answer(test: Expression, polled: set[Expression], process: Expression, scope: FunctionSymbol) -> bool:
    match test:
        case ("compare", (("call", int(index)), ("none",)), ("IsNot" | "NotEq",)):
            return scope.facts.calls[index].callee == ("attribute", process, "poll")
        case ("compare", (asked, ("none",)), ("IsNot" | "NotEq",)):
            return asked in polled
    return False


def _is_short(below: Blocking, call: CallSite) -> bool:
    """`time.sleep(0.01)`, one that is itself the sleep."""
    match call.arguments:
        case (("constant", "float", float(seconds)),) if below.sleeps and len(below.steps) == 1:
            return seconds < UNNOTICED
    return False


def _is_ending(scope: FunctionSymbol, call: CallSite) -> bool:
    """`process.wait(timeout=…)` of one that was told to end above."""
    match call.callee:
        case ("attribute", process, "wait" | "communicate") if call.arguments or call.keywords:
            return _is_called(scope, process, "terminate", call.line)
    return False


def _is_called(scope: FunctionSymbol, whose: Expression, name: str, line: int) -> bool:
    """A method is called above a line, on every way to it."""
    return any(
        each.callee == ("attribute", whose, name)
        and each.line <= line
        and all(
            block.line <= line <= block.end_line
            for block in scope.facts.blocks
            if block.line <= each.line <= block.end_line and block.what != "with"
        )
        for each in scope.facts.calls
    )


def _is_plugged_in(analysis: Analysis, scope: FunctionSymbol) -> bool:
    """A method that a base of the program asks for, of a class that a decorator of the program puts on its list: of the tools,
    the jobs, the handlers. Whoever serves finds it there.
    """
    owner = scope.owner
    if owner is None or not any(scope.name in each.methods for each in analysis.program.order(owner)[0][1:]):
        return False
    around = owner.module.function(owner.facts.scope)
    for each in owner.facts.decorators:
        match analysis.receivers.value(each.callee, around):
            case Routine(function=function) if not function.module.library:
                return True
    return False


def _asks_the_environment(function: FunctionSymbol) -> bool:
    return any(dotted(call.callee) in ("os.getenv", "os.environ.get") for call in function.facts.calls)


def _blocking_names(analysis: Analysis) -> frozenset[str]:
    """Names under which anything that blocks is called, up to the furthest caller: to look at no more calls than needed."""
    models = (function for module in analysis.program.modules.values() if module.model for function in module.functions)
    names = {function.name for function in models if "blocks" in function.decorator_names}
    used = analysis.program.once(imported_packages)
    names |= {each.rpartition(".")[2] for each in WAITING if each.partition(".")[0] in used}
    aliases = (each for scope in analysis.scopes for each in scope.facts.imports)
    names |= {each.bound for each in aliases if each.name in names}
    starting = {scope for scope, _, _ in analysis.calls_of("Thread", *HANDING_OVER)}
    joining = {each for each in starting if any(_joins(each, call) or _takes_result(each, call) for call in each.facts.calls)}
    for depth in range(FURTHEST):
        scopes = {scope for scope, _, _ in analysis.calls_of(*names)} | (joining if depth == 0 else set())
        names |= {scope.name for scope in scopes if scope.facts.sort == PLAIN and scope.name != "__init__"}
        # Who makes an object calls what prepares it.
        made = [scope.owner for scope in scopes if scope.name == "__init__" and scope.owner is not None]
        names |= {each.name for kind in made for each in (kind, *analysis.program.subclasses.get(kind, ()))}
    if any(scope.facts.sort == ASYNC for scope in joining):
        names |= {"join", "result"}
    return frozenset(names)


def _called(analysis: Analysis, scope: FunctionSymbol, call: CallSite) -> FunctionSymbol | None:
    """The function that a call runs; of a class of the program, what prepares its objects."""
    match analysis.receivers.value(call.callee, scope):
        case Routine(function=function):
            return function
        case TypeOf(kind=kind) if not kind.module.library:
            found = (each.methods["__init__"][0] for each in analysis.program.order(kind)[0] if "__init__" in each.methods)
            return next(found, None)
    return None


def _waits(
    analysis: Analysis,
    scope: FunctionSymbol,
    call: CallSite,
    known: dict[tuple[FunctionSymbol, int], Blocking | None],
    depth: int,
) -> Blocking | None:
    """What proves that a call blocks; None when it does not, as far as is known."""
    if _takes_result(scope, call):
        note = f"`{written(call.callee, scope)}` waits for what another thread runs"
        return Blocking(None, (Step(scope.module.path, call.line, note),))
    if _joins(scope, call) and maker(("name", "Thread"), scope, analysis.program) in (None, "threading"):
        note = f"`{written(call.callee, scope)}` waits for the thread that has just been started"
        return Blocking(None, (Step(scope.module.path, call.line, note),), ending=_is_told_to_end(scope, call))
    if call.callee[-1] in LAST_NAMES:
        match analysis.program.evaluate(call.callee, scope):
            case External(dotted=dotted) if dotted in WAITING:
                return Blocking(None, (Step("", 0, f"`{dotted}` waits in the thread that calls it"),))
    called = _called(analysis, scope, call)
    if called is None or called is scope:
        return None
    below = _blocks(analysis, called, known, depth)
    if below is not None and called.module.library and below.looks_up and _is_in_an_address(scope, call):
        return below._replace(named=True)
    return below


def _joins(scope: FunctionSymbol, call: CallSite) -> bool:
    """`thread.join()` of what the same function has started above, and makes threads."""
    match call.callee:
        case ("attribute", ("name", _) as thread, "join"):
            started = any(each.callee == ("attribute", thread, "start") and each.line < call.line for each in scope.facts.calls)
            return started and any(last_name(each.callee) == "Thread" for each in scope.facts.calls)
    return False


def _is_told_to_end(scope: FunctionSymbol, call: CallSite) -> bool:
    """Between the start of a thread and the wait for it, something is told to stop."""
    started = [each.line for each in scope.facts.calls if each.callee == ("attribute", call.callee[1], "start")]
    between = range(min(started), call.line + 1)
    return any(last_name(each.callee) in TELLING_TO_END and each.line in between for each in scope.facts.calls)


def _takes_result(scope: FunctionSymbol, call: CallSite) -> bool:
    """`pool.submit(work).result()`, also under a name of which nothing else is asked."""
    match call.callee:
        case ("attribute", ("call", int(index)), "result"):
            return last_name(scope.facts.calls[index].callee) in HANDING_OVER
        case ("attribute", ("name", str(name)), "result") if name not in scope.parameters:
            given = [each.value for each in scope.assigned.get(name, ())]
            alone = all(each.where == ("attribute", "result") for each in scope.facts.uses if each.name == name)
            made = len(given) == 1 and given[0][0] == "call"
            return made and alone and last_name(scope.facts.calls[given[0][1]].callee) in HANDING_OVER
    return False


def _is_in_an_address(scope: FunctionSymbol, call: CallSite) -> bool:
    """The name that is looked up stands in an address: `getaddrinfo(urlparse(url).hostname, None)`."""
    given = call.arguments[0] if call.arguments else OTHER
    values = [each.value for each in scope.assigned.get(given[1], ())] if given[0] == "name" else [given]
    return bool(values) and all(each[0] == "attribute" and each[2] in OF_ADDRESSES for each in values)


def _blocks(
    analysis: Analysis, function: FunctionSymbol, known: dict[tuple[FunctionSymbol, int], Blocking | None], depth: int
) -> Blocking | None:
    """What proves that a call of the function blocks; None when it does not, as far as is known."""
    if function.module.library:
        if "blocks" not in function.decorator_names or function.module.name.partition(".")[0] in DATABASES:
            return None
        whose = function.owner.full_name if function.owner else function.module.name
        return Blocking(function, (Step("", 0, f"`{whose}.{function.name}` waits in the thread that calls it"),))
    if depth == 0 or function.facts.sort != PLAIN or function.facts.yields or not function.decorator_names <= HARMLESS:
        return None
    key = (function, depth)
    if key in known:
        return known[key]
    known[key] = None
    for call in function.facts.calls:
        if last_name(call.callee) is None or call.where[0] == "lambda" or _has_ended(function, call):
            continue
        if function.is_unreached(call.line):
            continue
        if (below := _waits(analysis, function, call, known, depth - 1)) is not None:
            step = Step(function.module.path, call.line, f"`{function.name}` calls `{written(call.callee, function)}`")
            switched = below.switched or _asks_the_environment(function)
            ending = below.ending or _is_ending(function, call)
            short = below.unnoticed or _is_short(below, call)
            steps = (step, *below.steps) if below.steps[0].line != call.line else below.steps
            known[key] = below._replace(steps=steps, switched=switched, ending=ending, unnoticed=short)
            return known[key]
    return None
