"""Small applications on a free port of this machine, in the test's own event loop, that speak as other servers do."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route


@asynccontextmanager
async def served(routes: Iterable[Route]) -> AsyncIterator[str]:
    """The URL of an application with these routes, for as long as the block lasts."""
    app = Starlette(routes=list(routes))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, log_level="critical", lifespan="off"))
    running = asyncio.create_task(server.serve())
    try:
        async with asyncio.timeout(20):
            while not server.started:  # noqa: ASYNC110 - uvicorn offers nothing to wait for
                await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await running


def event_stream(lines: AsyncIterator[str] | Iterable[str]) -> StreamingResponse:
    """An answer that comes as events do."""
    return StreamingResponse(lines, media_type="text/event-stream")
