"""The demo shows every kind of event, and survives what it is there to show."""

from pathlib import Path

import pytest

from netra.agents.demo import DemoInput, demo
from netra.db.database import Database
from netra.errors import InvalidInput
from netra.events.model import EVENT_TYPES, AgentFailed, AgentThinking, MessageDelta, ToolCompleted
from netra.ids import UserId
from netra.runs.state import State
from tests.agents.surroundings import open_agents


async def test_the_demo_shows_every_kind_of_event_that_one_good_run_can_have(
    database: Database, alice: UserId, tmp_path: Path
) -> None:
    async with open_agents(database, tmp_path, [demo]) as world, world.worker():
        accepted = await world.start(alice, "demo", {"topic": "tea", "steps": 2, "delay_ms": 1, "ask": True})
        async with world.following(alice, accepted.thread_id) as follower:
            await follower.until_type("input_required")
            await world.runs.answer(alice, accepted.run_id, "ask#1", True)
            await follower.until_type("agent_completed")
        info = await world.runs.get(alice, accepted.run_id)
        events = await world.events(alice, accepted)
    # Not shown: the two other ends of a run, and what happens to an account.
    assert {event.TYPE for event in events} == set(EVENT_TYPES) - {"agent_failed", "agent_cancelled", "plan_changed"}
    assert info.state is State.COMPLETED
    assert info.result["topic"] == "tea" and len(info.result["steps"]) == 2 and info.result["went_on"] is True
    said = "".join(event.text for event in events if isinstance(event, MessageDelta))
    assert said == "This is all there is to say about tea. "
    assert [event.progress for event in events if isinstance(event, AgentThinking)][:2] == [0.5, 1.0]
    assert [event.ok for event in events if isinstance(event, ToolCompleted)] == [True, True, True, False]


async def test_the_demo_that_is_told_no_ends_without_a_report(database: Database, alice: UserId, tmp_path: Path) -> None:
    async with open_agents(database, tmp_path, [demo]) as world, world.worker():
        accepted = await world.start(alice, "demo", {"steps": 0, "ask": True})
        async with world.following(alice, accepted.thread_id) as follower:
            await follower.until_type("input_required")
        await world.runs.answer(alice, accepted.run_id, "ask#1", False)
        info = await world.finished(alice, accepted)
        types = await world.types(alice, accepted)
    assert info.result["went_on"] is False
    assert "report_ready" not in types and "message_delta" not in types


async def test_the_demo_fails_when_it_is_asked_to(database: Database, alice: UserId, tmp_path: Path) -> None:
    async with open_agents(database, tmp_path, [demo]) as world, world.worker():
        accepted = await world.start(alice, "demo", {"steps": 1, "delay_ms": 0, "fail": True})
        await world.finished(alice, accepted)
        end = (await world.events(alice, accepted))[-1]
    assert isinstance(end, AgentFailed) and end.message.startswith("DemoFailed: ")


def test_a_newcomer_can_start_it_with_nothing_and_is_told_what_it_takes() -> None:
    assert demo.accept({}) == DemoInput().model_dump(mode="json")
    assert set(demo.input_schema["properties"]) == set(DemoInput.model_fields)
    with pytest.raises(InvalidInput):
        demo.accept({"steps": -1})
