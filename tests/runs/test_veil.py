"""What a run conceals is in nothing that it writes: neither in its log, nor in its row, nor in its errors."""

import asyncio
import itertools
import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra.clock import SystemClock
from netra.errors import Conflict, Unavailable
from netra.events.model import AgentFailed, MessageDelta, ToolCompleted
from netra.ids import RunId, UserId, new_uuid
from netra.runs.context import RunContext
from netra.runs.failure import LONGEST, StepFailed, explain
from netra.runs.payload import LARGEST, NotStorable
from netra.runs.veil import Veil
from netra.streams.writer import LogUnavailable
from netra.vault.scrub import MASK
from netra.vault.sealing import SecretUnreadable
from tests.runs.memory import MemoryRun, Parked
from tests.runs.world import World

SECRET = "sk-1234567890"
MASKED = MASK * len(SECRET)

Work = Callable[[RunContext], Awaitable[Any]]


async def give(value: Any) -> Any:
    return value


def concealing(work: Work) -> Work:
    async def run(context: RunContext) -> Any:
        context.conceal([SECRET])
        return await work(context)

    return run


def said(memory: MemoryRun) -> str:
    return "".join(data.text for _, data in memory.events() if isinstance(data, MessageDelta))


def in_clear(memory: MemoryRun) -> list[bytes]:
    """Events that hold the secret, or its last letters."""
    return [item.body for item in memory.drafts if SECRET[3:].encode() in item.body]


def without_ids(memory: MemoryRun) -> list[str]:
    return [re.sub("[0-9a-f]{8}-[0-9a-f-]{27}", "ID", str(event)) for event in memory.events()]


async def everything(context: RunContext) -> Any:
    """Every way to write something, each with the secret in it, and nothing that is written twice."""

    async def fail() -> None:
        raise Conflict(f"no entry with {SECRET}", field=SECRET)

    async def child(inner: RunContext) -> Any:
        await inner.think(f"child {SECRET}")
        await inner.say(f"child {SECRET}")
        return {"child": SECRET}

    async def aloud() -> str:
        await context.say(f"within {SECRET[:5]}")
        await context.say(SECRET[5:])
        return SECRET

    await context.think(f"with {SECRET}", step=f"step {SECRET}")
    for letter in f"letters {SECRET}.":
        await context.say(letter)
    got = [
        await context.step(f"look up {SECRET}", give, {SECRET: [SECRET]}, arguments={"token": SECRET}),
        await context.step("aloud", aloud),
        await context.effect("effect", lambda *_: give(SECRET), arguments=[SECRET]),
        await context.call_agent("child", {"token": SECRET}, child),
    ]
    with pytest.raises(StepFailed) as caught:
        await context.step("fail", fail)
    await context.report(f"title {SECRET}", {"body": SECRET})
    await context.say(f"last {SECRET[:4]}")
    return [*got, caught.value.detail]


async def test_nothing_that_a_run_writes_holds_what_it_conceals() -> None:
    memory = MemoryRun()
    got = await memory.execute(concealing(everything))
    assert in_clear(memory) == []
    assert got[:4] == [{MASKED: [MASKED]}, MASKED, MASKED, {"child": MASKED}]
    assert got[4] == f"fail failed: no entry with {MASKED}"
    calls = Counter(type(data).__name__ for _, data in memory.events())
    assert calls["ToolExecuting"] == calls["ToolCompleted"] == 5


async def test_a_run_that_conceals_replays_to_the_same_results_and_writes_nothing_more() -> None:
    memory = MemoryRun()
    first = await memory.execute(concealing(everything))
    written = len(memory.drafts)
    assert await memory.execute(concealing(everything)) == first
    assert len(memory.drafts) == written


async def test_a_run_that_dies_at_any_append_writes_the_log_of_one_that_never_died() -> None:
    whole = MemoryRun()
    await whole.execute(concealing(everything))
    for deadline in itertools.count():
        memory = MemoryRun()
        try:
            await memory.execute(concealing(everything), dies_after=deadline)
        except LogUnavailable:
            await memory.execute(concealing(everything))
        else:
            break
        assert in_clear(memory) == []
        assert without_ids(memory) == without_ids(whole), deadline
    assert deadline > 5


@given(st.lists(st.integers(1, 6), max_size=20), st.sets(st.integers(0, 20)))
def test_a_secret_is_not_shown_however_it_is_said_and_whatever_happens_in_between(sizes: list[int], thoughts: set[int]) -> None:
    text = f"a {SECRET} b {SECRET}{SECRET} {SECRET[:6]}"

    async def work(context: RunContext) -> None:
        at = 0
        for nth, size in enumerate(sizes):
            await context.say(text[at : at + size])
            at += size
            if nth in thoughts:
                await context.think("in between")
        await context.say(text[at:])

    async def run() -> MemoryRun:
        memory = MemoryRun()
        async with asyncio.timeout(20):
            await memory.execute(concealing(work))
        return memory

    assert said(asyncio.run(run())) == text.replace(SECRET, MASKED).removesuffix(SECRET[:6])


async def test_what_is_held_back_is_shown_when_the_call_within_which_it_was_said_ends() -> None:
    memory = MemoryRun()

    async def work(context: RunContext) -> None:
        async def aloud() -> None:
            await context.say("the keys")

        async def fail() -> None:
            await context.say("and tables")
            raise Conflict

        await context.step("aloud", aloud)
        with pytest.raises(StepFailed):
            await context.step("fail", fail)

    await memory.execute(concealing(work))
    assert [data.text if isinstance(data, MessageDelta) else data.TYPE for _, data in memory.events()] == [
        *("tool_executing", "the keys", "tool_completed"),
        *("tool_executing", "and tables", "tool_completed"),
    ]


async def test_a_question_shows_nothing_and_its_answer_is_handed_on_as_it_is() -> None:
    memory = MemoryRun()

    async def work(context: RunContext) -> Any:
        await context.say(f"with {SECRET[:7]}")
        answer = await context.ask(f"use {SECRET}?", {"enum": [SECRET]})
        await context.say(SECRET[7:] + "!")
        return answer

    with pytest.raises(Parked):
        await memory.execute(concealing(work))
    memory.answers["ask#1"] = SECRET
    assert in_clear(memory) == []
    memory.drafts.append(received("ask#1"))
    assert await memory.execute(concealing(work)) == SECRET
    assert in_clear(memory) == []
    assert said(memory) == f"with {MASKED}!"


def received(request_id: str) -> Any:
    from netra.events.codec import draft
    from netra.events.model import InputReceived

    return draft(InputReceived(request_id=request_id), SystemClock().now())


async def test_a_name_by_which_something_is_known_may_not_hold_a_secret() -> None:
    async def work(context: RunContext) -> None:
        for refused in (context.step("fine", give, 1, key=f"k {SECRET}"), context.say("fine", f"m {SECRET}")):
            with pytest.raises(NotStorable) as caught:
                await refused
            assert SECRET not in caught.value.detail

    memory = MemoryRun()
    await memory.execute(concealing(work))
    assert memory.drafts == []


async def test_an_event_that_masking_makes_too_large_is_refused() -> None:
    veil = Veil()
    veil.conceal([SECRET])
    fits = SECRET * (LARGEST // len(SECRET) // 2)
    with pytest.raises(NotStorable, match="the most"):
        veil.value(fits, "the result")
    assert veil.value("x" * len(fits), "the result") == "x" * len(fits)


def test_an_error_is_masked_before_it_is_cut() -> None:
    veil = Veil()
    veil.conceal([SECRET])
    told = explain(Conflict("x" * (LONGEST - 5) + SECRET), RunId(new_uuid()), veil.scrubber)
    assert told.message == "x" * (LONGEST - 5) + MASK * 5


async def test_the_end_of_a_run_is_masked_in_the_log_and_in_the_row(world: World, alice: UserId) -> None:
    @world.agent
    async def succeed(context: RunContext) -> Any:
        context.conceal([SECRET])
        await context.say(f"the key{SECRET[0]}")
        return {"token": SECRET}

    @world.agent
    async def fail(context: RunContext) -> None:
        context.conceal([SECRET])
        raise Conflict(f"no entry with {SECRET}")

    async with world.worker():
        done, failed = await world.start(alice, "succeed"), await world.start(alice, "fail")
        good, bad = await world.finished(alice, done), await world.finished(alice, failed)
        events = [*await world.events(alice, done), *await world.events(alice, failed)]
    assert good.result == {"token": MASKED}
    assert bad.error == {"code": "agent_error", "message": f"no entry with {MASKED}"}
    assert "".join(data.text for data in events if isinstance(data, MessageDelta)) == f"the key{SECRET[0]}"
    assert SECRET not in json.dumps([str(event) for event in events])


async def test_a_run_whose_secret_cannot_be_opened_fails_and_says_why(world: World, alice: UserId) -> None:
    @world.agent
    async def work(context: RunContext) -> None:
        raise SecretUnreadable("the secret TOKEN cannot be opened: its key is not among those of this server.")

    async with world.worker():
        accepted = await world.start(alice, "work")
        info = await world.finished(alice, accepted)
        last = (await world.events(alice, accepted))[-1]
    assert isinstance(last, AgentFailed)
    assert (last.code, last.message) == (info.error["code"], info.error["message"]) if info.error else False
    assert last.code == "secret_unreadable"
    assert "TOKEN" in last.message


async def test_what_a_cancelled_step_said_is_shown_at_the_end_of_the_run(world: World, alice: UserId) -> None:
    @world.agent
    async def work(context: RunContext) -> None:
        context.conceal([SECRET])

        async def slow() -> None:
            await context.say("the keys")
            await asyncio.Event().wait()

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await context.step("slow", slow)

    async with world.worker():
        accepted = await world.start(alice, "work")
        await world.finished(alice, accepted)
        events = await world.events(alice, accepted)
    assert "".join(data.text for data in events if isinstance(data, MessageDelta)) == "the keys"
    assert [data.ok for data in events if isinstance(data, ToolCompleted)] == [False]


@pytest.mark.parametrize("interruption", ["the database is away", "a question"])
async def test_a_secret_is_not_shown_when_the_run_goes_on_elsewhere_in_its_middle(
    world: World, alice: UserId, interruption: str
) -> None:
    @world.agent
    async def work(context: RunContext) -> None:
        context.conceal([SECRET])
        await context.say(f"with {SECRET[:7]}")
        if interruption == "a question":
            await context.ask("go on?")
        elif context.facts.attempt == 1:
            raise Unavailable
        await context.say(f"{SECRET[7:]}!")

    async with world.worker():
        accepted = await world.start(alice, "work")
        if interruption == "a question":
            async with world.following(alice, accepted.thread_id) as follower:
                await follower.until_type("input_required")
            await world.runs.answer(alice, accepted.run_id, "ask#1", True)
        await world.finished(alice, accepted)
        events = await world.events(alice, accepted)
    assert "".join(data.text for data in events if isinstance(data, MessageDelta)) == f"with {MASKED}!"
