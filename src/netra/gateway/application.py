"""`netra.Netra`: what a user's module offers to `netra serve MODULE:APP`, and mounts into an application of its own.

Importing this costs nothing: the server behind it is imported when it is first asked for.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping, Sequence
from contextlib import asynccontextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from netra.agents.definition import Agent
from netra.clock import Clock, SystemClock

if TYPE_CHECKING:
    from fastapi import FastAPI

    from netra.settings import Settings

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Netra:
    """A Netra with agents of one's own, beside those that come with it.

    Serve it with `netra serve MODULE:APP`, or mount it:

        agents = netra.Netra(agents=[greet])
        app = FastAPI(lifespan=agents.lifespan)
        app.mount("/agents", agents)

    Settings come from the environment, as for `netra serve`, unless they are given.
    """

    def __init__(self, agents: Sequence[Agent] = (), *, settings: "Settings | None" = None, clock: Clock | None = None) -> None:
        self.agents = tuple(agents)
        self.clock = clock or SystemClock()
        """What its server takes for the time; leases and all that several processes share are the database's to time."""
        self._settings = settings

    @cached_property
    def app(self) -> "FastAPI":
        """The application that answers. Its own lifespan opens what it needs; when it is mounted, `lifespan` does."""
        from netra.env import get_env
        from netra.gateway.app import create_app
        from netra.settings import load

        return create_app(self._settings or load(get_env()), self.agents, clock=self.clock)

    @asynccontextmanager
    async def lifespan(self, _: object = None) -> AsyncIterator[None]:
        """Run everything behind the application for the length of the block: the lifespan of what it is mounted in."""
        async with self.app.router.lifespan_context(self.app):
            yield

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer, as an ASGI application."""
        await self.app(scope, receive, send)
