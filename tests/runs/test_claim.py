"""Taking a run, and what is decided at that moment."""

import asyncio
from typing import Any

import pytest

from netra.db.database import Database
from netra.errors import NotFound
from netra.events.codec import draft
from netra.events.model import AgentFailed, AgentStarted, ToolCompleted, ToolExecuting
from netra.ids import RunId, UserId, new_uuid
from netra.models import calls
from netra.models.calls import BegunCall
from netra.runs.claim import Claimed, claim
from netra.runs.context import RunContext
from netra.runs.queue import Job
from netra.runs.runs import Accepted
from netra.runs.state import Change, State
from tests.models.talk import recorded
from tests.runs.world import World


@pytest.fixture(autouse=True)
def agents(world: World) -> None:
    @world.agent
    async def agent(context: RunContext) -> Any: ...


async def take(
    world: World, user_id: UserId, run_id: RunId, *, attempts: int = 3, dispatch: int = 1
) -> Claimed | Change | None:
    job = Job(0, user_id, run_id, dispatch)
    return await claim(world.streams, world.clock, job, world.agents, attempts=attempts, lanes=10)


async def begin_a_step(world: World, user_id: UserId, accepted: Accepted, taken: Claimed) -> None:
    event = ToolExecuting(call_id="work#1", tool="work", arguments={})
    await world.streams.append(taken.claim, [draft(event, world.clock.now(), run_id=accepted.run_id, agent="agent")])


async def test_the_first_claim_says_that_the_agent_has_started_and_later_ones_do_not(world: World, alice: UserId) -> None:
    accepted = await world.start(alice, "agent", {"text": "x" * 900})
    first, second = [await take(world, alice, accepted.run_id) for _ in range(2)]
    assert isinstance(first, Claimed) and isinstance(second, Claimed)
    assert (first.change, first.attempt, second.change, second.attempt) == (Change.CLAIMED, 1, Change.RECLAIMED, 2)
    assert second.claim.fence == first.claim.fence + 1
    assert second.started_at == first.started_at
    (_, started) = await world.events(alice, accepted)
    assert isinstance(started, AgentStarted)
    assert started.plan == "free"
    assert len(started.input) == 500 and started.input.startswith('{"text":"xxx')


async def test_a_claim_reads_the_journal_of_the_one_before(world: World, alice: UserId) -> None:
    accepted = await world.start(alice, "agent")
    first = await take(world, alice, accepted.run_id)
    assert isinstance(first, Claimed)
    assert not first.journal.begun("work#1")
    await begin_a_step(world, alice, accepted, first)
    second = await take(world, alice, accepted.run_id)
    assert isinstance(second, Claimed)
    assert second.journal.begun("work#1")
    assert second.claim.confirmed == 3


async def test_a_run_is_tried_so_often_and_no_more(world: World, alice: UserId) -> None:
    accepted = await world.start(alice, "agent")
    behind = await world.start(alice, "agent", thread_id=accepted.thread_id)
    first = await take(world, alice, accepted.run_id, attempts=2)
    assert isinstance(first, Claimed)
    await begin_a_step(world, alice, accepted, first)
    assert isinstance(await take(world, alice, accepted.run_id, attempts=2), Claimed)
    assert await take(world, alice, accepted.run_id, attempts=2) is Change.FAILED
    *_, closed, end = await world.events(alice, accepted)
    assert isinstance(closed, ToolCompleted) and closed.call_id == "work#1"
    assert isinstance(end, AgentFailed) and end.code == "attempts_exhausted"
    assert (await world.runs.get(alice, accepted.run_id)).state is State.FAILED
    assert isinstance(await take(world, alice, behind.run_id), Claimed)


async def test_what_a_worker_writes_while_its_run_is_ended_is_closed_as_well(world: World, alice: UserId) -> None:
    accepted = await world.start(alice, "agent")
    first = await take(world, alice, accepted.run_id, attempts=1)
    assert isinstance(first, Claimed)
    event = draft(
        ToolExecuting(call_id="work#1", tool="work", arguments={}), world.clock.now(), run_id=accepted.run_id, agent="agent"
    )
    async with world.streams.transaction(alice) as late:
        await late.append(accepted.thread_id, [event], fence=first.claim.fence)
        ending = asyncio.create_task(take(world, alice, accepted.run_id, attempts=1))
        await until_somebody_waits_for_a_row(world, alice)
    assert await ending is Change.FAILED
    assert (await world.types(alice, accepted))[-3:] == ["tool_executing", "tool_completed", "agent_failed"]


async def until_somebody_waits_for_a_row(world: World, user_id: UserId) -> None:
    """Until another transaction of this database waits for a lock that one of ours holds."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    while True:
        async with world.streams.database.for_user(user_id).transaction() as connection:
            (waiting,) = await (await connection.execute(query)).fetchone() or (0,)
        if waiting:
            return


async def test_a_run_of_an_agent_that_nobody_knows_any_more_fails(world: World, alice: UserId) -> None:
    accepted = await world.start(alice, "agent")
    del world.agents["agent"]
    assert await take(world, alice, accepted.run_id) is Change.FAILED
    event = (await world.events(alice, accepted))[-1]
    assert isinstance(event, AgentFailed) and event.code == "unknown_agent"


async def test_a_dead_workers_run_that_was_cancelled_meanwhile_is_ended_by_the_next(world: World, alice: UserId) -> None:
    accepted = await world.start(alice, "agent")
    await take(world, alice, accepted.run_id)
    assert await world.runs.cancel(alice, accepted.run_id) is State.RUNNING
    assert await take(world, alice, accepted.run_id) is Change.CANCELLED
    assert (await world.types(alice, accepted))[-1] == "agent_cancelled"


async def test_a_request_of_a_dead_worker_to_a_model_has_its_end_with_the_run(
    world: World, database: Database, alice: UserId, bob: UserId
) -> None:
    accepted = await world.start(alice, "agent")
    await take(world, alice, accepted.run_id, attempts=1)
    others = RunId(new_uuid())
    for user_id, run_id in ((alice, accepted.run_id), (alice, others), (bob, others)):
        call = BegunCall(user_id, new_uuid(), run_id, "agent", "model", "openai:gpt-4o", own_key=False)
        await calls.begin(database.for_user(user_id), call)
    assert await take(world, alice, accepted.run_id, attempts=1) is Change.FAILED
    assert [row[1] for row in await recorded(database, alice)] == ["cancelled", None]
    assert [row[1] for row in await recorded(database, bob)] == [None]


async def test_there_is_nothing_to_take_of_a_run_that_ended_waits_in_line_or_never_was(world: World, alice: UserId) -> None:
    ended = await world.start(alice, "agent")
    behind = await world.start(alice, "agent", thread_id=ended.thread_id)
    assert await take(world, alice, behind.run_id) is None
    await world.runs.cancel(alice, ended.run_id)
    assert await take(world, alice, ended.run_id) is None
    with pytest.raises(NotFound):
        await take(world, alice, RunId(new_uuid()))


async def test_the_job_of_an_earlier_dispatch_cannot_take_a_run_from_the_worker_of_a_later_one(
    world: World, alice: UserId
) -> None:
    @world.agent
    async def curious(context: RunContext) -> Any:
        return await context.ask("?")

    async with world.worker():
        accepted = await world.start(alice, "curious")
        async with world.following(alice, accepted.thread_id) as follower:
            await follower.until_type("input_required")
    await world.runs.answer(alice, accepted.run_id, "ask#1", 1)
    # The first worker may have died before it removed its job, which is taken back and comes here.
    assert await take(world, alice, accepted.run_id, dispatch=1) is None
    assert isinstance(await take(world, alice, accepted.run_id, dispatch=2), Claimed)


async def test_of_many_claims_at_once_only_the_last_may_write(world: World, alice: UserId) -> None:
    accepted = await world.start(alice, "agent")
    claims = await asyncio.gather(*(take(world, alice, accepted.run_id, attempts=9) for _ in range(5)))
    fences = sorted(taken.claim.fence for taken in claims if isinstance(taken, Claimed))
    assert fences == [1, 2, 3, 4, 5]
    assert await world.types(alice, accepted) == ["run_queued", "agent_started"]
