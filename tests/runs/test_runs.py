"""Accepting, cancelling, answering, looking: what a user may do to their runs, and only to theirs."""

import asyncio
from typing import Any

import pytest

from netra.db.database import Database
from netra.errors import InvalidInput, NotFound
from netra.events.model import RunQueued
from netra.ids import RunId, ThreadId, UserId, new_uuid
from netra.runs import runs
from netra.runs.context import RunContext
from netra.runs.payload import NotStorable
from netra.runs.runs import Accepted, IdempotencyMismatch, NotWaiting, QueueFull, RunEnded, ThreadBusy, UnknownAgent
from netra.runs.state import State
from tests.fixtures.postgres import add_account
from tests.runs.world import World, open_world


@pytest.fixture(autouse=True)
def agents(world: World) -> None:
    @world.agent
    async def echo(context: RunContext) -> Any:
        return context.facts.input

    @world.agent
    async def other(context: RunContext) -> Any:
        return None

    @world.agent
    async def curious(context: RunContext) -> Any:
        return await context.ask("How old?", {"type": "integer"})


async def rows(database: Database, statement: Any, *parameters: Any) -> list[tuple[Any, ...]]:
    async with database.system().transaction() as connection:
        return await (await connection.execute(statement, parameters)).fetchall()


async def positions(world: World, user_id: UserId, accepted: Accepted) -> list[int]:
    return [event.position for event in await world.events(user_id, accepted) if isinstance(event, RunQueued)]


async def test_an_accepted_run_is_a_row_an_event_and_a_job(world: World, alice: UserId) -> None:
    accepted = await world.start(alice, "echo", {"text": "hello"})
    info = await world.runs.get(alice, accepted.run_id)
    assert (info.state, info.agent, info.input, info.plan) == (State.QUEUED, "echo", {"text": "hello"}, "free")
    assert (accepted.seq, accepted.replayed, info.accepted_seq) == (1, False, 1)
    assert await world.types(alice, accepted) == ["run_queued"]
    jobs = await rows(world.database, "SELECT args ->> 'run_id', priority FROM procrastinate_jobs")
    assert jobs == [(str(accepted.run_id), 0)]


async def test_a_refused_run_leaves_nothing_behind(world: World, alice: UserId) -> None:
    thread_id = await world.thread(alice)
    for refused in (
        world.start(alice, "nobody", thread_id=thread_id),
        world.start(alice, "echo", "\0", thread_id=thread_id),
        world.start(alice, "echo", thread_id=ThreadId(new_uuid())),
        world.start(alice, "echo", thread_id=thread_id, idempotency_key=""),
    ):
        with pytest.raises((UnknownAgent, NotStorable, NotFound, InvalidInput)):
            await refused
    assert await rows(world.database, "SELECT count(*) FROM run") == [(0,)]
    assert await rows(world.database, "SELECT count(*) FROM event") == [(0,)]
    assert await rows(world.database, "SELECT count(*) FROM procrastinate_jobs") == [(0,)]


@pytest.mark.parametrize(
    ("request_of_it", "field"),
    [
        ({"agent": "nobody"}, "agent"),
        ({"agent": "echo", "value": float("nan")}, "input"),
        ({"agent": "echo", "idempotency_key": "\n"}, "Idempotency-Key"),
        ({"agent": "echo", "idempotency_key": "x" * 256}, "Idempotency-Key"),
        ({"agent": "echo", "title": "x" * 201}, "title"),
    ],
)
async def test_a_refusal_names_the_field(world: World, alice: UserId, request_of_it: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        await world.start(alice, **request_of_it)
    assert caught.value.extra["field"] == field


async def test_somebody_elses_thread_is_an_unknown_one(world: World, alice: UserId, bob: UserId) -> None:
    theirs = await world.thread(bob)
    for thread_id in (theirs, ThreadId(new_uuid()), ThreadId(alice)):  # the last is her account's own log
        with pytest.raises(NotFound):
            await world.start(alice, "echo", thread_id=thread_id)


async def test_somebody_elses_run_is_an_unknown_one(world: World, alice: UserId, bob: UserId) -> None:
    accepted = await world.start(bob, "curious")
    for run_id in (accepted.run_id, RunId(new_uuid())):
        for refused in (
            world.runs.get(alice, run_id),
            world.runs.cancel(alice, run_id),
            world.runs.answer(alice, run_id, "ask#1", 7),
        ):
            with pytest.raises(NotFound):
                await refused
    with pytest.raises(NotFound):
        await world.runs.delete_thread(alice, accepted.thread_id)
    assert (await world.runs.get(bob, accepted.run_id)).state is State.QUEUED


# Idempotency ---------------------------------------------------------------------------------------------------------------


async def test_fifty_submits_of_one_key_at_once_are_one_run(database_url: str) -> None:
    # Two processes, as far as the database can tell: two pools, two logs.
    async with Database.open(database_url) as one, Database.open(database_url) as two:
        alice = await add_account(one, "alice@example.com")
        async with open_world(one) as here, open_world(two) as there:
            for world in (here, there):

                @world.agent
                async def echo(context: RunContext) -> None: ...

            thread_id = await here.thread(alice)
            accepted = await asyncio.gather(
                *(
                    world.start(alice, "echo", {"n": 1}, thread_id=thread_id, idempotency_key="k")
                    for world in (here, there)
                    for _ in range(25)
                )
            )
            assert len({(run.run_id, run.seq) for run in accepted}) == 1
            assert [run.replayed for run in accepted].count(False) == 1
            assert await here.types(alice, accepted[0]) == ["run_queued"]
            assert await rows(one, "SELECT count(*) FROM run") == [(1,)]


async def test_a_key_is_the_users_own_and_holds_over_all_their_threads(world: World, alice: UserId, bob: UserId) -> None:
    first = await world.start(alice, "echo", 1, idempotency_key="k")
    again = await world.start(alice, "echo", 1, thread_id=await world.thread(alice), idempotency_key="k")
    assert (again.run_id, again.thread_id, again.replayed) == (first.run_id, first.thread_id, True)
    assert (await world.start(bob, "echo", 1, idempotency_key="k")).run_id != first.run_id


async def test_a_key_that_began_a_thread_begins_no_second_one(world: World, alice: UserId) -> None:
    options = {"thread_id": None, "idempotency_key": "k", "title": "Mine"}
    accepted = await asyncio.gather(*(world.start(alice, "echo", 1, **options) for _ in range(5)))
    assert len({run.thread_id for run in accepted}) == 1
    titles = await rows(world.database, "SELECT title FROM thread WHERE user_id = %s AND kind = 'conversation'", alice)
    assert titles == [("Mine",)]


async def test_a_key_of_another_request_is_refused_with_the_field(world: World, alice: UserId) -> None:
    await world.start(alice, "echo", {"a": 1, "b": 2}, idempotency_key="k")
    assert (await world.start(alice, "echo", {"b": 2, "a": 1}, idempotency_key="k")).replayed
    for agent, value, field in (("other", {"a": 1, "b": 2}, "agent"), ("echo", {"a": 1}, "input")):
        with pytest.raises(IdempotencyMismatch) as caught:
            await world.start(alice, agent, value, idempotency_key="k")
        assert caught.value.extra["field"] == field


async def test_a_replayed_key_tells_the_present_state(world: World, alice: UserId) -> None:
    first = await world.start(alice, "echo", 1, idempotency_key="k")
    await world.runs.cancel(alice, first.run_id)
    assert (await world.start(alice, "echo", 1, idempotency_key="k")).state is State.CANCELLED


# A busy thread -------------------------------------------------------------------------------------------------------------


async def test_runs_of_one_thread_wait_for_each_other(world: World, alice: UserId) -> None:
    thread_id = await world.thread(alice)
    accepted = [await world.start(alice, "echo", n, thread_id=thread_id) for n in range(3)]
    assert [await positions(world, alice, run) for run in accepted] == [[0], [1], [2]]
    assert await rows(world.database, "SELECT args ->> 'run_id' FROM procrastinate_jobs") == [(str(accepted[0].run_id),)]


async def test_a_busy_thread_can_refuse(world: World, alice: UserId) -> None:
    first = await world.start(alice, "echo", on_busy="reject")
    with pytest.raises(ThreadBusy):
        await world.start(alice, "echo", thread_id=first.thread_id, on_busy="reject")
    await world.runs.cancel(alice, first.run_id)
    assert (await world.start(alice, "echo", thread_id=first.thread_id, on_busy="reject")).state is State.QUEUED


async def test_an_interrupting_run_cancels_those_before_it(world: World, alice: UserId) -> None:
    thread_id = await world.thread(alice)
    earlier = [await world.start(alice, "echo", n, thread_id=thread_id) for n in range(3)]
    elsewhere = await world.start(alice, "echo")
    last = await world.start(alice, "echo", "last", thread_id=thread_id, on_busy="interrupt")
    assert await positions(world, alice, last) == [0]
    for run in earlier:
        assert (await world.types(alice, run))[-1] == "agent_cancelled"
    async with world.worker():
        assert (await world.finished(alice, last)).result == "last"
        assert (await world.finished(alice, elsewhere)).state is State.COMPLETED


async def test_an_interrupting_run_follows_a_running_one_that_is_cancelled(world: World, alice: UserId) -> None:
    @world.agent
    async def endless(context: RunContext) -> Any:
        await context.think("for ever")
        await asyncio.Event().wait()

    async with world.worker():
        first = await world.start(alice, "endless")
        async with world.following(alice, first.thread_id) as follower:
            await follower.until_type("agent_thinking")
            last = await world.start(alice, "echo", "last", thread_id=first.thread_id, on_busy="interrupt")
            await follower.until_type("agent_completed")
        info = await world.runs.get(alice, first.run_id)
        assert (info.state, info.cancel_by) == (State.CANCELLED, "interrupt")
        assert (await world.runs.get(alice, last.run_id)).result == "last"


async def test_a_user_may_have_so_many_live_runs_and_no_more(
    world: World, alice: UserId, bob: UserId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "LIVE_RUNS", 3)
    accepted = [await world.start(alice, "echo") for _ in range(3)]
    with pytest.raises(QueueFull):
        await world.start(alice, "echo")
    await world.start(bob, "echo")
    await world.runs.cancel(alice, accepted[0].run_id)
    await world.start(alice, "echo")


# Cancelling and answering --------------------------------------------------------------------------------------------------


async def test_a_queued_run_is_cancelled_at_once_and_only_once(world: World, alice: UserId) -> None:
    accepted = await world.start(alice, "echo")
    assert await world.runs.cancel(alice, accepted.run_id) is State.CANCELLED
    assert await world.types(alice, accepted) == ["run_queued", "agent_cancelled"]
    with pytest.raises(RunEnded):
        await world.runs.cancel(alice, accepted.run_id)
    async with world.worker():  # its job is still there, and finds nothing to take
        other = await world.start(alice, "echo", 1, thread_id=accepted.thread_id)
        await world.finished(alice, other)
    assert await world.types(alice, accepted) == ["run_queued", "agent_cancelled"]
    assert await rows(world.database, "SELECT count(*) FROM procrastinate_jobs") == [(0,)]


async def test_cancelling_a_run_in_line_does_not_disturb_the_one_before_it(world: World, alice: UserId) -> None:
    gate = asyncio.Event()

    @world.agent
    async def patient(context: RunContext) -> Any:
        await context.think("at work")
        await gate.wait()
        await context.think("still at work")
        return context.facts.attempt

    async with world.worker():
        first = await world.start(alice, "patient")
        async with world.following(alice, first.thread_id) as follower:
            await follower.until_type("agent_thinking")
            second = await world.start(alice, "echo", thread_id=first.thread_id)
            assert await world.runs.cancel(alice, second.run_id) is State.CANCELLED
            gate.set()
            assert (await world.finished(alice, first)).result == 1


async def test_a_waiting_run_occupies_nobody_and_goes_on_with_the_answer(world: World, alice: UserId) -> None:
    async with world.worker() as worker:
        accepted = await world.start(alice, "curious")
        async with world.following(alice, accepted.thread_id) as follower:
            await follower.until_type("input_required")
            info = await world.runs.get(alice, accepted.run_id)
            assert (info.state, info.waits_for) == (State.WAITING, "ask#1")
            with pytest.raises(NotWaiting):
                await world.runs.answer(alice, accepted.run_id, "ask#2", 42)
            assert await world.runs.answer(alice, accepted.run_id, "ask#1", 42) is State.QUEUED
            with pytest.raises(NotWaiting):
                await world.runs.answer(alice, accepted.run_id, "ask#1", 43)
            await follower.until_type("agent_completed")
        info = await world.runs.get(alice, accepted.run_id)
    assert (info.result, info.attempt, worker.running) == (42, 1, 0)
    assert await world.types(alice, accepted) == [
        "run_queued",
        "agent_started",
        "input_required",
        "input_received",
        "agent_completed",
    ]


async def test_a_waiting_run_keeps_its_thread_and_frees_its_slot(database: Database, alice: UserId) -> None:
    async with open_world(database, max_concurrent_per_user=1) as world:

        @world.agent
        async def curious(context: RunContext) -> Any:
            return await context.ask("?")

        @world.agent
        async def echo(context: RunContext) -> Any:
            return context.facts.input

        async with world.worker(max_concurrent_per_user=1):
            asking = await world.start(alice, "curious")
            behind = await world.start(alice, "echo", 1, thread_id=asking.thread_id)
            elsewhere = await world.start(alice, "echo", 2)
            assert (await world.finished(alice, elsewhere)).result == 2
            assert (await world.runs.get(alice, behind.run_id)).state is State.QUEUED
            assert await world.runs.cancel(alice, asking.run_id) is State.CANCELLED
            assert (await world.finished(alice, behind)).result == 1


async def test_an_answer_that_cannot_be_kept_is_refused_and_the_run_still_waits(world: World, alice: UserId) -> None:
    async with world.worker():
        accepted = await world.start(alice, "curious")
        async with world.following(alice, accepted.thread_id) as follower:
            await follower.until_type("input_required")
        for value in ("\0", "x" * 70_000):
            with pytest.raises(NotStorable) as caught:
                await world.runs.answer(alice, accepted.run_id, "ask#1", value)
            assert caught.value.extra["field"] == "value"
        assert (await world.runs.get(alice, accepted.run_id)).state is State.WAITING


async def test_a_deleted_thread_takes_its_runs_with_it_and_frees_their_slots(database: Database, alice: UserId) -> None:
    stopped = asyncio.Event()
    async with open_world(database, max_concurrent_per_user=1) as world:

        @world.agent
        async def endless(context: RunContext) -> Any:
            try:
                await context.think("for ever")
                await asyncio.Event().wait()
            finally:
                stopped.set()

        @world.agent
        async def echo(context: RunContext) -> Any:
            return context.facts.input

        async with world.worker(max_concurrent_per_user=1):
            doomed = await world.start(alice, "endless")
            async with world.following(alice, doomed.thread_id) as follower:
                await follower.until_type("agent_thinking")
            waiting = await world.start(alice, "echo", 1)
            await world.runs.delete_thread(alice, doomed.thread_id)
            assert (await world.finished(alice, waiting)).result == 1
            with pytest.raises(NotFound):
                await world.runs.get(alice, doomed.run_id)
            async with asyncio.timeout(10):
                await stopped.wait()
    assert await rows(database, "SELECT count(*) FROM event WHERE thread_id = %s", doomed.thread_id) == [(0,)]
    assert await rows(database, "SELECT count(*) FROM procrastinate_jobs") == [(0,)]
