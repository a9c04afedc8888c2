"""`netra.gateway.turns`: whoever asks for everything waits alone."""

import asyncio
from pathlib import Path

import httpx
import psycopg
import pytest

from netra.gateway.turns import TooManyAtOnce, Turns
from netra.ids import UserId, new_uuid
from tests.fixtures.server import ServerProcess
from tests.mission_critical.people import Person

ALICE, BOB = UserId(new_uuid()), UserId(new_uuid())


async def test_no_more_of_one_user_are_at_work_than_may_be_and_others_do_not_wait() -> None:
    turns, working, done = Turns(at_once=2, waiting=10), 0, asyncio.Event()
    most = 0

    async def ask(user_id: UserId) -> None:
        nonlocal working, most
        async with turns.of(user_id):
            working += user_id == ALICE
            most = max(most, working)
            if user_id == ALICE:
                await done.wait()
            working -= user_id == ALICE

    async with asyncio.TaskGroup() as group:
        for _ in range(6):
            group.create_task(ask(ALICE))
        await asyncio.sleep(0)
        await ask(BOB)
        done.set()
    assert most == 2
    assert len(turns) == 0


async def test_whom_too_many_wait_for_is_refused_and_those_who_wait_are_not() -> None:
    turns, done = Turns(at_once=1, waiting=2), asyncio.Event()

    async def ask() -> None:
        async with turns.of(ALICE):
            await done.wait()

    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(ask())
        await asyncio.sleep(0)
        with pytest.raises(TooManyAtOnce) as refusal:
            await ask()
        assert refusal.value.retry_after > 0
        done.set()


async def test_one_that_is_cancelled_while_it_waits_gives_its_place_back() -> None:
    turns = Turns(at_once=1, waiting=1)
    async with turns.of(ALICE):

        async def ask() -> None:
            async with turns.of(ALICE):
                pass

        waiting = asyncio.create_task(ask())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        again = asyncio.create_task(ask())
    await again
    assert len(turns) == 0


@pytest.mark.slow
async def test_a_user_whose_every_request_waits_for_a_lock_holds_nobody_else_up(
    tmp_path: Path, database_url: str, owner_url: str
) -> None:
    given = ("--database-url", database_url)
    with ServerProcess.running(tmp_path, *given, NETRA_DATABASE_POOL_SIZE="8", NETRA_REQUESTS_AT_ONCE="6") as server:
        async with httpx.AsyncClient(base_url=server.url, timeout=60) as http:
            alice, bob = await Person.sign_up(http), await Person.sign_up(http)
            async with await psycopg.AsyncConnection.connect(owner_url) as owner:
                await owner.execute("SELECT pg_advisory_xact_lock(hashtextextended('threads/' || %s, 0))", [alice.user_id])
                stuck = [asyncio.create_task(alice.thread()) for _ in range(40)]
                while await _waiting_for_a_lock(owner_url) < 6:  # noqa: ASYNC110 - the database has no event for it
                    await asyncio.sleep(0.05)
                async with asyncio.timeout(20):
                    await bob.thread()
                assert not any(task.done() for task in stuck)
            answers = await asyncio.gather(*stuck, return_exceptions=True)
    assert sum(isinstance(answer, str) for answer in answers) == 5  # what the plan gives


async def _waiting_for_a_lock(url: str) -> int:
    async with await psycopg.AsyncConnection.connect(url) as connection:
        query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        row = await (await connection.execute(query)).fetchone()
        return int(row[0]) if row else 0
