"""One request of an MCP client, and what is left of it."""

import asyncio
from uuid import UUID

import mcp_types
import pytest
from mcp.shared.exceptions import MCPError

from netra.errors import Unavailable
from netra.gateway.exchange import _server, _told
from netra.ids import UserId
from netra.tools.toolbox import UnknownTool
from tests.fixtures.world import PATIENCE, Person, World

PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


async def test_no_task_and_no_session_is_left_of_a_request(world: World, ann: Person) -> None:
    headers = {"Accept": "application/json"}
    assert "mcp-session-id" not in (await ann.http.post("/mcp", json=PING, headers=headers)).headers
    before = len(asyncio.all_tasks())
    async with asyncio.timeout(PATIENCE):
        answers = await asyncio.gather(*(ann.http.post("/mcp", json=PING, headers=headers) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.json()["id"] for answer in answers} == {1}
    await asyncio.sleep(0)
    # The connections that the client keeps are the server's to wait on.
    assert len(asyncio.all_tasks()) <= before + 20


async def test_every_user_has_a_server_of_their_own(world: World, ann: Person, ben: Person) -> None:
    servers = [_server(world.parts, UserId(UUID(person.user_id))) for person in (ann, ben, ann)]
    assert len({id(server) for server in servers}) == 3


async def test_what_is_no_answer_of_a_tool_is_an_error_of_the_protocol() -> None:
    for error, code in ((Unavailable(), mcp_types.INTERNAL_ERROR), (UnknownTool(), mcp_types.INVALID_PARAMS)):
        with pytest.raises(MCPError) as told:
            async with _told():
                raise error
        assert told.value.code == code
        assert told.value.data["code"] == error.code
        assert told.value.__cause__ is None
