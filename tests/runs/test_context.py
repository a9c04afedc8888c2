"""What an agent can do in its run, and what the log says of it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from netra.errors import InvalidInput, Unavailable
from netra.events.codec import draft
from netra.events.model import (
    AgentCompleted,
    AgentFailed,
    AgentStarted,
    AgentThinking,
    InputReceived,
    InputRequired,
    MessageDelta,
    ReportReady,
    ToolCompleted,
    ToolExecuting,
)
from netra.ids import UserId
from netra.runs.context import LONGEST_THOUGHT, RunContext, summarize
from netra.runs.failure import StepFailed
from netra.runs.payload import NotStorable
from netra.runs.pen import GATHERED
from netra.runs.state import State
from tests.runs.memory import MemoryRun, Parked
from tests.runs.world import World
from tests.streams.logs import NOON


async def run(work: Callable[[RunContext], Awaitable[Any]]) -> list[tuple[str | None, Any]]:
    """Execute `work` once and return its log."""
    memory = MemoryRun()
    await memory.execute(work)
    return memory.events()


async def give(value: Any) -> Any:
    return value


async def test_a_step_is_a_pair_of_events_with_one_call_id() -> None:
    async def work(context: RunContext) -> None:
        assert await context.step("add", give, 3, arguments={"a": 1, "b": 2}) == 3
        assert await context.step("add", give, 4) == 4

    assert await run(work) == [
        ("agent", ToolExecuting(call_id="add#1", tool="add", arguments={"a": 1, "b": 2})),
        ("agent", ToolCompleted(call_id="add#1", tool="add", ok=True, result=3, duration_ms=0.0)),
        ("agent", ToolExecuting(call_id="add#2", tool="add", arguments={})),
        ("agent", ToolCompleted(call_id="add#2", tool="add", ok=True, result=4, duration_ms=0.0)),
    ]


async def test_a_step_gives_the_first_time_what_it_gives_on_a_replay() -> None:
    memory = MemoryRun()

    async def work(context: RunContext) -> Any:
        return await context.step("pair", give, (1, {2: "two"}))

    assert await memory.execute(work) == await memory.execute(work) == [1, {"2": "two"}]


async def test_a_step_fails_in_the_same_words_every_time() -> None:
    memory, messages = MemoryRun(), []

    async def fail() -> None:
        raise KeyError("hunter2")

    async def work(context: RunContext) -> None:
        with pytest.raises(StepFailed) as caught:
            await context.step("look up", fail)
        messages.append(caught.value.detail)

    await memory.execute(work)
    await memory.execute(work)
    assert messages[0] == messages[1]
    assert messages[0].startswith("look up failed: KeyError")
    assert "hunter2" not in messages[0]


async def test_a_run_knows_what_it_conceals() -> None:
    async def work(context: RunContext) -> Any:
        context.conceal(["sk-very-secret"])
        return [context.conceals("The key is sk-very-secret."), context.conceals("The key is elsewhere.")]

    assert await MemoryRun().execute(work) == [True, False]


async def test_what_a_recorded_step_writes_is_written_once_and_with_the_logs_word() -> None:
    memory, made, kept = MemoryRun(), [], []

    async def work(context: RunContext) -> Any:
        async def make(call_id: str) -> str:
            made.append(call_id)
            return "an answer"

        async def keep(_: Any, answer: str) -> Any:
            kept.append(answer)
            return {"answer": answer}

        return await context.record_step("model:ask", make, keep, arguments={"model": "m"})

    with pytest.raises(Unavailable):
        await memory.execute(work, dies_after=1)  # it began; what was kept went with the transaction
    made.clear()
    kept.clear()
    assert await memory.execute(work) == await memory.execute(work) == {"answer": "an answer"}
    assert (made, kept) == (["model:ask#1"], ["an answer"])
    assert memory.events() == [
        ("agent", ToolExecuting(call_id="model:ask#1", tool="model:ask", arguments={"model": "m"})),
        (
            "agent",
            ToolCompleted(call_id="model:ask#1", tool="model:ask", ok=True, result={"answer": "an answer"}, duration_ms=0.0),
        ),
    ]


async def test_steps_side_by_side_are_told_apart_by_their_key() -> None:
    memory = MemoryRun()

    async def work(context: RunContext) -> Any:
        gates = [asyncio.Event() for _ in range(3)]

        async def wait(number: int) -> int:
            await gates[number].wait()
            if number:
                gates[number - 1].set()  # they end in the reverse order
            return number

        gates[-1].set()
        return await asyncio.gather(*(context.step("wait", wait, n, key=str(n)) for n in range(3)))

    assert await memory.execute(work) == [0, 1, 2]
    ended = [data.call_id for _, data in memory.events() if isinstance(data, ToolCompleted)]
    assert ended == ["wait:2", "wait:1", "wait:0"]
    assert await memory.execute(work) == [0, 1, 2]
    assert len(memory.drafts) == 6


async def test_a_key_names_one_call() -> None:
    async def work(context: RunContext) -> None:
        assert await context.step("add", give, 1, key="k") == 1
        assert await context.step("add", give, 2, key="k") == 1

    assert len(await run(work)) == 2


async def test_a_result_that_cannot_be_kept_fails_the_step_and_not_the_log() -> None:
    async def work(context: RunContext) -> None:
        for value in (object(), "\0", "x" * 300_000):
            with pytest.raises(StepFailed, match="the result of large"):
                await context.step("large", give, value)

    assert [data.ok for _, data in await run(work) if isinstance(data, ToolCompleted)] == [False] * 3


async def test_what_cannot_be_logged_is_refused_before_anything_is() -> None:
    async def work(context: RunContext) -> None:
        for refused in (
            context.think("x" * (LONGEST_THOUGHT + 1)),
            context.think("\ud800"),
            context.think("fine", progress=1.5),
            context.say("\0"),
            context.say("fine", "x" * 201),
            context.step("x" * 201, give, 1),
            context.step("fine", give, 1, arguments=object()),
            context.ask("fine", object()),
            context.report("\0", {}),
            context.report("fine", object()),
        ):
            with pytest.raises((NotStorable, InvalidInput)):
                await refused

    assert await run(work) == []


async def test_thoughts_say_their_step_and_progress() -> None:
    async def work(context: RunContext) -> None:
        await context.think("half way", step="load", progress=0.5)

    assert await run(work) == [("agent", AgentThinking(text="half way", step="load", progress=0.5))]


async def test_a_long_text_becomes_as_many_events_as_it_takes() -> None:
    memory = MemoryRun()
    text = "abc" * GATHERED

    async def work(context: RunContext) -> None:
        await context.say(text)

    await memory.execute(work)
    assert len(memory.drafts) == 3
    ((_, said),) = memory.events()
    assert isinstance(said, MessageDelta) and said.text == text


async def test_a_called_agent_speaks_under_its_own_name_and_says_who_called() -> None:
    async def child(context: RunContext) -> Any:
        await context.think("thinking")
        await context.say("word")
        return await context.step("add", give, 2)

    async def work(context: RunContext) -> Any:
        assert await context.call_agent("child", {"n": 1}, child) == 2
        await context.step("add", give, 3)

    executing, started, thinking, said, begin, end, completed, done, *own = await run(work)
    assert executing == (
        "agent",
        ToolExecuting(call_id="agent:child#1", tool="agent:child", arguments={"n": 1}),
    )
    assert started == ("child", AgentStarted(input='{"n":1}', plan="free", plan_version=1, parent="agent"))
    assert thinking == ("child", AgentThinking(text="thinking", within="agent:child#1", parent="agent"))
    assert said[1].parent == "agent" and said[1].message_id.startswith("agent:child#1/")
    assert (begin[1].call_id, end[1].call_id) == ("agent:child#1/add#1",) * 2
    assert isinstance(completed[1], AgentCompleted)
    assert (completed[0], completed[1].result, completed[1].parent) == ("child", 2, "agent")
    assert (done[0], done[1].result) == ("agent", 2)
    assert [data.call_id for _, data in own] == ["add#1", "add#1"]


async def test_what_a_step_does_in_its_run_is_named_within_it_and_not_done_again_with_it() -> None:
    memory = MemoryRun()

    async def work(context: RunContext) -> Any:
        async def load() -> int:
            await context.think("loading")
            await context.say("loaded. ")
            return int(await context.step("add", give, 1))

        loaded = await context.step("load", load)
        await context.think("adding")
        await context.say("done.")
        return [loaded, await context.step("add", give, 2)]

    assert await memory.execute(work) == [1, 2]
    calls = [data.call_id for _, data in memory.events() if isinstance(data, ToolCompleted)]
    assert calls == ["load#1/add#1", "load#1", "add#1"]
    thoughts = [(data.text, data.within) for _, data in memory.events() if isinstance(data, AgentThinking)]
    assert thoughts == [("loading", "load#1"), ("adding", None)]
    # It dies after the step, and what comes then is not taken for what the step did.
    del memory.drafts[next(n for n, item in enumerate(memory.drafts) if b'"load#1","tool":"load","ok"' in item.body) + 1 :]
    assert await memory.execute(work) == [1, 2]
    assert [(data.text, data.within) for _, data in memory.events() if isinstance(data, AgentThinking)] == thoughts
    said = [(data.text, data.within) for _, data in memory.events() if isinstance(data, MessageDelta)]
    assert said == [("loaded. ", "load#1"), ("done.", None)]


async def test_a_called_agent_that_fails_is_a_failed_step_of_the_caller() -> None:
    async def child(context: RunContext) -> Any:
        raise ValueError("hunter2")

    async def work(context: RunContext) -> Any:
        with pytest.raises(StepFailed, match="agent:child failed: ValueError"):
            await context.call_agent("child", {}, child)

    log = await run(work)
    assert isinstance(log[2][1], AgentFailed) and log[2][1].parent == "agent"
    assert isinstance(log[3][1], ToolCompleted) and not log[3][1].ok
    assert "hunter2" not in repr(log)


async def test_a_question_is_asked_once_and_the_answer_is_what_the_user_gave() -> None:
    memory = MemoryRun()

    async def work(context: RunContext) -> Any:
        return await context.ask("How old?", {"type": "integer"})

    with pytest.raises(Parked, match="ask#1"):
        await memory.execute(work)
    assert memory.events() == [("agent", InputRequired(request_id="ask#1", question="How old?", schema={"type": "integer"}))]
    memory.answers["ask#1"] = 42
    memory.drafts.append(draft(InputReceived(request_id="ask#1"), NOON, agent="agent"))
    assert await memory.execute(work) == 42
    assert len(memory.drafts) == 2


async def test_a_report_is_stored_once_however_often_its_run_begins_again(world: World, alice: UserId) -> None:
    ids: list[str] = []
    crash = [True]

    @world.agent
    async def report(context: RunContext) -> Any:
        ids.append(str(await context.report("Spend", {"sections": []})))
        if crash.pop() if crash else False:
            raise Unlucky
        return ids[-1]

    async with world.worker(poll=0.05):
        accepted = await world.start(alice, "report")
        info = await world.finished(alice, accepted)
    assert info.state is State.COMPLETED and info.attempt == 2
    assert len(ids) == 2 and ids[0] == ids[1] == info.result
    ready = [event for event in await world.events(alice, accepted) if isinstance(event, ReportReady)]
    assert ready == [ReportReady(report_id=ids[0], title="Spend")]
    async with world.database.for_user(alice).transaction() as connection:
        rows = await (await connection.execute("SELECT id::text, run_id, title, body FROM report")).fetchall()
    assert rows == [(ids[0], accepted.run_id, "Spend", {"sections": []})]


class Unlucky(Unavailable):
    """As if the database had no connection to spare."""


def test_the_summary_of_an_input_is_its_beginning() -> None:
    assert summarize({"a": 1}) == '{"a":1}'
    assert summarize("x" * 600) == '"' + "x" * 498 + "…"
