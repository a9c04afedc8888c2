"""Who comes next: one run a thread, so many a user, and everybody's first before anybody's second."""

from typing import Any

import pytest

from netra.db.database import Database
from netra.ids import ThreadId, UserId, new_uuid
from netra.runs import ledger
from netra.runs.context import RunContext
from netra.runs.state import State
from tests.runs.world import open_world

LANES = 3


async def jobs(database: Database) -> list[tuple[str, int]]:
    """(run id, priority) as workers would take them."""
    async with database.system().transaction() as connection:
        cursor = await connection.execute(
            "SELECT args ->> 'run_id', priority FROM procrastinate_jobs WHERE status = 'todo' ORDER BY priority DESC, id"
        )
        return [(run_id, priority) async for run_id, priority in cursor]


async def test_a_user_gets_so_many_jobs_and_the_rest_are_rows(database: Database, alice: UserId, bob: UserId) -> None:
    async with open_world(database, max_concurrent_per_user=LANES) as world:

        @world.agent
        async def agent(context: RunContext) -> Any: ...

        hers = [await world.start(alice, "agent") for _ in range(5)]
        his = await world.start(bob, "agent")
        assert await jobs(database) == [
            (str(hers[0].run_id), 0),
            (str(his.run_id), 0),
            (str(hers[1].run_id), -1),
            (str(hers[2].run_id), -2),
        ]
        # A slot that becomes free goes to the oldest that waits, at that slot's priority.
        await world.runs.cancel(alice, hers[0].run_id)
        assert (str(hers[3].run_id), 0) in await jobs(database)


async def test_fewer_lanes_than_before_take_nothing_away(database: Database, alice: UserId) -> None:
    async with open_world(database, max_concurrent_per_user=LANES) as world:

        @world.agent
        async def agent(context: RunContext) -> Any: ...

        for _ in range(4):
            await world.start(alice, "agent")
        async with database.for_user(alice).transaction(ledger.TURN) as connection:
            await ledger.dispatch(connection, alice, 1)
        assert len(await jobs(database)) == LANES


async def flood(database: Database, user_id: UserId, count: int, threads: int) -> None:
    """Queue many runs at once, as `count` acceptances would have left them."""
    ids = [ThreadId(new_uuid()) for _ in range(threads)]
    async with database.for_user(user_id).transaction() as connection:
        await connection.execute(
            "INSERT INTO thread (user_id, id, head) SELECT %s, unnest(%s::uuid[]), %s", [user_id, ids, count]
        )
        await connection.execute(
            """
            INSERT INTO run (user_id, id, thread_id, agent, state, input, plan, plan_version, turn, accepted_seq)
            SELECT %s, gen_random_uuid(), (%s::uuid[])[1 + n %% %s], 'agent', 'queued', '1', 'free', 1, n < %s, n
            FROM generate_series(0, %s) AS n
            """,
            [user_id, ids, threads, threads, count - 1],
        )


@pytest.mark.parametrize("threads", [1, 10_000])
async def test_ten_thousand_queued_runs_of_one_user_are_not_looked_through_to_find_the_next(
    database: Database, alice: UserId, bob: UserId, threads: int
) -> None:
    await flood(database, alice, 10_000, threads)
    async with database.system().transaction() as connection:
        await connection.execute("ANALYZE run")
    async with open_world(database) as world:

        @world.agent
        async def agent(context: RunContext) -> Any: ...

        await world.start(bob, "agent")
        async with database.for_user(alice).transaction(ledger.TURN) as connection:
            parameters = {"user_id": alice, "lanes": 10, "queue": ledger.QUEUE, "task": ledger.TASK}
            cursor = await connection.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + ledger.QUERIES["dispatch"], parameters)
            ((explained,),) = await cursor.fetchall()
    plan = explained[0]["Plan"]
    # Not the time it took, but the rows it touched: a few for each lane, whatever waits behind them.
    assert rows_read(plan) <= 500
    assert len(await jobs(database)) == (1 if threads == 1 else 10) + 1


def rows_read(plan: dict[str, Any]) -> float:
    scanned = 0.0
    if plan["Node Type"].endswith("Scan") and "Relation Name" in plan:
        scanned = (plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"]
    return scanned + sum(rows_read(child) for child in plan.get("Plans", ()))


async def test_another_user_does_not_wait_for_ten_thousand_runs(database: Database, alice: UserId, bob: UserId) -> None:
    await flood(database, alice, 9_990, 100)
    async with open_world(database) as world:

        @world.agent
        async def agent(context: RunContext) -> Any:
            await context.think("at work")

        hers = await world.start(alice, "agent")  # its own dispatch brings the flood to the queue
        async with world.worker(concurrency=4) as worker:
            for _ in range(5):
                his = await world.start(bob, "agent")
                assert (await world.finished(bob, his)).state is State.COMPLETED
            # While his five were executed, of hers not many more than the slots between them could be.
            done = worker.counts.changes
        assert (await world.runs.get(alice, hers.run_id)).state is State.QUEUED
        assert sum(done.values()) < 1000
