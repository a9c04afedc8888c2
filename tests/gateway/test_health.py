import pytest

from netra.errors import Unavailable
from netra.health.checks import SCORES, Check, Weight
from tests.fixtures.world import Person, World


async def test_a_served_netra_is_alive_ready_and_well(world: World) -> None:
    client = world.client()
    live = await client.get("/health/live")
    assert live.status_code == 200
    assert live.json()["status"] == "healthy"
    assert live.json().keys() == {"status", "service", "version", "timestamp", "environment"}
    ready = await client.get("/health/ready")
    assert ready.status_code == 200
    assert ready.json()["status"] == "ready"
    assert ready.json()["checks"].keys() >= {"database", "log", "worker"}
    assert ready.json()["checks"]["database"]["state"] == "ok"
    summary = await client.get("/health")
    assert summary.status_code == 200
    # A busy machine may be late with its event loop; nothing that a server cannot do without has failed.
    assert summary.json()["score"] >= SCORES[Weight.IMPORTANT]


async def test_a_critical_failure_makes_it_unready_and_names_itself(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail() -> None:
        raise Unavailable("It is gone.")

    checks = [*world.parts.checkup.checks, Check("oracle", Weight.CRITICAL, fail)]
    monkeypatch.setattr(world.parts.checkup, "checks", checks)
    client = world.client()
    ready = await client.get("/health/ready")
    assert (ready.status_code, "oracle" in ready.json()["failed"]) == (503, True)
    assert (await client.get("/health")).status_code == 503
    assert (await client.get("/health/live")).status_code == 200


async def test_metrics_are_those_of_the_whole_server(world: World, ann: Person) -> None:
    thread = await ann.thread()
    run = await ann.start(thread, "demo", {"steps": 1, "delay_ms": 0})
    await ann.ended(run["run_id"])
    async with ann.socket() as socket:
        await socket.ask("subscribe", thread_id=thread, after=0)
        page = (await world.client().get("/metrics")).text
    values = {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in page.splitlines() if line[0] != "#"}
    assert values["netra_connections"] == 1
    assert values["netra_events_appended_total"] >= 5
    assert values["netra_append_seconds_count"] >= 1
    assert values['netra_tool_calls_total{status="success",tool="get_agent_status"}'] == 1
    assert values['netra_tool_calls_total{status="error",tool="get_agent_status"}'] == 1
    assert values["netra_queue_wait_seconds_count"] == 1
    assert values['netra_factory_phase_seconds_count{phase="context"}'] == 1
    assert values['netra_runs{state="running"}'] == 0
    assert values["netra_event_loop_lag_seconds_count"] >= 1
    assert ann.user_id not in page
    assert thread not in page
