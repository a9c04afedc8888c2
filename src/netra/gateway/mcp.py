"""Netra as an MCP server: `POST /mcp` offers the tools of whoever asks, through the same gate as over HTTP.

Who asks is settled here, before a byte of the body is read; what is asked is the business of `netra.gateway.exchange`.
"""

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar, Final

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from netra.errors import InvalidInput, Unauthenticated
from netra.gateway.dependencies import CurrentUser, ThisProcess
from netra.gateway.handshake import OriginNotAllowed, check_origin
from netra.gateway.parts import Parts
from netra.gateway.problems import problem_responses
from netra.ids import UserId

router = APIRouter(tags=["mcp"])

Serve = Callable[[Parts, UserId, Scope, Receive, Send], Any]

MESSAGE: Final = {
    "description": "One JSON-RPC message of the Model Context Protocol.",
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["jsonrpc", "method"],
                "properties": {
                    "jsonrpc": {"const": "2.0"},
                    "id": {"type": ["integer", "string"]},
                    "method": {"type": "string"},
                    "params": {"type": "object"},
                },
            },
            "example": {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}},
        }
    },
}


class NotSentAsJson(InvalidInput):
    """A message of MCP is sent as `application/json`."""

    code: ClassVar[str] = "not_sent_as_json"
    status: ClassVar[int] = 415


def _said_in_json(description: str) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {}}}


ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: _said_in_json("The answer, in JSON-RPC. A call that was refused is an answer as well."),
    202: {"description": "A notification was taken note of.", "content": {"application/json": {}}},
    400: _said_in_json("The message cannot be read; the body is a JSON-RPC error."),
    404: _said_in_json("There is no such method; the body is a JSON-RPC error."),
    406: _said_in_json("The client does not accept JSON."),
    **problem_responses(Unauthenticated, OriginNotAllowed, NotSentAsJson),
}


async def require_origin(request: Request, parts: ThisProcess) -> None:
    """Refuse a page that is not on the list; programs send no Origin. Raises `OriginNotAllowed`."""
    if "origin" in request.headers:
        check_origin(request.scope["headers"], parts.allowed_origins)


class Exchange(Response):
    """An answer that reads its own request."""

    def __init__(self, serve: Serve, parts: Parts, user_id: UserId) -> None:
        super().__init__()
        self._serve = serve
        self._parts = parts
        self._user_id = user_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._serve(self._parts, self._user_id, scope, receive, send)


@router.post(
    "/mcp",
    operation_id="exchange_mcp",
    response_class=Response,
    responses=ANSWERS,
    openapi_extra={"requestBody": MESSAGE},
    dependencies=[Depends(require_origin)],
)
async def exchange_mcp(request: Request, parts: ThisProcess, user: CurrentUser) -> Response:
    """Your tools over the Model Context Protocol: streamable HTTP, without sessions, answered in JSON (docs/mcp.md)."""
    # A page of anywhere may send a form or text without being asked first, and never JSON.
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise NotSentAsJson
    # The library takes as long to load as the rest of the server; the first who asks waits for it, and nobody else.
    return Exchange(await asyncio.to_thread(_load), parts, user.user_id)


def _load() -> Serve:
    from netra.gateway.exchange import serve

    return serve
