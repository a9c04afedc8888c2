"""S110."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import Assignment, CallSite, Expression, last_name
from netra.guard.faults import CERTAIN, LIKELY, Mend, Sighting
from netra.guard.meaning.expressions import within, written
from netra.guard.requests.interleaving import Interleaving
from netra.guard.requests.origins import Origins
from netra.guard.requests.serving import Serving
from netra.guard.rule import rule
from netra.guard.symbols import External, FunctionSymbol
from netra.guard.values import Foreign, ModuleValue, Step

WHOLE: Final = {
    "os.chdir": "the working directory",
    "contextlib.chdir": "the working directory",
    "os.umask": "the mode of new files",
    "locale.setlocale": "the locale",
    "time.tzset": "the time zone",
    "socket.setdefaulttimeout": "the time-out of all sockets",
    "gettext.install": "the language",
    "google.generativeai.configure": "what the library signs in with",
    "dspy.configure": "the model of the library",
    "dspy.settings.configure": "the model of the library",
    "contextlib.redirect_stdout": "`sys.stdout`",
    "contextlib.redirect_stderr": "`sys.stderr`",
}
STREAMS: Final = {"sys.stdout": "`sys.stdout`", "sys.stderr": "`sys.stderr`", "sys.argv": "`sys.argv`"}
NAMES: Final = frozenset(each.rpartition(".")[2] for each in WHOLE)
PATCHED: Final = "a function of its module"
MENDED: Final = "a function of a library"
# What somebody signs in with; a module of a library has room for one.
SECRETS: Final = frozenset("api_key api_token access_token organization api_base base_url".split())


@rule("S110", "process-state-of-a-request", hesitant=True)
def process_state_of_a_request(analysis: Analysis) -> Iterator[Sighting]:
    """A request changes what the process has only one of: the working directory, `sys.stdout`, the locale, a library's key.

    While it is changed, every other request runs with it: it opens files in somebody else's folder, prints into somebody
    else's answer, or pays with somebody else's key. Putting it back afterwards does not help those who ran meanwhile.

    ```python
    @app.post("/run")
    def run(code: str):
        with redirect_stdout(io.StringIO()) as output:  # S110: what all other requests print lands here, too
            exec(code)
        return output.getvalue()
    ```

    So it is with a function of a module in whose place a request puts one that it has made for itself: `reports.log = log`.

    Hand the value on as an argument, use absolute paths and a client object with its own key, or do it in a process of its own.
    It is reported where a route, socket or task leads, and where an async function awaits while its output is redirected. Guard
    is certain where what it is changed to is made of what came with the request, and where a route waits with its output
    redirected; but not where all of it stands under a lock, or is put back in the event loop before anybody has a turn.
    """
    serving = analysis.once(Serving)
    interleaving = analysis.once(Interleaving)
    for scope in analysis.scopes:
        if scope.module.in_tests or scope.facts.sort in ("top", "body"):
            continue
        shown: set[str] = set()
        for what, name, line, column, end_line, given in _changes(analysis, scope):
            sort = "a stream" if "sys." in what else f"{what} {name}" if what.endswith("signs in with") else what
            if sort in shown:
                continue  # changed and put back, or standard output and errors together, which is one fault
            if name.endswith("umask(…)") and _is_restored(scope, "umask"):
                continue  # files of others get a stricter mode for a moment
            way = serving.way(scope)
            redirected = name.startswith(("redirect_", "contextlib.redirect_"))
            pause = interleaving.between(scope, line, _end(scope, line)) if redirected else None
            if (not way and pause is None) or _is_in_child(scope):
                continue
            message = f"`{name}` changes {what} for the whole process, and so for everybody who is served meanwhile"
            why = way or (Step(scope.module.path, pause.line if pause else line, "others run here, with what was changed"),)
            shown.add(sort)
            mend = Mend("hand it on as an argument, or use a process")
            sure = (
                bool(way)
                and not _is_over_at_once(analysis, scope, name, line)
                and (
                    what == PATCHED
                    or pause is not None
                    or any(analysis.once(Origins).of(each, scope, line) is not None for each in given)
                )
            )
            yield Sighting(scope, line, column, end_line, message, why, mend, CERTAIN if sure else LIKELY)


def _changes(analysis: Analysis, scope: FunctionSymbol) -> Iterator[tuple[str, str, int, int, int, tuple[Expression, ...]]]:
    for call in () if NAMES.isdisjoint(scope.called) else scope.facts.calls:
        if last_name(call.callee) in NAMES and (what := _whole(analysis, scope, call)) is not None:
            yield what, f"{written(call.callee, scope)}(…)", call.line, call.column, call.end_line, call.given
    for each in scope.facts.assignments:
        if each.how != "=" or each.target[0] != "attribute":
            continue
        match analysis.program.evaluate(each.target, scope):
            case External(dotted=dotted) if dotted in STREAMS:
                if not _is_put_back(each.value, each.target):
                    yield STREAMS[dotted], dotted, each.line, each.column, each.line, (each.value,)
            case External() | FunctionSymbol() if _is_made_here(each.value, scope) and not _is_once(each, scope):
                own = isinstance(analysis.program.evaluate(each.target, scope), FunctionSymbol)
                what = PATCHED if own or _is_of_call(analysis, each, scope) else MENDED
                yield what, written(each.target, scope), each.line, each.column, each.line, ()
            case _:
                name = _key_of_library(analysis, scope, each.target, each.value)
                if name is not None:
                    yield "what the library signs in with", name, each.line, each.column, each.line, (each.value,)


def _whole(analysis: Analysis, scope: FunctionSymbol, call: CallSite) -> str | None:
    match analysis.program.evaluate(call.callee, scope):
        case External(dotted=dotted):
            return WHOLE.get(dotted)
    return None


def _is_put_back(value: Expression, target: Expression) -> bool:
    """`sys.stdout = old_stdout`, `sys.stdout = sys.stdout.inner`: it was changed before, and that is the fault."""
    if value[0] == "attribute" and value[1] == target:
        return True
    name = (last_name(value) or "").lower()
    return any(word in name for word in ("old", "orig", "saved", "previous", "prev", "__std", "backup"))


def _is_made_here(value: Expression, scope: FunctionSymbol) -> bool:
    """A function that is made for this call, with what this call has."""
    functions, _ = scope.module.nested.get(scope.facts.number, ({}, {}))
    return value[0] == "lambda" or (value[0] == "name" and value[1] in functions)


def _is_once(each: Assignment, scope: FunctionSymbol) -> bool:
    """It is asked first whether that has been done: what is put in place stays there."""
    for block in scope.facts.blocks:
        if block.what in ("if", "else"):
            asked = any(each.target in within(test, scope) for test in block.expressions)
            if asked or block.line <= each.line <= block.end_line:
                return True
    return False


def _is_of_call(analysis: Analysis, each: Assignment, scope: FunctionSymbol) -> bool:
    """What is put in place has something of this request, or what was there comes back: it is no mend of a library."""
    if any(one.target == each.target and one.line > each.line for one in scope.facts.assignments):
        return True
    index = each.value[1] if each.value[0] == "lambda" else scope.module.nested[scope.facts.number][0][each.value[1]][0]
    made = scope.module.function(index)
    outer = {*made.facts.loads} & scope.bound - made.bound
    return any(analysis.once(Origins).of(("name", name), scope, each.line) is not None for name in sorted(outer))


def _is_restored(scope: FunctionSymbol, name: str) -> bool:
    """The same function is called again, in a `finally` or with what the first call gave: `os.umask(old)`."""
    last = [each for each in scope.facts.blocks if each.what == "finally"]
    calls = [call for call in scope.facts.calls if last_name(call.callee) == name]
    if any(block.line <= call.line <= block.end_line for block in last for call in calls):
        return True
    before = [call.where[1] for call in calls if call.where[0] == "assign"]
    return any(each in before for call in calls for each in call.arguments)


def _is_over_at_once(analysis: Analysis, scope: FunctionSymbol, name: str, line: int) -> bool:
    """It is changed and put back before anybody else has a turn, or while all others who change it wait for a lock."""
    again = [call.line for call in scope.facts.calls if f"{written(call.callee, scope)}(…)" == name]
    again += [each.line for each in scope.facts.assignments if written(each.target, scope) == name]
    back = max((each for each in again if each > line), default=0)
    if not back:
        return False
    interleaving = analysis.once(Interleaving)
    if interleaving.locked(scope, line) and interleaving.locked(scope, back):
        return True
    return analysis.once(Serving).in_the_loop(scope) and interleaving.between(scope, line, back) is None


def _key_of_library(analysis: Analysis, scope: FunctionSymbol, target: Expression, value: Expression) -> str | None:
    """`openai.api_key = …`: a variable of somebody else's module."""
    if target[2] not in SECRETS or target[1][0] != "name" or analysis.once(Origins).of(value, scope) is None:
        return None
    match analysis.receivers.value(target[1], scope):
        case Foreign(symbol=symbol) if symbol.dotted == symbol.last and not symbol.dotted.startswith("builtins"):
            return f"{symbol.dotted}.{target[2]}"
        case ModuleValue(module=module) if module.library:
            return f"{module.name}.{target[2]}"
    return None


def _end(scope: FunctionSymbol, line: int) -> int:
    """Until when it stays changed: to the end of its `with`, or of the function."""
    ends = [each.end_line for each in scope.facts.blocks if each.what.startswith("with") and each.head <= line <= each.line]
    return min(ends, default=scope.facts.end_line)


def _is_in_child(scope: FunctionSymbol) -> bool:
    """The name says that it runs in a process of its own."""
    words = scope.facts.qualified.lower()
    return any(
        word in words for word in ("subprocess", "child", "_in_process", "preexec", "worker_main", "daemonize", "sandbox")
    )
