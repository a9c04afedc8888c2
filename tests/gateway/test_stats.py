import json

from tests.fixtures.world import Person, World, eventually


async def test_counts_follow_what_happens_and_name_nobody(world: World, ann: Person, ben: Person) -> None:
    stranger = world.client()
    before = (await stranger.get("/ws/stats")).json()
    assert before["connections"] == {"active": 0, "total": 0}
    assert before["lag_ms"] == {"p50": None, "p99": None}
    thread = await ann.thread()
    async with ann.socket() as first, ann.socket() as second, ben.socket():
        await first.ask("subscribe", thread_id=thread, after=0)
        await world.think(ann, thread, "a", "b")
        await first.until("agent_thinking", where=lambda frame: frame["seq"] == 2)
        await second.ask("subscribe", thread_id=thread, after=0)
        await second.until("agent_thinking", where=lambda frame: frame["seq"] == 2)
        during = (await stranger.get("/ws/stats")).json()
        assert during["connections"] == {"active": 3, "total": 3}
        assert during["users"] == {"active": 2}
        assert during["events"] == {"appended": 2, "delivered": 4, "replayed": 2}
        assert during["lag_ms"]["p50"] <= during["lag_ms"]["p99"]
    await eventually(lambda: not world.parts.presence.sockets)
    after = (await stranger.get("/ws/stats")).json()
    assert after["connections"] == {"active": 0, "total": 3}
    assert after["closes"] == {"1000": 3}
    assert after["uptime_s"] >= before["uptime_s"] >= 0
    told = json.dumps([before, during, after])
    assert not any(secret in told for secret in (ann.user_id, ben.user_id, thread, "example.com"))


async def test_a_client_finds_its_limits(world: World) -> None:
    config = (await world.client().get("/ws/config")).json()
    assert config["protocol"] == "netra.v1"
    assert (config["heartbeat_interval"], config["max_message_size"]) == (25, 65_536)
    assert (config["max_connections_per_user"], config["max_unsent_bytes"]) == (20, 1024**2)
