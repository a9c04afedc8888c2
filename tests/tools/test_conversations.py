from typing import Any
from uuid import UUID

import pytest

from netra.clock import SystemClock
from netra.db.database import Database
from netra.errors import InvalidInput, NotFound
from netra.events.codec import draft
from netra.events.model import AgentThinking
from netra.ids import ThreadId, UserId, new_uuid
from netra.streams.streams import Streams
from netra.streams.threads import TooManyThreads
from netra.tools.conversations import HISTORY_BYTES
from netra.tools.gate import ToolCaller
from netra.tools.toolbox import LARGEST, Toolbox
from tests.tools.conftest import ECHO, give


async def call(toolbox: Toolbox, user_id: UserId, name: str, **arguments: Any) -> Any:
    return await toolbox.call(ToolCaller(user_id, "http"), name, arguments)


async def think(streams: Streams, user_id: UserId, thread_id: str, *texts: str) -> None:
    for text in texts:
        async with streams.transaction(user_id) as transaction:
            item = draft(AgentThinking(text=text), SystemClock().now(), agent="test")
            await transaction.append(ThreadId(UUID(thread_id)), [item])


async def test_a_thread_that_a_tool_began_is_the_callers(
    toolbox: Toolbox, database: Database, alice: UserId, bob: UserId
) -> None:
    made = await call(toolbox, alice, "create_thread", title=" Mine ")
    for user_id, expected in ((alice, [("Mine",)]), (bob, [])):
        async with database.for_user(user_id).transaction() as connection:
            cursor = await connection.execute("SELECT title FROM thread WHERE id = %s", [UUID(made["thread_id"])])
            assert await cursor.fetchall() == expected


async def test_a_plan_has_room_for_so_many_threads_and_no_call_is_counted_that_found_none(
    toolbox: Toolbox, database: Database, alice: UserId
) -> None:
    for _ in range(5):
        await call(toolbox, alice, "create_thread")
    for _ in range(20):
        with pytest.raises(TooManyThreads):
            await call(toolbox, alice, "create_thread")
    await give(database, alice, "pro")
    await call(toolbox, alice, "create_thread")


async def test_a_title_that_cannot_be_kept_is_refused(toolbox: Toolbox, alice: UserId) -> None:
    with pytest.raises(InvalidInput):
        await call(toolbox, alice, "create_thread", title="\0")


async def test_history_is_read_in_pages_as_it_was_written(toolbox: Toolbox, streams: Streams, alice: UserId) -> None:
    thread = (await call(toolbox, alice, "create_thread"))["thread_id"]
    await think(streams, alice, thread, *"abcde")
    first = await call(toolbox, alice, "get_thread_history", thread_id=thread, limit=3)
    rest = await call(toolbox, alice, "get_thread_history", thread_id=thread, after=first["events"][-1]["seq"])
    assert [event["data"]["text"] for event in first["events"] + rest["events"]] == list("abcde")
    assert (first["head"], rest["events"][-1]["seq"]) == (5, 5)


async def test_history_of_large_events_is_shorter_and_still_complete(toolbox: Toolbox, streams: Streams, alice: UserId) -> None:
    thread = (await call(toolbox, alice, "create_thread"))["thread_id"]
    sizes = [60_000, 60_000, 60_000, 60_000, HISTORY_BYTES + 5000, 10]
    await think(streams, alice, thread, *("x" * size for size in sizes))
    seen: list[dict[str, Any]] = []
    while not seen or seen[-1]["seq"] < len(sizes):
        page = await call(toolbox, alice, "get_thread_history", thread_id=thread, after=len(seen))
        assert len(str(page)) < LARGEST
        seen += page["events"]
    assert [event["seq"] for event in seen] == [1, 2, 3, 4, 5, 6]
    assert seen[4]["data"] == {}
    assert seen[4]["omitted_bytes"] > HISTORY_BYTES


async def test_agents_are_listed_with_what_they_take(toolbox: Toolbox, alice: UserId) -> None:
    (agent,) = (await call(toolbox, alice, "list_agents"))["agents"]
    assert agent == {"name": ECHO.name, "description": ECHO.description, "input_schema": ECHO.input_schema}


async def test_what_is_somebody_elses_is_unknown(toolbox: Toolbox, database: Database, alice: UserId, bob: UserId) -> None:
    thread, run = (await call(toolbox, bob, "create_thread"))["thread_id"], new_uuid()
    async with database.for_user(bob).transaction() as connection:
        await connection.execute(
            """
            INSERT INTO run (user_id, id, thread_id, agent, state, input, plan, plan_version, accepted_seq)
            VALUES (%s, %s, %s, 'demo', 'queued', '{}', 'free', 1, 1)
            """,
            [bob, run, UUID(thread)],
        )
    status = await call(toolbox, bob, "get_agent_status", run_id=str(run))
    assert status == {"run_id": str(run), "agent": "demo", "state": "queued", "attempt": 0, "waits_for": None}
    for name, field, theirs in (("get_agent_status", "run_id", str(run)), ("get_thread_history", "thread_id", thread)):
        for unknown in (theirs, str(new_uuid())):
            with pytest.raises(NotFound):
                await call(toolbox, alice, name, **{field: unknown})
