"""S126."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import Expression, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.expressions import within
from netra.guard.requests.living import answers_each
from netra.guard.requests.origins import Origins
from netra.guard.requests.serving import Serving
from netra.guard.requests.sharing import Sharing, Write
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Step

ON: Final = ("constant", "bool", True)
OFF: Final = ("constant", "bool", False)

# What begins a task, and what of a library does so for somebody.
BEGINNING: Final = frozenset({"create_task", "ensure_future"})


class _Stopped(NamedTuple):
    """What one request runs, and where another ends it."""

    write: Write
    at: FunctionSymbol
    line: int
    how: str


@rule("S126", "stopped-by-another")
def stopped_by_another(analysis: Analysis) -> Iterator[Sighting]:
    """What one user's request runs is stopped by another's: the flag that says so, or the task, is one for all.

    ```python
    class Agent:
        async def run(self, question: str):
            self.stopped = False
            async for word in self.model.stream(question):
                if self.stopped:
                    break
                yield word

        def stop(self):
            self.stopped = True  # S126: one `agent` serves everybody, and all of its runs end


    agent = Agent()
    ```

    So it is with a task in a variable of the module, which the next request cancels and replaces.

    Keep a flag or a task for each run, under its id, and look whose it is before it is stopped. A flag that nobody puts back
    when a run begins, as when the server is shut down, is left alone.
    """
    sharing = analysis.once(Sharing)
    for each in (*_by_flag(analysis, sharing), *_by_task(analysis, sharing)):
        name = each.write.slot.name
        message = f"`{name}` is one for all: {each.how}, whoever began it"
        why = (
            each.write.slot.step,
            Step(
                each.write.scope.module.path, each.write.line, f"`{each.write.scope.facts.qualified}` begins one of many here"
            ),
            *analysis.once(Serving).way(each.at),
        )
        yield Sighting(each.at, each.line, 0, each.line, message, why, Mend("keep one for each run, and look whose it is"))


def _by_flag(analysis: Analysis, sharing: Sharing) -> Iterator[_Stopped]:
    """`self.stopped = False` where a run begins, a loop in it that asks, and `self.stopped = True` in another function."""
    flags: dict[tuple[str, str], list[Write]] = {}
    for write in sharing.writes:
        if write.how == "slot" and write.value in (ON, OFF):
            flags.setdefault(write.slot.key, []).append(write)
    for writes in flags.values():
        for begun in writes:
            stops = [each for each in writes if each.value != begun.value and each.scope is not begun.scope]
            if not stops or not answers_each(analysis, begun.scope) or not _asks_in_loop(begun, sharing):
                continue
            for stop in stops:
                if answers_each(analysis, stop.scope) and not _is_in_loop(stop):
                    yield _Stopped(begun, stop.scope, stop.line, "every run that is under way ends here")
            break


def _asks_in_loop(begun: Write, sharing: Sharing) -> bool:
    """Below, a loop looks at the flag each time."""
    scope = begun.scope
    loops = [each for each in scope.facts.blocks if each.what == "loop" and each.end_line > begun.line]
    tests = [each for each in scope.facts.blocks if each.what in ("if", "loop") and each.head > begun.line]
    for test in tests:
        if any(loop.head <= test.head <= loop.end_line for loop in loops):
            for part in (part for one in test.expressions for part in within(one, scope)):
                if part[0] in ("name", "attribute") and part[-1] == begun.slot.name:
                    slot = sharing.slot(part, scope)
                    if slot is not None and slot.key == begun.slot.key:
                        return True
    return False


def _is_in_loop(write: Write) -> bool:
    return any(each.what == "loop" and each.line <= write.line <= each.end_line for each in write.scope.facts.blocks)


def _by_task(analysis: Analysis, sharing: Sharing) -> Iterator[_Stopped]:
    """`current = asyncio.create_task(answer(question))`, and `current.cancel()` for whoever asks next."""
    begun = {write.slot.key: write for write in sharing.writes if write.how == "slot" and _is_of_request(analysis, write)}
    for scope, _, call in analysis.calls_of("cancel") if begun else ():
        place: Expression | None = call.callee[1] if call.callee[0] == "attribute" else None
        slot = sharing.slot(place, scope) if place is not None and not scope.module.in_tests else None
        if slot is not None and slot.key in begun and answers_each(analysis, scope):
            yield _Stopped(begun[slot.key], scope, call.line, "what is under way is cancelled here")


def _is_of_request(analysis: Analysis, write: Write) -> bool:
    """A task that works on what came with a request."""
    if write.value[0] != "call" or not answers_each(analysis, write.scope):
        return False
    call = write.scope.facts.calls[write.value[1]]
    if last_name(call.callee) not in BEGINNING or not call.arguments or call.arguments[0][0] != "call":
        return False
    work = write.scope.facts.calls[call.arguments[0][1]]
    origins = analysis.once(Origins)
    return any(origins.of(each, write.scope, write.line) is not None for each in work.given)
