"""Readers that join runs, against runs in memory that a test lets go on step by step."""

import asyncio
from collections.abc import AsyncIterator, Mapping

import pytest

from netra.prove.answers import Lost, Refused
from netra.prove.targets import ReceivedEvent, Work
from netra.prove.targets.http import Visitor, new_client
from netra.prove.targets.joined import JoiningPerson, RunCursor, RunStep

STEPS = ("agent_started", "agent_thinking", "agent_completed")
WORK = Work("words.", 1, 0)


class Runs(JoiningPerson):
    """Runs of three steps each, of which those are there that a test has let go."""

    def __init__(self, visitor: Visitor) -> None:
        super().__init__(1, "mark-a", "user-1", "", visitor)
        self.steps: dict[str, int] = {}
        self.news_of_steps = asyncio.Condition()
        self.joined: list[tuple[str, str]] = []
        self.cut = False

    async def ask_for_run(self, thread: str, work: Work) -> str:
        if thread == "not mine":
            raise Refused(404)
        run = f"run-{len(self.steps) + 1}"
        self.steps[run] = len(STEPS)
        return run

    async def ended(self, thread: str) -> Mapping[str, str]:
        return {run: STEPS[-1] for run, steps in self.steps.items() if steps == len(STEPS)}

    async def join(self, thread: str, run: str, after: str) -> AsyncIterator[RunStep]:
        self.joined.append((run, after))
        for place in range(int(after or 0), len(STEPS)):
            async with self.news_of_steps:
                while self.steps[run] <= place and not self.cut:
                    await self.news_of_steps.wait()
            if self.steps[run] <= place:
                return
            yield RunStep(str(place + 1), STEPS[place], f"{run} {place}")

    async def let_go(self, run: str, steps: int) -> None:
        self.steps[run] = steps
        async with self.news_of_steps:
            self.news_of_steps.notify_all()


@pytest.fixture
async def runs() -> AsyncIterator[Runs]:
    async with await asyncio.to_thread(new_client) as http:
        yield Runs(Visitor(http, "http://127.0.0.1:1", 1, {}, lambda *_: None))


async def taken(runs: Runs, cursor: RunCursor | None, count: int) -> tuple[list[ReceivedEvent], RunCursor]:
    seen: list[ReceivedEvent] = []
    async with asyncio.timeout(20), runs.read({"t": cursor}) as reader:
        while len(seen) < count:
            if (event := await reader.next(1)) is not None:
                seen.append(event)
        return seen, reader.cursor["t"]


async def test_a_thread_is_its_runs_one_after_the_other(runs: Runs) -> None:
    for _ in range(2):
        await runs.start_run("t", WORK, None)
    seen, cursor = await taken(runs, None, 6)
    assert [(event.seq, event.run, event.type) for event in seen] == [
        (number, f"run-{(number + 2) // 3}", STEPS[(number - 1) % 3]) for number in range(1, 7)
    ]
    assert cursor == RunCursor(1, 6, 2, "")
    assert (await runs.log("t")).events == tuple(seen)


@pytest.mark.parametrize("cut", range(1, 6))
async def test_wherever_a_reader_breaks_off_another_goes_on_with_the_next_event(runs: Runs, cut: int) -> None:
    for _ in range(2):
        await runs.start_run("t", WORK, None)
    first, cursor = await taken(runs, None, cut)
    rest, _ = await taken(runs, cursor, 6 - cut)
    assert tuple(first + rest) == (await runs.log("t")).events


async def test_a_reader_waits_for_a_run_that_is_yet_to_come(runs: Runs) -> None:
    waiting = asyncio.create_task(taken(runs, None, 3))
    await asyncio.sleep(0)
    await runs.start_run("t", WORK, None)
    assert len((await waiting)[0]) == 3


async def test_the_log_ends_before_the_first_run_that_goes_on(runs: Runs) -> None:
    for _ in range(3):
        await runs.start_run("t", WORK, None)
    await runs.let_go("run-2", 1)
    assert {event.run for event in (await runs.log("t")).events} == {"run-1"}


async def test_however_often_the_log_is_read_a_run_that_is_over_is_asked_for_once(runs: Runs) -> None:
    run = await runs.start_run("t", WORK, None)
    logs = await asyncio.gather(*(runs.log("t") for _ in range(20)))
    assert {len(log.events) for log in logs} == {3}
    assert runs.joined == [(run, "")]


async def test_a_stream_that_ends_before_its_run_is_lost_and_not_an_end(runs: Runs) -> None:
    await runs.start_run("t", WORK, None)
    await runs.let_go("run-1", 1)
    runs.cut = True
    async with runs.read({"t": None}) as reader:
        assert (await reader.next(20)) is not None
        with pytest.raises(Lost, match="ended before the run did"):
            await reader.next(20)


async def test_a_dropped_reader_and_a_paused_one_receive_nothing(runs: Runs) -> None:
    await runs.start_run("t", WORK, None)
    async with runs.read({"t": None}) as reader:
        reader.pause()
        assert await reader.next(0) is None
        reader.proceed()
        assert (await reader.next(20)) is not None
        reader.drop()
        with pytest.raises(Lost, match="dropped"):
            await reader.next(20)


async def test_what_is_refused_is_no_run_and_who_is_apart_shares_them(runs: Runs) -> None:
    with pytest.raises(Refused):
        await runs.start_run("not mine", WORK, None)
    async with runs.apart() as other:
        run = await other.start_run("t", WORK, None)
    assert runs.accepted.by_thread == {"t": [run]}
    assert runs.accepted.thread_of(run) == "t"
