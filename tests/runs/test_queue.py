"""The queue: whose a job is, and what becomes of the jobs of the silent."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from netra.db.database import Database
from netra.ids import UserId
from netra.runs.context import RunContext
from netra.runs.queue import Queue
from tests.runs.world import World

LEASE = 10.0


@pytest.fixture
async def queue(database: Database) -> AsyncIterator[Queue]:
    queue = Queue(database, LEASE)
    await queue.join()
    yield queue
    await queue.leave()


@pytest.fixture(autouse=True)
def agents(world: World) -> None:
    @world.agent
    async def agent(context: RunContext) -> Any: ...


async def fall_silent(database: Database, seconds: float) -> None:
    """Let every worker's last sign of life be so long ago."""
    async with database.system().transaction() as connection:
        await connection.execute(
            "UPDATE procrastinate_workers SET last_heartbeat = now() - make_interval(secs => %s)", [seconds]
        )


async def take_back(database: Database, queue: Queue) -> int:
    async with database.system().transaction() as connection:
        return await queue.take_back(connection)


async def statuses(database: Database) -> list[str]:
    async with database.system().transaction() as connection:
        cursor = await connection.execute("SELECT status::text FROM procrastinate_jobs ORDER BY id")
        return [status async for (status,) in cursor]


async def test_a_job_is_taken_once_and_gone_when_it_is_finished(
    world: World, queue: Queue, database: Database, alice: UserId
) -> None:
    accepted = await world.start(alice, "agent")
    (job,) = await queue.fetch(1)
    assert (job.user_id, job.run_id, job.dispatch) == (alice, accepted.run_id, 1)
    assert await queue.fetch(1) == []
    await queue.finish([job])
    assert await statuses(database) == []


async def test_as_many_jobs_are_taken_as_there_are_slots_and_in_the_order_of_their_priority(
    world: World, queue: Queue, alice: UserId, bob: UserId
) -> None:
    hers = [await world.start(alice, "agent") for _ in range(3)]
    his = await world.start(bob, "agent")
    assert [job.run_id for job in await queue.fetch(3)] == [hers[0].run_id, his.run_id, hers[1].run_id]
    assert [job.run_id for job in await queue.fetch(3)] == [hers[2].run_id]
    assert await queue.fetch(3) == []


async def test_a_job_that_is_put_back_can_be_taken_again_when_its_time_has_come(
    world: World, queue: Queue, alice: UserId
) -> None:
    await world.start(alice, "agent")
    (job,) = await queue.fetch(1)
    await queue.put_back(job, 0.0)
    assert await queue.fetch(1) == [job]
    await queue.put_back(job, 60.0)
    assert await queue.fetch(1) == []


async def test_the_jobs_of_a_silent_worker_are_taken_back_and_those_of_a_living_one_are_not(
    world: World, queue: Queue, database: Database, alice: UserId
) -> None:
    await world.start(alice, "agent")
    assert len(await queue.fetch(1)) == 1
    await fall_silent(database, LEASE / 2)
    assert await take_back(database, queue) == 0
    await fall_silent(database, LEASE + 1)
    assert await take_back(database, queue) == 1
    assert await statuses(database) == ["todo"]


async def test_a_job_that_a_worker_has_not_heard_of_is_let_go_and_the_others_stay(
    world: World, queue: Queue, database: Database, alice: UserId, bob: UserId
) -> None:
    for user_id in (alice, bob):
        await world.start(user_id, "agent")
    known, unheard = await queue.fetch(2)
    await queue.put_back_unknown([known.id])
    assert sorted(await statuses(database)) == ["doing", "todo"]
    assert [job.id for job in await queue.fetch(2)] == [unheard.id]


@pytest.mark.parametrize("how", ["known", "unknown"])
async def test_a_job_that_is_put_back_twice_at_once_is_put_back_once(
    world: World, queue: Queue, database: Database, alice: UserId, how: str
) -> None:
    await world.start(alice, "agent")
    (job,) = await queue.fetch(1)
    async with database.system().transaction() as connection:
        # What was sent on a connection that broke is carried out all the same, and may still be on its way.
        await connection.execute("SELECT procrastinate_retry_job_v2(%s, NULL, NULL, NULL, NULL)", [job.id])
        again = asyncio.create_task(queue.put_back(job, 60.0) if how == "known" else queue.put_back_unknown([]))
        async with asyncio.timeout(10):
            while not await waiting_for_a_lock(database):  # noqa: ASYNC110 - PostgreSQL tells nobody that somebody waits
                await asyncio.sleep(0.005)
    await again
    assert await queue.fetch(1) == [job]


async def waiting_for_a_lock(database: Database) -> bool:
    async with database.system().transaction() as connection:
        cursor = await connection.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
        return await cursor.fetchone() == (True,)


async def test_the_jobs_of_a_worker_that_left_are_taken_back_at_once(
    world: World, queue: Queue, database: Database, alice: UserId
) -> None:
    other = Queue(database, LEASE)
    await other.join()
    await world.start(alice, "agent")
    assert len(await other.fetch(1)) == 1
    await other.leave()
    assert await take_back(database, queue) == 1


async def test_whoever_was_silent_too_long_cannot_take_a_job_from_its_new_holder(
    world: World, queue: Queue, database: Database, alice: UserId
) -> None:
    zombie = Queue(database, LEASE)
    await zombie.join()
    await world.start(alice, "agent")
    (job,) = await zombie.fetch(1)
    await fall_silent(database, LEASE + 1)
    await take_back(database, queue)
    await zombie.finish([job])
    await zombie.put_back(job, 60.0)
    assert await queue.fetch(1) == [job]
    await zombie.finish([job])
    await zombie.put_back(job, 0.0)
    assert await statuses(database) == ["doing"]
    await zombie.leave()


async def test_a_worker_that_was_forgotten_joins_again_with_its_next_heartbeat(
    world: World, queue: Queue, database: Database, alice: UserId
) -> None:
    await fall_silent(database, LEASE * 21)
    await take_back(database, queue)
    await queue.beat()
    await world.start(alice, "agent")
    assert len(await queue.fetch(1)) == 1
    assert await take_back(database, queue) == 0


async def test_a_new_job_wakes_whoever_listens(world: World, queue: Queue, database: Database, alice: UserId) -> None:
    wake = asyncio.Event()
    listening = asyncio.create_task(queue.listen(wake))
    try:
        async with asyncio.timeout(10):
            # The listener says nothing when it is ready, so jobs come until one is heard.
            while not wake.is_set():
                await world.start(alice, "agent")
                await asyncio.wait([asyncio.ensure_future(wake.wait())], timeout=0.1)
    finally:
        listening.cancel()
        await asyncio.wait([listening])
