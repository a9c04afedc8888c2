from pathlib import Path

import httpx

from netra.clock import SystemClock
from netra.db.database import Database
from netra.gateway.probes import LogStopped, NoWorker, ToolsUnknown, probes
from netra.health.checks import Check, Weight
from netra.health.loop import LoopLag
from netra.runs.worker import Worker
from netra.streams.streams import Streams
from netra.tools.roster import Roster
from tests.fixtures.world import Person, open_world


async def failing(checks: list[Check]) -> dict[str, type[BaseException]]:
    """Each check that fails, with what it raises."""
    found: dict[str, type[BaseException]] = {}
    for check in checks:
        try:
            await check.probe()
        except Exception as error:  # noqa: BLE001 - which one is the question
            found[check.name] = type(error)
    return found


def failed(ready: httpx.Response) -> list[str]:
    """What `/health/ready` names, but for the event loop: a busy machine makes that one late, and rightly says so."""
    return [name for name in ready.json()["failed"] if name != "event_loop"]


async def test_a_gateway_misses_a_worker_anywhere_and_a_server_its_own(database: Database) -> None:
    clock = SystemClock()
    options = {"lease": 10.0, "late": 60.0, "model_url": None, "roster": Roster({}, clock)}
    async with LoopLag() as lag, Streams.open(database, clock) as streams:
        gateway = probes(database, streams, None, lag, **options)  # type: ignore[arg-type]
        assert await failing(gateway) == {"worker": NoWorker}
        assert {check.name: check.weight for check in gateway}["worker"] is Weight.IMPORTANT
        async with Worker.open(streams, clock, {}) as worker:
            assert await failing(gateway) == {}
            own = probes(database, streams, worker, lag, **options)  # type: ignore[arg-type]
            assert {check.name: check.weight for check in own}["worker"] is Weight.CRITICAL
            assert await failing(own) == {}
            await worker.drain()
            assert await failing(own) == {"worker": NoWorker}
    assert (await failing(gateway))["log"] is LogStopped


async def test_a_model_that_nobody_answers_for_is_a_degradation_and_no_outage(database_url: str, tmp_path: Path) -> None:
    async with open_world(database_url, tmp_path, model="x:y", model_url="http://127.0.0.1:1") as world:
        ready = await world.client().get("/health/ready")
        assert (ready.status_code, ready.json()["degraded"], failed(ready)) == (200, True, ["model"])


async def test_a_gateway_alone_is_ready_but_says_that_runs_wait(database_url: str, tmp_path: Path) -> None:
    async with open_world(database_url, tmp_path, with_worker=False) as world:
        ready = await world.client().get("/health/ready")
        assert ready.status_code == 200
        assert "worker" in ready.json()["failed"]
        ann: Person = await world.sign_up("ann")
        run = await ann.start(await ann.thread(), "demo", {"steps": 0})
        async with open_world(database_url, tmp_path, with_worker=True):
            assert (await ann.ended(run["run_id"]))["state"] == "completed"


async def test_a_connected_server_that_is_down_degrades_and_is_not_quoted(database_url: str, tmp_path: Path) -> None:
    servers = tmp_path / "servers.json"
    servers.write_text('{"servers": {"far": {"url": "http://127.0.0.1:1/hidden", "permission": "basic"}}}')
    async with open_world(database_url, tmp_path, mcp_servers=servers) as world:
        ready = await world.client().get("/health/ready")
        assert (ready.status_code, failed(ready)) == (200, ["mcp:far"])
        assert ready.json()["checks"]["mcp:far"]["reason"] == ToolsUnknown().detail
        assert "hidden" not in ready.text
