"""What the frames do: runs started, watched, answered and stopped over a socket."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

import netra
from netra.gateway.dialogue import next_input
from netra.ids import new_uuid
from tests.fixtures.world import Json, Person, World, open_world

QUICK = {"steps": 1, "delay_ms": 0}
ENDS = ("agent_completed", "agent_failed", "agent_cancelled")


class Question(BaseModel):
    content: str = "nothing"


@netra.agent("echo")
async def echo(ctx: netra.Context, input: Question) -> str:
    """Say what one is told."""
    await ctx.say(input.content)
    return input.content


@netra.agent("forever")
async def forever(ctx: netra.Context) -> None:
    """Never end."""
    await ctx.think("waiting")
    await asyncio.Event().wait()


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(database_url, tmp_path, [echo, forever]) as world:
        yield world


def of_run(events: list[Json], run_id: str) -> list[str]:
    return [event["type"] for event in events if event["run_id"] == run_id]


async def test_a_run_in_a_new_thread_is_followed_from_its_first_event(world: World, ann: Person) -> None:
    async with ann.socket() as socket:
        ack = await socket.ask("start_agent", agent="demo", input=QUICK)
        assert (ack["type"], ack["state"], ack["seq"]) == ("ack", "queued", 1)
        await socket.until(*ENDS)
        events = socket.events(ack["thread_id"])
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
        types = of_run(events, ack["run_id"])
        assert types[:2] == ["run_queued", "agent_started"]
        assert types[-1] == "agent_completed"
        assert [event["seq"] for event in await ann.history(ack["thread_id"])] == [event["seq"] for event in events]


async def test_a_run_in_a_thread_that_is_followed_already_is_not_shown_twice(world: World, ann: Person) -> None:
    thread = await ann.thread()
    async with ann.socket() as socket:
        await socket.ask("subscribe", thread_id=thread, after=0)
        for _ in range(2):
            ack = await socket.ask("start_agent", agent="echo", input={}, thread_id=thread)
            assert ack["thread_id"] == thread
            await socket.until(*ENDS)
        seqs = [event["seq"] for event in socket.events(thread)]
        assert seqs == list(range(1, len(seqs) + 1))
        assert [frame["type"] for frame in socket.seen].count("subscribed") == 1


async def test_the_same_key_is_the_same_run_on_every_socket(world: World, ann: Person) -> None:
    async with ann.socket() as first, ann.socket() as second:
        acks = [
            await socket.ask("start_agent", agent="echo", input={}, idempotency_key="once") for socket in (first, second, first)
        ]
        assert len({(ack["run_id"], ack["thread_id"], ack["seq"]) for ack in acks}) == 1
        for socket in (first, second):
            await socket.until("agent_completed")


@pytest.mark.parametrize(
    ("frame", "code", "field"),
    [
        ({"agent": "nobody", "input": {}}, "unknown_agent", "agent"),
        ({"agent": "demo", "input": {"steps": "many"}}, "invalid_input", "input.steps"),
        ({"agent": "demo", "input": {"stepps": 3}}, "invalid_input", "input.stepps"),
        ({"agent": "demo", "input": [1]}, "invalid_input", "input"),
        ({"agent": "forever", "input": {"a": 1}}, "invalid_input", "input"),
        ({"agent": "demo", "input": {}, "thread_id": str(new_uuid())}, "not_found", None),
    ],
)
async def test_a_run_that_cannot_be_accepted_is_refused_by_its_field_and_leaves_nothing(
    world: World, ann: Person, frame: dict[str, Any], code: str, field: str | None
) -> None:
    async with ann.socket() as socket:
        error = await socket.ask("start_agent", **frame)
        assert (error["type"], error["code"], error.get("field")) == ("error", code, field)
    assert (await ann.get("/api/threads"))["threads"] == []


async def test_a_run_is_stopped_and_says_by_whom(world: World, ann: Person) -> None:
    async with ann.socket() as socket:
        ack = await socket.ask("start_agent", agent="forever")
        await socket.until("agent_thinking")
        assert (await socket.ask("stop_agent", run_id=ack["run_id"]))["type"] == "ack"
        assert (await socket.until(*ENDS))["data"] == {"by": "user"}
        assert (await socket.ask("stop_agent", run_id=ack["run_id"]))["code"] == "run_ended"


async def test_a_question_is_answered_and_the_run_goes_on(world: World, ann: Person) -> None:
    async with ann.socket() as socket:
        ack = await socket.ask("start_agent", agent="demo", input={**QUICK, "ask": True})
        question = await socket.until("input_required")
        wrong = await socket.ask("answer", run_id=ack["run_id"], request_id="another", value=True)
        assert wrong["code"] == "not_waiting"
        answer = {"run_id": ack["run_id"], "request_id": question["data"]["request_id"], "value": True}
        assert (await socket.ask("answer", **answer))["type"] == "ack"
        await socket.until("agent_completed")
        assert (await socket.ask("answer", **answer))["code"] == "not_waiting"


async def test_nobody_stops_or_answers_somebody_elses_run(world: World, ann: Person, ben: Person) -> None:
    async with ben.socket() as theirs, ann.socket() as socket:
        ack = await theirs.ask("start_agent", agent="demo", input={**QUICK, "ask": True})
        question = await theirs.until("input_required")
        run, unknown = ack["run_id"], str(new_uuid())
        for frame in (
            {"type": "stop_agent"},
            {"type": "answer", "request_id": question["data"]["request_id"], "value": True},
        ):
            replies = [await socket.ask(**frame, run_id=which) for which in (run, unknown)]
            for reply in replies:
                reply.pop("ref")
            assert replies[0] == replies[1]
            assert replies[0]["code"] == "not_found"
        assert (await ben.get(f"/api/runs/{run}"))["state"] == "waiting"


async def test_a_message_answers_the_open_question(world: World, ann: Person) -> None:
    async with ann.socket() as socket:
        ack = await socket.ask("start_agent", agent="demo", input={**QUICK, "ask": True})
        await socket.until("input_required")
        said = await socket.ask("user_message", thread_id=ack["thread_id"], content="yes, please")
        assert (said["type"], said["run_id"]) == ("ack", ack["run_id"])
        await socket.until("agent_completed")


async def test_a_message_is_the_next_input_of_the_threads_latest_agent(world: World, ann: Person) -> None:
    async with ann.socket() as socket:
        first = await socket.ask("start_agent", agent="echo", input={"content": "one"})
        await socket.until("agent_completed")
        said = await socket.ask("user_message", thread_id=first["thread_id"], content="two")
        assert said["run_id"] != first["run_id"]
        completed = await socket.until("agent_completed")
        assert (completed["run_id"], completed["data"]["result"]) == (said["run_id"], "two")


async def test_a_message_in_a_thread_without_an_agent_says_so_and_in_an_unknown_one_is_not_found(
    world: World, ann: Person, ben: Person
) -> None:
    async with ann.socket() as socket:
        empty = await socket.ask("user_message", thread_id=await ann.thread(), content="hello")
        assert empty["code"] == "nothing_to_continue"
        theirs = await socket.ask("user_message", thread_id=await ben.thread(), content="hello")
        assert theirs["code"] == "not_found"


@pytest.mark.parametrize(
    ("schema", "before", "said"),
    [
        ({"type": "string"}, "old", "hi"),
        ({"properties": {"content": {"type": "string"}}}, {"content": "old"}, {"content": "hi"}),
        ({"properties": {"a": {"type": "string"}, "content": {"type": "string"}}}, {}, {"content": "hi"}),
        (
            {"properties": {"topic": {"type": "string"}, "steps": {"type": "integer"}}},
            {"steps": 3},
            {"steps": 3, "topic": "hi"},
        ),
        (
            {"properties": {"id": {"type": "string", "format": "uuid"}, "kind": {"type": "string", "enum": ["a"]}}},
            {"id": "x"},
            {"id": "x", "content": "hi"},
        ),
        ({}, None, {"content": "hi"}),
    ],
)
def test_where_a_message_goes_in_an_agents_input(schema: dict[str, Any], before: Any, said: Any) -> None:
    assert next_input(schema, before, "hi") == said
