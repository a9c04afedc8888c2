"""One request of an MCP client and its answer, as the library's server speaks it in every revision that it knows.

A server is made for each request, of the user who sent it, and is gone with the answer: there is nothing of it that two users
could share, and no session to be taken over. Importing this imports `mcp`, which takes long: `netra.gateway.mcp` does it when
the first client asks.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any, Final

import mcp_types
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from starlette.types import Receive, Scope, Send

from netra.errors import InvalidInput, NetraError
from netra.events.codec import encode
from netra.gateway.parts import Parts
from netra.ids import UserId
from netra.tools.answer import call_and_answer
from netra.tools.gate import ToolCaller
from netra.tools.toolbox import UnknownTool

VERSION: Final = version("netra")

INSTRUCTIONS: Final = (
    "The tools of your Netra account. A call that your plan does not allow is answered with what it would have needed."
)


async def serve(parts: Parts, user_id: UserId, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request of a user."""
    manager = StreamableHTTPSessionManager(_server(parts, user_id), json_response=True, stateless=True)
    async with manager.run():
        await manager.handle_request(scope, receive, send)


def _server(parts: Parts, user_id: UserId) -> Server[Any]:
    """The tools of one user, as an MCP server."""

    async def list_tools(_: Any, __: Any) -> mcp_types.ListToolsResult:
        async with _told(), parts.database.for_user(user_id).transaction() as connection:
            entitlement = await parts.toolbox.gate.entitlement(connection, user_id)
        tools = [parts.toolbox[name] for name in sorted(parts.toolbox.open_to(entitlement))]
        return mcp_types.ListToolsResult(
            tools=[
                mcp_types.Tool(name=tool.name, description=tool.description, input_schema=dict(tool.schema)) for tool in tools
            ]
        )

    async def call_tool(_: Any, called: mcp_types.CallToolRequestParams) -> mcp_types.CallToolResult:
        async with _told():
            return await _call(parts, user_id, called)

    return Server(
        "netra",
        version=VERSION,
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        # No argument of ours is sent in a header; otherwise every call would first list the tools to find that out.
        get_tool_input_schema=lambda _: None,
    )


async def _call(parts: Parts, user_id: UserId, called: mcp_types.CallToolRequestParams) -> mcp_types.CallToolResult:
    """The same answer as over HTTP, with what a language model reads of it beside."""
    try:
        answer = await call_and_answer(parts.toolbox, ToolCaller(user_id, "mcp"), called.name, called.arguments or {})
    except InvalidInput as refused:  # for the model to mend
        answer = {"status": "error", "error": {**refused.extra, "code": refused.code, "message": refused.detail}}
    if answer["status"] != "success":
        words = mcp_types.TextContent(text=answer["error"]["message"])
        return mcp_types.CallToolResult(content=[words], structured_content=answer, is_error=True)
    result = answer["result"]
    if parts.toolbox[called.name].category == "external":
        # Pictures and links of another server, as it said them.
        given = mcp_types.CallToolResult.model_validate({"content": result["content"]})
        return mcp_types.CallToolResult(content=given.content, structured_content=answer)
    return mcp_types.CallToolResult(content=[mcp_types.TextContent(text=encode(result).decode())], structured_content=answer)


@asynccontextmanager
async def _told() -> AsyncIterator[None]:
    """Tell an error that is no answer of a tool in the protocol's own way."""
    try:
        yield
    except UnknownTool as error:
        raise MCPError(mcp_types.INVALID_PARAMS, error.detail, {"code": error.code}) from None
    except NetraError as error:
        raise MCPError(mcp_types.INTERNAL_ERROR, error.detail, {"code": error.code, "status": error.status}) from None
