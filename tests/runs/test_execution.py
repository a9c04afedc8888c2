"""How a run ends: by its agent, by its user, by its time, or somewhere else."""

import asyncio
from typing import Any

import psycopg
import pytest

from netra.db.database import Database
from netra.db.scope import DatabaseBusy
from netra.errors import Conflict
from netra.events.model import AgentCancelled, AgentCompleted, AgentFailed, EventData, ToolCompleted, Usage
from netra.ids import UserId, new_uuid
from netra.models import calls
from netra.models.calls import BegunCall
from netra.runs import ledger
from netra.runs.claim import Claimed, claim
from netra.runs.context import RunContext
from netra.runs.execution import Execution, ExecutionLimits, Stop, Verdict
from netra.runs.queue import Job
from netra.runs.runs import Accepted
from netra.runs.state import Change, State
from netra.streams.streams import Transaction
from tests.models.talk import recorded
from tests.runs.world import Function, Work, World

LIMITS = ExecutionLimits(execution_timeout=20.0, cleanup_deadline=1.0, rollup=0.0, lanes=10)


async def take(world: World, user_id: UserId, accepted: Accepted) -> Claimed:
    job = Job(0, user_id, accepted.run_id, 1)
    taken = await claim(world.streams, world.clock, job, world.agents, attempts=3, lanes=LIMITS.lanes)
    assert isinstance(taken, Claimed)
    return taken


async def execute(
    world: World, user_id: UserId, work: Work, limits: ExecutionLimits = LIMITS
) -> tuple[Accepted, Execution, Verdict]:
    """Accept a run, claim it and execute it here, without a worker."""
    world.agent(work)
    accepted = await world.start(user_id, work.__name__)
    execution = Execution(world.streams, world.clock, await take(world, user_id, accepted), limits)
    async with asyncio.timeout(20):
        return accepted, execution, await execution.execute(Function(work))


async def last(world: World, user_id: UserId, accepted: Accepted) -> EventData:
    return (await world.events(user_id, accepted))[-1]


async def test_a_result_is_in_the_last_event_and_in_the_row(world: World, alice: UserId) -> None:
    async def work(context: RunContext) -> Any:
        return {"answer": 42}

    accepted, execution, verdict = await execute(world, alice, work)
    event = await last(world, alice, accepted)
    info = await world.runs.get(alice, accepted.run_id)
    assert isinstance(event, AgentCompleted)
    assert event.result == info.result == {"answer": 42}
    assert event.duration_ms >= 0
    assert info.usage == {"input_tokens": 0, "output_tokens": 0, "cost_usd": 0.0}
    assert (info.state, execution.change, verdict) == (State.COMPLETED, Change.COMPLETED, Verdict.DONE)
    assert info.started_at is not None and info.finished_at is not None


async def test_a_run_that_begins_again_says_what_every_attempt_took_of_models(
    world: World, database: Database, alice: UserId
) -> None:
    @world.agent
    async def work(context: RunContext) -> Any:
        return "done"

    usages = []
    for asked in (0, 1):
        accepted = await world.start(alice, "work")
        await take(world, alice, accepted)
        for _ in range(asked):
            call = BegunCall(alice, new_uuid(), accepted.run_id, "work", "model", "openai:gpt-4o", own_key=False)
            await calls.begin(database.for_user(alice), call)
        execution = Execution(world.streams, world.clock, await take(world, alice, accepted), LIMITS)
        await execution.execute(Function(work))
        event = await last(world, alice, accepted)
        assert isinstance(event, AgentCompleted)
        usages.append(event.usage)
    assert usages == [Usage(), Usage(cost_usd=None)]
    assert [row[1] for row in await recorded(database, alice)] == ["cancelled"]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (Conflict("the door is shut."), "the door is shut."),
        (ValueError("hunter2"), "ValueError: the agent's code failed."),
        (ExceptionGroup("many", [KeyError("hunter2")]), "KeyError: the agent's code failed."),
        (SystemExit(1), "The agent's code asked the whole process to exit; only the run ended."),
        (asyncio.CancelledError(), "the agent cancelled itself."),
    ],
)
async def test_an_error_of_the_agent_ends_its_run_and_tells_no_secret(
    world: World, alice: UserId, error: BaseException, message: str
) -> None:
    async def work(context: RunContext) -> Any:
        raise error

    accepted, _, verdict = await execute(world, alice, work)
    event = await last(world, alice, accepted)
    assert isinstance(event, AgentFailed)
    assert event.code == "agent_error"
    assert event.message.startswith(message)
    assert "hunter2" not in event.message
    info = await world.runs.get(alice, accepted.run_id)
    assert (info.state, verdict) == (State.FAILED, Verdict.DONE)
    assert info.error == {"code": event.code, "message": event.message}


@pytest.mark.parametrize("result", [object(), "\0", float("nan"), "x" * 300_000], ids=["object", "nul", "nan", "large"])
async def test_a_result_that_cannot_be_kept_is_a_failure(world: World, alice: UserId, result: Any) -> None:
    async def work(context: RunContext) -> Any:
        return result

    accepted, _, _ = await execute(world, alice, work)
    event = await last(world, alice, accepted)
    assert isinstance(event, AgentFailed)
    assert event.message.startswith("the result ")


async def test_a_run_that_takes_too_long_fails_and_closes_what_is_open(world: World, alice: UserId) -> None:
    async def work(context: RunContext) -> Any:
        await context.step("wait", asyncio.Event().wait)

    accepted, _, _ = await execute(world, alice, work, ExecutionLimits(0.05, 1.0, 0.0, 10))
    *_, closed, end = await world.events(alice, accepted)
    assert isinstance(closed, ToolCompleted) and isinstance(end, AgentFailed)
    assert (closed.ok, closed.error["code"], end.code) == (False, "interrupted", "timeout")


async def test_a_cancelled_agent_may_clean_up_and_speak_its_last_words(world: World, alice: UserId) -> None:
    async def work(context: RunContext) -> Any:
        try:
            await context.think("at work")
            await asyncio.Event().wait()
        finally:
            assert context.cancelled
            await context.say("cleaning up")

    async with world.worker():
        world.agent(work)
        accepted = await world.start(alice, "work")
        async with world.following(alice, accepted.thread_id) as follower:
            await follower.until_type("agent_thinking")
            assert await world.runs.cancel(alice, accepted.run_id) is State.RUNNING
            await follower.until_type("agent_cancelled")
    assert (await world.types(alice, accepted))[2:] == ["agent_thinking", "message_delta", "agent_cancelled"]
    assert await last(world, alice, accepted) == AgentCancelled(by="user")


async def test_an_agent_that_does_not_stop_ends_without_it_and_says_nothing_more(world: World, alice: UserId) -> None:
    let_go = asyncio.Event()
    refused: list[type[BaseException]] = []

    async def work(context: RunContext) -> Any:
        while not let_go.is_set():
            try:
                await let_go.wait()
            except asyncio.CancelledError:
                continue
        for write in (context.think("too late"), context.say("too late"), context.step("too late", let_go.wait)):
            try:
                await write
            except Conflict as error:
                refused.append(type(error))

    accepted, execution, _ = await execute(world, alice, work, ExecutionLimits(0.05, 0.05, 0.0, 10))
    assert not execution.agent.done()
    before = await world.types(alice, accepted)
    let_go.set()
    await execution.agent
    assert [error.__name__ for error in refused] == ["RunOver"] * 3
    assert await world.types(alice, accepted) == before
    assert before[-1] == "agent_failed"


async def test_a_run_that_is_handed_back_goes_on_where_it_was_and_that_is_no_attempt(world: World, alice: UserId) -> None:
    began = asyncio.Event()
    steps: list[str] = []

    async def work(context: RunContext) -> Any:
        async def step(name: str) -> str:
            steps.append(name)
            return name

        await context.step("one", step, "one")
        began.set()
        await gate.wait()
        await context.step("two", step, "two")
        return context.facts.attempt

    gate = asyncio.Event()
    world.agent(work)
    accepted = await world.start(alice, "work")
    execution = Execution(world.streams, world.clock, await take(world, alice, accepted), LIMITS)
    async with asyncio.timeout(20):
        first = asyncio.ensure_future(execution.execute(Function(work)))
        await began.wait()
        execution.stop(Stop.HANDED_BACK)
        assert await first is Verdict.AGAIN
        assert (await world.runs.get(alice, accepted.run_id)).state is State.QUEUED
        gate.set()
        second = Execution(world.streams, world.clock, await take(world, alice, accepted), LIMITS)
        assert await second.execute(Function(work)) is Verdict.DONE
    info = await world.runs.get(alice, accepted.run_id)
    assert (info.state, info.result, info.attempt, steps) == (State.COMPLETED, 1, 1, ["one", "two"])


async def test_whoever_lost_its_run_writes_nothing_and_stops(world: World, alice: UserId) -> None:
    began = asyncio.Event()
    gate = asyncio.Event()

    async def work(context: RunContext) -> Any:
        began.set()
        await gate.wait()
        await context.think("I am the one")
        await context.step("work", began.wait)

    world.agent(work)
    accepted = await world.start(alice, "work")
    zombie = Execution(world.streams, world.clock, await take(world, alice, accepted), LIMITS)
    async with asyncio.timeout(20):
        execution = asyncio.ensure_future(zombie.execute(Function(work)))
        await began.wait()
        heir = await take(world, alice, accepted)  # its lease ran out
        before = await world.types(alice, accepted)
        gate.set()
        assert await execution is Verdict.DONE
    assert zombie.change is None
    assert heir.change is Change.RECLAIMED
    assert await world.types(alice, accepted) == before == ["run_queued", "agent_started"]
    assert (await world.runs.get(alice, accepted.run_id)).state is State.RUNNING


async def test_an_agent_that_returns_after_losing_its_run_does_not_end_it(world: World, alice: UserId) -> None:
    began, gate = asyncio.Event(), asyncio.Event()

    async def work(context: RunContext) -> Any:
        began.set()
        await gate.wait()

    world.agent(work)
    accepted = await world.start(alice, "work")
    zombie = Execution(world.streams, world.clock, await take(world, alice, accepted), LIMITS)
    async with asyncio.timeout(20):
        execution = asyncio.ensure_future(zombie.execute(Function(work)))
        await began.wait()
        await take(world, alice, accepted)
        gate.set()
        assert await execution is Verdict.DONE
    assert (await world.runs.get(alice, accepted.run_id)).state is State.RUNNING
    assert await world.types(alice, accepted) == ["run_queued", "agent_started"]


async def test_an_effect_and_its_event_are_both_there_or_neither(world: World, alice: UserId) -> None:
    async def rename(transaction: Transaction, _: str) -> str:
        await transaction.connection.execute("UPDATE account SET name = name || 'x' WHERE id = %s", [alice])
        return "renamed"

    async def rename_and_fail(transaction: Transaction, call_id: str) -> None:
        await rename(transaction, call_id)
        raise ValueError

    async def work(context: RunContext) -> Any:
        with pytest.raises(Exception, match="failed"):
            await context.effect("rename", rename_and_fail)
        return await context.effect("rename", rename)

    accepted, _, _ = await execute(world, alice, work)
    calls = [event for event in await world.events(alice, accepted) if isinstance(event, ToolCompleted)]
    assert [(call.call_id, call.ok, call.result) for call in calls] == [
        ("rename#1", False, None),
        ("rename#2", True, "renamed"),
    ]
    async with world.database.for_user(alice).transaction() as connection:
        assert await (await connection.execute("SELECT name FROM account")).fetchone() == ("x",)


async def test_a_cancellation_lets_an_effect_come_to_its_end(world: World, alice: UserId) -> None:
    inside, gate = asyncio.Event(), asyncio.Event()

    async def rename(transaction: Transaction, _: str) -> None:
        await transaction.connection.execute("UPDATE account SET name = 'done' WHERE id = %s", [alice])
        inside.set()
        await gate.wait()

    async def work(context: RunContext) -> Any:
        await context.effect("rename", rename)

    world.agent(work)
    accepted = await world.start(alice, "work")
    execution = Execution(world.streams, world.clock, await take(world, alice, accepted), LIMITS)
    async with asyncio.timeout(20):
        running = asyncio.ensure_future(execution.execute(Function(work)))
        await inside.wait()
        execution.stop(Stop.CANCELLED, "user")
        await asyncio.sleep(0)
        gate.set()
        await running
    # The rows are there, so the log says so, once, and the call is not closed a second time.
    assert (await world.types(alice, accepted))[2:] == ["tool_executing", "tool_completed", "agent_cancelled"]
    (call,) = [event for event in await world.events(alice, accepted) if isinstance(event, ToolCompleted)]
    assert call.ok


async def test_an_effect_cannot_reach_another_users_rows(world: World, alice: UserId, bob: UserId) -> None:
    async def rename(transaction: Transaction, _: str) -> int:
        cursor = await transaction.connection.execute("UPDATE account SET name = 'mine' WHERE id = %s", [bob])
        return cursor.rowcount

    async def work(context: RunContext) -> Any:
        return await context.effect("rename", rename)

    accepted, _, _ = await execute(world, alice, work)
    assert (await world.runs.get(alice, accepted.run_id)).result == 0


async def test_a_busy_database_puts_the_run_off_and_counts_as_an_attempt(world: World, alice: UserId) -> None:
    async def work(context: RunContext) -> Any:
        raise ExceptionGroup("side by side", [DatabaseBusy()])

    accepted, execution, verdict = await execute(world, alice, work)
    assert (verdict, execution.change) == (Verdict.AGAIN, None)
    info = await world.runs.get(alice, accepted.run_id)
    assert (info.state, info.attempt) == (State.RUNNING, 1)
    assert (await world.types(alice, accepted))[-1] == "agent_started"


async def test_a_question_that_comes_after_the_cancellation_is_not_asked(world: World, alice: UserId) -> None:
    began, gate = asyncio.Event(), asyncio.Event()

    async def work(context: RunContext) -> Any:
        began.set()
        await gate.wait()
        await context.ask("Go on?")

    world.agent(work)
    accepted = await world.start(alice, "work")
    execution = Execution(world.streams, world.clock, await take(world, alice, accepted), LIMITS)
    async with asyncio.timeout(20):
        running = asyncio.ensure_future(execution.execute(Function(work)))
        await began.wait()
        await world.runs.cancel(alice, accepted.run_id)  # and no worker is there to hear the hint
        gate.set()
        await running
    assert await world.types(alice, accepted) == ["run_queued", "agent_started", "agent_cancelled"]


async def test_the_end_of_a_run_waits_for_a_database_that_is_away(
    world: World, alice: UserId, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, failures = ledger.end, iter(range(2))

    async def end(*args: Any, **kwargs: Any) -> State:
        if next(failures, None) is not None:
            raise psycopg.OperationalError("the server closed the connection unexpectedly")
        return await real(*args, **kwargs)

    async def work(context: RunContext) -> Any:
        monkeypatch.setattr(ledger, "end", end)

    accepted, execution, _ = await execute(world, alice, work)
    assert next(failures, None) is None
    assert execution.change is Change.COMPLETED
    assert (await world.types(alice, accepted))[-1] == "agent_completed"


async def test_the_timings_of_a_run_are_taken(world: World, alice: UserId) -> None:
    async def work(context: RunContext) -> Any: ...

    _, execution, _ = await execute(world, alice, work)
    timings = execution.timings
    assert timings.context > 0 and timings.agent > 0 and timings.cleanup > 0
