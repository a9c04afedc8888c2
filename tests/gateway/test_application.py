import asyncio
import base64
import json
import time
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import uvicorn
from fastapi import FastAPI
from pydantic import SecretStr
from websockets.asyncio.client import connect
from websockets.typing import Origin

import netra
from netra.clock import SystemClock
from netra.settings import Settings
from tests.fixtures.world import ORIGIN, PASSWORD, PATIENCE

YEAR = timedelta(days=365)


class LateClock(SystemClock):
    """A year ahead of everybody."""

    def now(self) -> datetime:
        return super().now() + YEAR


@netra.agent("greet")
async def greet(ctx: netra.Context) -> str:
    """Say hello."""
    await ctx.say("hello")
    return "hello"


async def test_a_netra_is_mounted_into_an_application_of_ones_own(database_url: str, tmp_path: Path) -> None:
    settings = Settings(
        environment="test",
        database_url=SecretStr(database_url),
        data_dir=tmp_path,
        public_url=ORIGIN,
        allowed_origins=(ORIGIN,),
        drain_timeout=2,
    )
    mine = netra.Netra(agents=[greet], settings=settings)
    app = FastAPI(lifespan=mine.lifespan)

    @app.get("/mine")
    async def answer() -> str:
        return "mine"

    app.mount("/agents", mine)
    # uvicorn as others run it: none of our protocol classes, none of our settings.
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, log_level="critical"))
    serving = asyncio.create_task(server._serve())
    try:
        async with asyncio.timeout(PATIENCE):
            while not server.started:  # noqa: ASYNC110 - uvicorn offers nothing to wait for
                await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE) as client:
            assert (await client.get("/mine")).json() == "mine"
            assert (await client.get("/agents/health/ready")).status_code == 200
            person = {"email": "ann@example.com", "password": PASSWORD}
            token = (await client.post("/agents/auth/register", json=person)).json()["access_token"]
            names = await client.get("/agents/api/agents", headers={"Authorization": f"Bearer {token}"})
            assert "greet" in [agent["name"] for agent in names.json()["agents"]]
        headers = {"Authorization": f"Bearer {token}"}
        async with connect(f"ws://127.0.0.1:{port}/agents/ws", origin=Origin(ORIGIN), additional_headers=headers) as socket:
            await socket.recv()
            await socket.send('{"type":"start_agent","agent":"greet"}')
            async with asyncio.timeout(PATIENCE):
                while '"agent_completed"' not in (text := str(await socket.recv())):
                    pass
            assert '"result":"hello"' in text
    finally:
        server.should_exit = True
        await serving


def test_making_one_imports_and_opens_nothing() -> None:
    mine = netra.Netra(agents=[greet])
    assert mine.agents == (greet,)
    assert "app" not in vars(mine)


async def test_its_server_takes_the_time_from_the_clock_that_it_was_given(database_url: str, tmp_path: Path) -> None:
    settings = Settings(environment="test", database_url=SecretStr(database_url), data_dir=tmp_path, public_url=ORIGIN)
    clock = LateClock()
    mine = netra.Netra(settings=settings, clock=clock)
    async with asyncio.timeout(PATIENCE), mine.lifespan():
        assert mine.app.state.parts.clock is clock
        transport = httpx.ASGITransport(app=mine.app)
        async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
            person = {"email": "ann@example.com", "password": PASSWORD}
            token = (await client.post("/auth/register", json=person)).json()["access_token"]
    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert claims["exp"] > time.time() + YEAR.total_seconds()
