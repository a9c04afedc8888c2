"""Streams of server-sent events as connections, whatever they tell."""

from pathlib import Path

from tests.fixtures.world import Person, World, eventually, open_world
from tests.gateway.test_events import following, stream


async def test_a_silent_stream_is_kept_alive(database_url: str, tmp_path: Path) -> None:
    async with open_world(database_url, tmp_path, ping_interval=0.05) as world:
        ann = await world.sign_up("ann")
        async with stream(ann, await ann.thread()) as live:
            await live.until("subscribed")
            assert await live.block() == {}
            assert await live.block() == {}


async def test_logging_out_ends_open_streams(world: World, ann: Person) -> None:
    async with stream(ann, await ann.thread()) as live, following(ann, "/api/datasets/stream") as other:
        await live.until("subscribed")
        await ann.call("POST", "/auth/logout", 204)
        for each in (live, other):
            assert "access_ended" in (await each.until("closing"))["data"]
            assert await each.block() is None


async def test_an_expired_token_ends_its_stream(database_url: str, tmp_path: Path) -> None:
    async with open_world(database_url, tmp_path, access_token_lifetime=5, token_grace=0.2) as world:
        ann = await world.sign_up("ann")
        async with stream(ann, await ann.thread()) as live:
            await live.until("token_expiring")
            assert "token_expired" in (await live.until("closing"))["data"]
            assert await live.block() is None


async def test_streams_count_towards_a_users_connections(database_url: str, tmp_path: Path) -> None:
    async with open_world(database_url, tmp_path, max_connections_per_user=1) as world:
        ann = await world.sign_up("ann")
        thread = await ann.thread()
        async with stream(ann, thread):
            refused = await ann.call("GET", f"/api/threads/{thread}/stream", 429)
            assert refused.json()["code"] == "too_many_connections"
            assert int(refused.headers["Retry-After"]) >= 1
        await eventually(lambda: not world.parts.presence.users)
        async with stream(ann, thread):
            pass
