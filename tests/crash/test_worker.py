"""Real worker processes, really killed and paused: the log stays whole, every run ends once, no effect happens twice."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from netra.db.database import Database
from netra.events.model import TERMINAL_TYPES, AgentFailed, AgentThinking, MessageDelta, ToolCompleted, ToolExecuting
from netra.ids import UserId
from netra.runs.journal import entry
from netra.runs.runs import Accepted
from netra.runs.state import State
from tests.crash.process import Death, Order, agents, ended, worker_process
from tests.runs.test_queue import fall_silent
from tests.runs.world import World, open_world

LONG = {"lease": 60.0, "heartbeat": 20.0, "poll": 0.1}
"""For tests that say themselves when a worker has been silent for too long."""
SHORT = {"lease": 1.0, "heartbeat": 0.25, "poll": 0.1}


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(database) as world:
        world.agents.update(agents(tmp_path / "notes", Death(None)))
        yield world


def whole(log: list[Any]) -> bool:
    """Whether a run's events lie without a gap between `run_queued` and its one terminal event."""
    seqs, types = [event.seq for event in log], [event.type for event in log]
    ends = [event.type for event in log if event.type in TERMINAL_TYPES and entry(event)[1].parent is None]
    return seqs == list(range(1, len(seqs) + 1)) and types[0] == "run_queued" and ends == types[-1:]


def story(log: list[Any]) -> list[tuple[Any, ...]]:
    """What a log tells, without times and ids, and with the pieces of a message joined."""
    told: list[tuple[Any, ...]] = []
    for agent, data in map(entry, log):
        match data:
            case MessageDelta() if told and told[-1][1] == data.TYPE:
                told[-1] = (*told[-1][:2], told[-1][2] + data.text)
            case MessageDelta() | AgentThinking():
                told.append((agent, data.TYPE, data.text))
            case ToolExecuting() | ToolCompleted():
                told.append((agent, data.TYPE, data.call_id))
            case _:
                told.append((agent, data.TYPE))
    return told


@pytest.mark.slow
async def test_a_run_survives_a_kill_at_every_exchange_with_the_database(
    world: World, database: Database, database_url: str, alice: UserId, tmp_path: Path
) -> None:
    notes = tmp_path / "notes"
    notes.touch()
    undisturbed: list[tuple[Any, ...]] = []
    for n in range(1000):
        accepted = await world.start(alice, "everything")
        with worker_process(Order(database_url, notes, LONG, dies_after=n)) as process:
            killed = await died_or_done(world, alice, accepted, process)
        await fall_silent(database, 61)
        async with world.worker(**LONG):
            info = await world.finished(alice, accepted)
        log = await world.log(alice, accepted)
        undisturbed = undisturbed or await tell_undisturbed(world, alice)
        assert (info.state, info.result) == (State.COMPLETED, "done"), n
        assert whole(log), n
        assert story(log) == undisturbed, n
        assert await title(database, accepted) == "x", n
        # A step may have happened once more than the log says, if the process died before that was written; never twice more.
        steps = Counter(line for line in notes.read_text().splitlines() if line.startswith(str(accepted.run_id)))
        assert len(steps) == 2 and sum(steps.values()) <= 3, n
        if not killed:
            assert n > 10  # every exchange has had its turn
            return


async def tell_undisturbed(world: World, user_id: UserId) -> list[tuple[Any, ...]]:
    async with world.worker(**LONG):
        accepted = await world.start(user_id, "everything")
        await world.finished(user_id, accepted)
    return story(await world.log(user_id, accepted))


async def died_or_done(world: World, user_id: UserId, accepted: Accepted, process: Any) -> bool:
    """Wait until the process has killed itself (True) or the run has ended without that."""
    dying = asyncio.ensure_future(ended(process))
    done = asyncio.ensure_future(world.finished(user_id, accepted))
    try:
        await asyncio.wait({dying, done}, return_when=asyncio.FIRST_COMPLETED)
        # The run may end and the process still die, on its way to the next job.
        return dying.done() and dying.result() == -signal.SIGKILL
    finally:
        dying.cancel()
        done.cancel()
        await asyncio.gather(dying, done, return_exceptions=True)


async def title(database: Database, accepted: Accepted) -> str:
    async with database.system().transaction() as connection:
        cursor = await connection.execute("SELECT title FROM thread WHERE id = %s", [accepted.thread_id])
        ((found,),) = await cursor.fetchall()
    return str(found)


async def test_a_run_that_kills_every_worker_is_stopped_and_says_so(
    world: World, database: Database, database_url: str, alice: UserId, tmp_path: Path
) -> None:
    notes = tmp_path / "notes"
    accepted = await world.start(alice, "deadly")
    order = Order(database_url, notes, {**LONG, "attempts": 3})
    for _ in range(3):
        with worker_process(order) as process:
            assert await ended(process) == -signal.SIGKILL
        await fall_silent(database, 61)
    with worker_process(order):
        info = await world.finished(alice, accepted)
    assert (info.state, info.attempt) == (State.FAILED, 3)
    log = await world.log(alice, accepted)
    assert whole(log)
    end = entry(log[-1])[1]
    assert isinstance(end, AgentFailed) and end.code == "attempts_exhausted"
    assert notes.read_text() == "alive\n"  # the step was logged the first time, and not repeated


async def test_a_killed_workers_run_goes_on_when_its_lease_has_run_out(
    world: World, database_url: str, alice: UserId, tmp_path: Path
) -> None:
    accepted = await world.start(alice, "talkative")
    async with world.following(alice, accepted.thread_id) as follower:
        with worker_process(Order(database_url, tmp_path / "notes", SHORT)) as process:
            await follower.until_type("agent_thinking", 20)
            process.kill()
        async with world.worker(**SHORT):
            await follower.until_type("agent_completed")
    info = await world.runs.get(alice, accepted.run_id)
    assert (info.state, info.attempt) == (State.COMPLETED, 2)
    assert whole(follower.events)


async def test_a_worker_paused_beyond_its_lease_writes_nothing_when_it_wakes_and_stops_by_itself(
    world: World, database_url: str, alice: UserId, tmp_path: Path
) -> None:
    accepted = await world.start(alice, "talkative")
    async with world.following(alice, accepted.thread_id) as follower:
        with worker_process(Order(database_url, tmp_path / "notes", SHORT)) as process:
            assert process.pid is not None
            await follower.until_type("agent_thinking", 20)
            os.kill(process.pid, signal.SIGSTOP)
            async with world.worker(**SHORT):
                await follower.until_type("agent_completed")
                before = await world.log(alice, accepted)
                os.kill(process.pid, signal.SIGCONT)
                # It drains at once, which it could not if it still believed to have a run that thinks without end.
                os.kill(process.pid, signal.SIGTERM)
                assert await ended(process) == 0
    after = await world.log(alice, accepted)
    assert [event.wire for event in after] == [event.wire for event in before]
    assert whole(after)
    assert (await world.runs.get(alice, accepted.run_id)).attempt == 2


async def test_a_worker_paused_for_less_than_its_lease_keeps_its_run(
    world: World, database_url: str, alice: UserId, tmp_path: Path
) -> None:
    lease = {"lease": 3.0, "heartbeat": 0.1, "poll": 0.1}
    accepted = await world.start(alice, "patient")
    async with world.following(alice, accepted.thread_id) as follower:
        with worker_process(Order(database_url, tmp_path / "notes", lease)) as process:
            assert process.pid is not None
            await follower.until_type("agent_thinking", 3)
            async with world.worker(**lease) as other:
                os.kill(process.pid, signal.SIGSTOP)
                await asyncio.sleep(1.0)  # the pause itself: a third of the lease
                os.kill(process.pid, signal.SIGCONT)
                (tmp_path / "go").touch()
                await follower.until_type("agent_completed")
                assert other.counts.taken_back == 0
    info = await world.runs.get(alice, accepted.run_id)
    assert (info.result, info.attempt) == (1, 1)
    assert whole(follower.events)


async def test_a_worker_that_is_told_to_stop_hands_its_runs_over_and_loses_no_event(
    world: World, database_url: str, alice: UserId, tmp_path: Path
) -> None:
    accepted = await world.start(alice, "patient")
    async with world.following(alice, accepted.thread_id) as follower:
        order = Order(database_url, tmp_path / "notes", {**LONG, "drain_timeout": 0.0})
        with worker_process(order) as process:
            assert process.pid is not None
            await follower.until_type("agent_thinking", 3)
            os.kill(process.pid, signal.SIGTERM)
            assert await ended(process) == 0
        seen = len(follower.events)
        assert (await world.runs.get(alice, accepted.run_id)).state is State.QUEUED
        (tmp_path / "go").touch()
        async with world.worker(**LONG):
            await follower.until_type("agent_completed")
    assert seen <= len(follower.events)
    assert whole(follower.events)
    assert (await world.runs.get(alice, accepted.run_id)).result == 1
