"""The basic tools: threads, their history, agents and runs, as the caller's own."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import Field

from netra.errors import InvalidInput, NotFound
from netra.ids import ThreadId, new_uuid
from netra.protocols.value import objection
from netra.streams import log, threads
from netra.tools.tool import Call, Tool, tool

LONGEST_TITLE: Final = 200

HISTORY_BYTES: Final = 192 * 1024
"""Of events in one answer: they have to fit into one event themselves."""

MOST_EVENTS: Final = 200


@dataclass(frozen=True, slots=True)
class AgentCard:
    """An agent as a caller may know it."""

    name: str
    description: str
    input_schema: Any


@tool("create_thread", category="conversations", permission="basic", atomic=True)
async def create_thread(
    call: Call, title: Annotated[str, Field(max_length=LONGEST_TITLE, description="What to call it.")] = ""
) -> dict[str, Any]:
    """Begin a new conversation, within the number of threads that your plan has room for."""
    if (words := objection(title)) is not None:
        raise InvalidInput(f"The title {words}.", field="arguments.title")
    thread_id = ThreadId(new_uuid())
    await threads.begin(call.transaction.connection, call.user_id, thread_id, title.strip())
    return {"thread_id": thread_id, "title": title.strip()}


@tool("get_thread_history", category="conversations", permission="basic", atomic=True)
async def get_thread_history(
    call: Call,
    thread_id: UUID,
    after: Annotated[int, Field(ge=0, description="The position to read on from.")] = 0,
    limit: Annotated[int, Field(ge=1, le=MOST_EVENTS, description="Events at most; fewer when they are large.")] = 100,
) -> dict[str, Any]:
    """Read the events of one of your conversations, oldest first; there are more while the last `seq` is below `head`."""
    connection = call.transaction.connection
    position, events = await log.page(connection, call.user_id, ThreadId(thread_id), after, limit, HISTORY_BYTES)
    shown: list[Any] = []
    room = HISTORY_BYTES
    for event in events:
        envelope = json.loads(event.wire)
        if len(event.wire) > HISTORY_BYTES:
            envelope |= {"data": {}, "omitted_bytes": len(event.wire)}
        elif len(event.wire) > room:
            break
        else:
            room -= len(event.wire)
        shown.append(envelope)
    standing = {"epoch": position.epoch, "tail": position.tail, "head": position.head}
    return {"thread_id": thread_id, **standing, "events": shown}


@tool("get_agent_status", category="agents", permission="basic", atomic=True)
async def get_agent_status(call: Call, run_id: UUID) -> dict[str, Any]:
    """Say where one of your runs stands."""
    cursor = await call.transaction.connection.execute(
        "SELECT agent, state, attempt, waits_for FROM run WHERE user_id = %s AND id = %s", [call.user_id, run_id]
    )
    row = await cursor.fetchone()
    if row is None:
        raise NotFound
    return {"run_id": run_id, **dict(zip(("agent", "state", "attempt", "waits_for"), row, strict=True))}


def conversation_tools(agents: Sequence[AgentCard]) -> tuple[Tool, ...]:
    """The basic tools of a server with these agents."""

    @tool("list_agents", category="agents", permission="basic", atomic=True)
    async def list_agents(call: Call) -> dict[str, Any]:  # noqa: ARG001 - everybody sees the same agents
        """List the agents that you can start, each with the JSON Schema of its input."""
        return {"agents": agents}

    return create_thread, get_thread_history, list_agents, get_agent_status
