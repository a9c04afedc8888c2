"""Runs as a worker takes them, and what is left when one dies, drains or loses the database."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from typing import Any

import psycopg
import pytest
import structlog

from netra.db.database import Database
from netra.errors import Unavailable
from netra.ids import UserId, new_uuid
from netra.runs import claim
from netra.runs.context import RunContext
from netra.runs.queue import Job, Queue
from netra.runs.runs import Accepted
from netra.runs.state import Change, State
from tests.fixtures.postgres import add_account
from tests.runs.test_queue import fall_silent
from tests.runs.world import World


async def jobs(database: Database) -> Counter[str]:
    async with database.system().transaction() as connection:
        cursor = await connection.execute("SELECT status::text FROM procrastinate_jobs")
        return Counter([status async for (status,) in cursor])


async def test_a_run_is_executed_and_ends_with_its_result(world: World, alice: UserId) -> None:
    @world.agent
    async def double(context: RunContext) -> Any:
        await context.think("doubling")
        return context.facts.input * 2

    async with world.worker() as worker:
        accepted = await world.start(alice, "double", 21)
        info = await world.finished(alice, accepted)
        assert worker.alive
    assert worker.running == 0
    assert (info.state, info.result, info.attempt) == (State.COMPLETED, 42, 1)
    assert await world.types(alice, accepted) == ["run_queued", "agent_started", "agent_thinking", "agent_completed"]
    assert worker.counts.changes == {Change.CLAIMED: 1, Change.COMPLETED: 1}
    assert len(worker.counts.queue_waits) == len(worker.counts.agent_ms) == 1
    assert worker.counts.queue_waits[0] >= 0
    assert await jobs(world.database) == {}


async def test_many_users_runs_side_by_side_are_each_only_its_own(world: World, database: Database) -> None:
    @world.agent
    async def mark(context: RunContext) -> Any:
        for _ in range(3):
            await context.think(context.facts.input)
            await context.say(context.facts.input)
        return [context.facts.input, str(context.facts.user_id)]

    users = [await add_account(database, f"user{number}@example.com") for number in range(10)]
    async with world.worker(concurrency=7):
        accepted = [(user, await world.start(user, "mark", f"mark-{user}")) for user in users for _ in range(3)]
        for user, run in accepted:
            assert (await world.finished(user, run)).result == [f"mark-{user}", str(user)]
    for user, run in accepted:
        wires = b"".join(event.wire for event in await world.log(user, run))
        assert not [other for other in users if other != user and str(other).encode() in wires]


async def test_what_is_logged_within_a_run_says_whose_it_is_and_outside_of_one_nobodys(
    world: World, alice: UserId, bob: UserId
) -> None:
    seen: dict[str, dict[str, Any]] = {}

    @world.agent
    async def look(context: RunContext) -> Any:
        seen[str(context.facts.run_id)] = dict(structlog.contextvars.get_contextvars())

    async with world.worker():
        runs = [(user, await world.start(user, "look")) for user in (alice, bob, alice)]
        for user, run in runs:
            await world.finished(user, run)
    assert seen == {str(run.run_id): {"user_id": str(user), "run_id": str(run.run_id)} for user, run in runs}
    assert structlog.contextvars.get_contextvars() == {}


async def test_as_many_of_one_users_runs_execute_at_once_as_it_has_lanes(world: World, alice: UserId) -> None:
    at_work, most, full = 0, 0, asyncio.Event()

    @world.agent
    async def count(context: RunContext) -> Any:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        if at_work == 10:
            full.set()
        await full.wait()
        await context.think("there are ten of us")
        at_work -= 1

    accepted = [await world.start(alice, "count") for _ in range(25)]
    async with world.worker():
        for run in accepted:
            await world.finished(alice, run)
    assert most == 10


async def test_a_dead_workers_run_goes_on_with_the_next_worker_and_repeats_no_finished_step(
    world: World, database: Database, alice: UserId
) -> None:
    done: list[str] = []

    @world.agent
    async def agent(context: RunContext) -> Any:
        async def step(name: str) -> str:
            done.append(name)
            return name

        await context.think("beginning")
        await context.step("one", step, "one")
        if context.facts.attempt == 1:
            began.set()
            await asyncio.Event().wait()
        return [await context.step("two", step, "two"), context.facts.attempt]

    began = asyncio.Event()
    async with asyncio.timeout(30), world.worker(lease=30.0, drain_timeout=0.0, cleanup_deadline=0.5) as dying:
        accepted = await world.start(alice, "agent")
        await began.wait()
        await fall_silent(database, 31)
        async with world.worker(lease=30.0) as heir:
            info = await world.finished(alice, accepted)
            assert heir.counts.taken_back + dying.counts.taken_back == 1
    assert (info.result, done) == (["two", 2], ["one", "two"])
    assert await world.types(alice, accepted) == [
        "run_queued",
        "agent_started",
        "agent_thinking",
        *["tool_executing", "tool_completed"] * 2,
        "agent_completed",
    ]
    assert dying.counts.changes[Change.COMPLETED] + heir.counts.changes[Change.COMPLETED] == 1


async def test_a_worker_that_drains_lets_its_runs_end(world: World, alice: UserId) -> None:
    gate = asyncio.Event()

    @world.agent
    async def agent(context: RunContext) -> Any:
        await context.think("at work")
        await gate.wait()
        return "done"

    async with asyncio.timeout(20), world.worker() as worker:
        accepted = await world.start(alice, "agent")
        async with world.following(alice, accepted.thread_id) as follower:
            await follower.until_type("agent_thinking")
            draining = asyncio.create_task(worker.drain())
            await asyncio.sleep(0)
            later = await world.start(alice, "agent")
            gate.set()
            await draining
        assert (await world.runs.get(alice, accepted.run_id)).result == "done"
        assert (await world.runs.get(alice, later.run_id)).state is State.QUEUED
        await worker.drain()  # again is no error


async def test_a_worker_that_cannot_wait_hands_its_runs_back_and_the_next_goes_on(world: World, alice: UserId) -> None:
    @world.agent
    async def agent(context: RunContext) -> Any:
        await context.think("at work")
        await gate.wait()
        return context.facts.attempt

    gate = asyncio.Event()
    async with world.worker(drain_timeout=0.0) as first:
        accepted = await world.start(alice, "agent")
        async with world.following(alice, accepted.thread_id) as follower:
            await follower.until_type("agent_thinking")
    assert first.counts.changes == {Change.CLAIMED: 1, Change.HANDED_BACK: 1}
    assert (await world.runs.get(alice, accepted.run_id)).state is State.QUEUED
    assert await jobs(world.database) == {"todo": 1}
    gate.set()
    async with world.worker():
        info = await world.finished(alice, accepted)
    assert (info.state, info.result) == (State.COMPLETED, 1)
    assert (await world.types(alice, accepted)).count("agent_thinking") == 1


async def test_a_cancellation_reaches_the_worker_although_its_hint_is_lost(
    world: World, alice: UserId, monkeypatch: pytest.MonkeyPatch
) -> None:
    @world.agent
    async def endless(context: RunContext) -> Any:
        await context.think("at work")
        await asyncio.Event().wait()

    monkeypatch.setattr(world.streams.hints, "cancel_wanted", lambda run_id: None)
    async with world.worker(poll=0.05):
        accepted = await world.start(alice, "endless")
        async with world.following(alice, accepted.thread_id) as follower:
            await follower.until_type("agent_thinking")
            await world.runs.cancel(alice, accepted.run_id)
            await follower.until_type("agent_cancelled")


async def test_a_worker_that_was_forgotten_takes_runs_again_without_waiting_for_its_next_heartbeat(
    world: World, database: Database, alice: UserId
) -> None:
    @world.agent
    async def agent(context: RunContext) -> Any: ...

    async with world.worker(lease=600.0, heartbeat=300.0, poll=0.05) as worker:
        async with database.system().transaction() as connection:
            await connection.execute("DELETE FROM procrastinate_workers")
        accepted = await world.start(alice, "agent")
        assert (await world.finished(alice, accepted)).state is State.COMPLETED
        assert worker.alive


async def test_a_run_that_lost_its_job_gets_another(world: World, database: Database, alice: UserId) -> None:
    @world.agent
    async def agent(context: RunContext) -> Any: ...

    accepted = await world.start(alice, "agent")
    async with database.system().transaction() as connection:
        await connection.execute("DELETE FROM procrastinate_jobs")
    async with world.worker(poll=0.05):
        assert (await world.finished(alice, accepted)).state is State.COMPLETED


async def test_a_run_whose_user_has_got_more_lanes_is_dispatched(world: World, database: Database, alice: UserId) -> None:
    @world.agent
    async def agent(context: RunContext) -> Any: ...

    accepted = await world.start(alice, "agent")
    async with database.system().transaction() as connection:
        await connection.execute("UPDATE run SET lane = NULL")
        await connection.execute("DELETE FROM procrastinate_jobs")
    async with world.worker(poll=0.05):
        assert (await world.finished(alice, accepted)).state is State.COMPLETED


async def test_a_worker_survives_that_the_database_hangs_up(world: World, alice: UserId, owner_url: str) -> None:
    @world.agent
    async def agent(context: RunContext) -> Any:
        return await context.step("work", work)

    async def work() -> str:
        return "done"

    async with world.worker(poll=0.05, heartbeat=0.05) as worker:
        for _ in range(3):
            accepted = await world.start(alice, "agent")
            await world.finished(alice, accepted)
            await hang_up(owner_url)
            async with asyncio.timeout(20):
                again = await start_again(world, alice)
            assert (await world.finished(alice, again)).result == "done"
        assert worker.alive


@pytest.mark.parametrize("error", [psycopg.OperationalError, psycopg.errors.RaiseException, TypeError])
async def test_a_run_whose_job_was_given_to_a_worker_that_never_heard_of_it_is_executed_all_the_same(
    world: World, alice: UserId, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    @world.agent
    async def agent(context: RunContext) -> Any: ...

    fetch, lost = Queue.fetch, 0

    async def fetch_and_lose(queue: Queue, count: int) -> list[Job]:
        nonlocal lost
        jobs = await fetch(queue, count)
        if jobs and not lost:
            lost = len(jobs)
            raise error("the connection broke before the answer came, or something went wrong that nobody foresaw")
        return jobs

    monkeypatch.setattr(Queue, "fetch", fetch_and_lose)
    async with asyncio.timeout(30), world.worker(poll=0.05):
        accepted = await world.start(alice, "agent")
        assert (await world.finished(alice, accepted)).state is State.COMPLETED
    assert lost == 1


async def test_a_worker_without_a_free_slot_lets_go_of_what_it_has_not_heard_of(
    world: World, database: Database, alice: UserId, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, may_end = asyncio.Event(), asyncio.Event()

    @world.agent
    async def agent(context: RunContext) -> Any:
        begun.set()
        await may_end.wait()

    looked = asyncio.Event()
    put_back_unknown = Queue.put_back_unknown

    async def look(queue: Queue, known: Iterable[int]) -> None:
        await put_back_unknown(queue, known)
        looked.set()

    monkeypatch.setattr(Queue, "put_back_unknown", look)
    async with asyncio.timeout(30), world.worker(poll=0.05, concurrency=1) as worker:
        accepted = await world.start(alice, "agent")
        await begun.wait()
        worker._doubt()
        await looked.wait()
        assert await jobs(database) == {"doing": 1}
        may_end.set()
        assert (await world.finished(alice, accepted)).state is State.COMPLETED


async def test_a_run_that_could_not_be_put_back_is_executed_all_the_same(
    world: World, alice: UserId, monkeypatch: pytest.MonkeyPatch
) -> None:
    @world.agent
    async def agent(context: RunContext) -> Any: ...

    claimed, told = claim.claim, list[str]()

    async def claim_in_vain(*arguments: Any, **options: Any) -> Any:
        if "claim" not in told:
            told.append("claim")
            raise Unavailable
        return await claimed(*arguments, **options)

    async def put_back_in_vain(queue: Queue, job: Job, delay: float) -> None:
        told.append("put back")
        raise psycopg.errors.RaiseException("what nobody foresaw")

    monkeypatch.setattr(claim, "claim", claim_in_vain)
    monkeypatch.setattr(Queue, "put_back", put_back_in_vain)
    reported = list[str]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context["message"]))
    async with asyncio.timeout(30), world.worker(poll=0.05):
        accepted = await world.start(alice, "agent")
        assert (await world.finished(alice, accepted)).state is State.COMPLETED
    assert told == ["claim", "put back"]
    assert reported == ["a run could not be settled"]


async def hang_up(owner_url: str) -> None:
    """Close every connection of the server, as a restart of PostgreSQL does."""
    async with await psycopg.AsyncConnection.connect(owner_url, autocommit=True) as connection:
        await connection.execute(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND usename = 'netra_app'
            """
        )


async def start_again(world: World, user_id: UserId) -> Accepted:
    """Start a run as a client does that was told to try again shortly."""
    key = new_uuid()
    while True:
        try:
            return await world.start(user_id, "agent", idempotency_key=str(key))
        except (psycopg.OperationalError, Unavailable):
            await asyncio.sleep(0.05)


async def test_a_fault_of_netras_own_ends_as_a_failed_run_and_not_as_a_lost_one(
    world: World, alice: UserId, monkeypatch: pytest.MonkeyPatch
) -> None:
    @world.agent
    async def agent(context: RunContext) -> Any: ...

    class Broken:
        def __init__(self, *_: Any) -> None:
            raise TypeError("a bug")

    monkeypatch.setattr("netra.runs.worker.Execution", Broken)
    monkeypatch.setattr("netra.runs.worker.PAUSE", 0.01)
    async with world.worker(poll=0.05, attempts=2):
        accepted = await world.start(alice, "agent")
        info = await world.finished(alice, accepted)
    assert (info.state, info.error and info.error["code"]) == (State.FAILED, "attempts_exhausted")
