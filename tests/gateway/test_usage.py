"""Own usage over HTTP, after real runs that asked a model behind a real socket."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from agents import Agent as SdkAgent
from agents import OpenAIChatCompletionsModel
from openai import AsyncOpenAI
from pydantic_ai import Agent as PydanticAgent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from netra.agents.context import Context
from netra.agents.definition import Agent, agent
from netra.hosting import openai_agents, pydantic_ai
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


async def test_what_hosted_agents_take_is_seen_in_the_same_places_and_no_server_of_ones_own_is_priced_as_openai(
    database_url: str, tmp_path: Path, server: ModelServer
) -> None:
    client = AsyncOpenAI(api_key="sk-operator-0123456789", base_url=server.url)
    pydantic = PydanticAgent(OpenAIChatModel("gpt-4o", provider=OpenAIProvider(openai_client=client)))
    sdk = SdkAgent(name="sdk", model=OpenAIChatCompletionsModel("gpt-4o", client))

    def hosted() -> list[Agent]:
        return [pydantic_ai.host(pydantic, "pydantic"), openai_agents.host(sdk, "sdk")]

    async with client, open_world(database_url, tmp_path, await asyncio.to_thread(hosted)) as world:
        ann = await world.sign_up("ann")
        thread = await ann.thread()
        for name in ("pydantic", "sdk"):
            run = await ann.ended((await ann.start(thread, name, "What do they cost?"))["run_id"])
            assert (run["state"], run["result"]) == ("completed", "They cost $34.50."), run
            assert run["usage"] == {"input_tokens": 100, "output_tokens": 20, "cost_usd": None}
        page = await ann.get("/api/usage")
        assert {(call["agent"], call["model"]) for call in page["calls"]} == {
            ("pydantic", "unknown:gpt-4o"),
            ("sdk", "unknown:gpt-4o"),
        }
        metrics = (await world.client().get("/metrics")).text
    assert 'netra_model_calls_total{model="unknown:gpt-4o",status="ok"} 2.0' in metrics
    assert 'netra_model_tokens_total{kind="input",model="unknown:gpt-4o"} 200.0' in metrics
    assert "netra_model_call_seconds_count 2.0" in metrics


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
