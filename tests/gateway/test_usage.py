"""Own usage over HTTP, after real runs that asked a model behind a real socket."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from netra.agents.context import Context
from netra.agents.definition import agent
from netra.ids import DatasetId, UserId
from tests.fixtures.model_server import ModelServer, model_server
from tests.fixtures.world import Person, World, open_world
from tests.models.talk import FACTS


@agent("teller")
async def teller(ctx: Context) -> str:
    return (await ctx.model.write("tell", FACTS, "It cost $34.50.", "Say what they cost.")).text


@pytest.fixture
async def server() -> AsyncIterator[ModelServer]:
    async with model_server("They cost $34.50.") as server:
        yield server


@pytest.fixture
async def world(database_url: str, tmp_path: Path, server: ModelServer) -> AsyncIterator[World]:
    settings: dict[str, Any] = {"model": "openai:gpt-4o", "model_url": server.url, "model_key": "sk-operator-0123456789"}
    async with open_world(database_url, tmp_path, [teller], **settings) as world:
        yield world


async def tell(person: Person, times: int) -> list[dict[str, Any]]:
    thread = await person.thread()
    runs = [await person.start(thread, "teller") for _ in range(times)]
    return [await person.ended(run["run_id"]) for run in runs]


async def test_each_sees_what_their_own_runs_took(world: World) -> None:
    ann, ben = await world.sign_up("ann"), await world.sign_up("ben")
    runs = await tell(ann, 3)
    await tell(ben, 1)
    assert [run["usage"] for run in runs] == [{"input_tokens": 100, "output_tokens": 20, "cost_usd": 0.0004}] * 3
    page = await ann.get("/api/usage", params={"limit": 2})
    rest = await ann.get("/api/usage", params={"limit": 2, "cursor": page["next_cursor"]})
    calls = [*page["calls"], *rest["calls"]]
    assert {call["run_id"] for call in calls} == {run["id"] for run in runs}
    assert rest["next_cursor"] is None
    assert page["total"] == {"calls": 3, "input_tokens": 300, "output_tokens": 60, "cost_usd": 0.0012, "unpriced": 0}
    (summed,) = page["models"]
    assert (summed["model"], summed["cached_tokens"], summed["own_key"], summed["runs"]) == ("openai:gpt-4o", 120, False, 3)
    assert {call["status"] for call in calls} == {"ok"}
    metrics = (await world.client().get("/metrics")).text
    assert 'netra_model_calls_total{model="openai:gpt-4o",status="ok"} 4.0' in metrics
    assert 'netra_model_tokens_total{kind="input",model="openai:gpt-4o"} 400.0' in metrics
    assert "netra_model_call_seconds_count 4.0" in metrics
    assert ann.user_id not in metrics


async def test_usage_becomes_a_dataset_that_can_be_reported_on(world: World) -> None:
    ann, ben = await world.sign_up("ann"), await world.sign_up("ben")
    refused = await ann.call("POST", "/api/usage/dataset", 409, json={})
    assert refused.json()["code"] == "nothing_used"
    await tell(ann, 2)
    await tell(ben, 1)
    made = (await ann.call("POST", "/api/usage/dataset", 201, json={"name": "Ours"})).json()
    assert (made["name"], made["rows"], made["rejected"]) == ("Ours", 2, 0)
    async with world.parts.datasets.open(UserId(UUID(ann.user_id)), DatasetId(UUID(made["id"]))) as query:
        rows = await query.fetch_one("SELECT sum(input_tokens), sum(cached_input_tokens), min(model), min(feature) FROM usage")
    assert rows == (200, 80, "openai:gpt-4o", "teller")


async def test_everybodys_usage_is_for_administrators_and_a_look_is_noted(world: World) -> None:
    ann, boss = await world.sign_up("ann"), await world.sign_up("boss")
    await tell(ann, 2)
    for method, path, given in (
        ("GET", "/api/usage?whose=all", None),
        ("POST", "/api/usage/dataset", {"whose": "all"}),
    ):
        refused = await boss.call(method, path, 403, json=given)
        assert refused.json()["code"] == "administrators_only"
    await world.give(boss, "free", "admin")
    page = await boss.get("/api/usage", params={"whose": "all"})
    assert page["total"]["calls"] == 2
    assert {call["user_id"] for call in page["calls"]} == {ann.user_id}
    assert (await boss.get("/api/usage"))["calls"] == []
    made = (await boss.call("POST", "/api/usage/dataset", 201, json={"whose": "all", "name": "All"})).json()
    assert made["rows"] == 2
    audit = await boss.get("/auth/audit")
    assert [line["action"] for line in audit["entries"]].count("usage_viewed") == 2
    assert (await ann.get("/api/datasets"))["datasets"] == []
