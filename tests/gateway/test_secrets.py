"""Secrets over HTTP: what goes in does not come out, but for its owner's runs."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from structlog.types import EventDict

import netra
from netra.env import override
from tests.fixtures.world import Person, World, open_world

VALUE = "sk-hunter-2-hunter-2"


async def names(person: Person) -> list[str]:
    return [secret["name"] for secret in (await person.get("/api/secrets"))["secrets"]]


async def test_a_secret_is_put_in_listed_without_its_value_and_taken_out(world: World, ann: Person) -> None:
    await ann.call("PUT", "/api/secrets/TOKEN", 204, json={"value": VALUE})
    listed = await ann.call("GET", "/api/secrets", 200)
    assert VALUE not in listed.text
    [secret] = listed.json()["secrets"]
    assert secret.keys() == {"name", "created_at", "updated_at"}
    assert secret["name"] == "TOKEN"
    await ann.call("DELETE", "/api/secrets/TOKEN", 204)
    assert await names(ann) == []
    await ann.call("DELETE", "/api/secrets/TOKEN", 404)


async def test_secrets_of_others_are_not_there(world: World, ann: Person, ben: Person) -> None:
    await ann.call("PUT", "/api/secrets/TOKEN", 204, json={"value": VALUE})
    assert await names(ben) == []
    theirs = (await ben.call("DELETE", "/api/secrets/TOKEN", 404)).json()
    unknown = (await ben.call("DELETE", "/api/secrets/NO_SUCH", 404)).json()
    assert {**theirs, "request_id": ""} == {**unknown, "request_id": ""}
    await ben.call("PUT", "/api/secrets/TOKEN", 204, json={"value": "another value of ben"})
    assert await names(ann) == ["TOKEN"]


@pytest.mark.parametrize("name", ["PATH", "LD_PRELOAD", "NETRA_SECRET_KEYS", "lower", "A" * 65, "A%0A", "A%00B", "Ä"])
async def test_a_name_that_cannot_be_is_invalid_input(world: World, ann: Person, name: str) -> None:
    problem = (await ann.call("PUT", f"/api/secrets/{name}", 422, json={"value": VALUE})).json()
    assert problem["errors"][0]["field"] == "name"
    assert VALUE not in json.dumps(problem)
    await ann.call("DELETE", f"/api/secrets/{name}", 404)


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"value": "hunter2"}),
        json.dumps({"value": "hunter2" * 3000}),
        json.dumps({"value": "hunter2 hunter2\0"}),
        json.dumps({"value": ["hunter2"]}),
        json.dumps({"valeu": "hunter2 hunter2"}),
        '{"value": "hunter2 \\ud800 hunter2"}',
        '{"value": "hunter2 hunter2',
        '"hunter2 hunter2"',
    ],
)
async def test_no_refusal_repeats_what_was_to_be_kept(world: World, ann: Person, body: str, log_lines: list[EventDict]) -> None:
    answer = await ann.call("PUT", "/api/secrets/TOKEN", 422, content=body, headers={"Content-Type": "application/json"})
    assert "hunter2" not in answer.text
    assert "hunter2" not in repr(log_lines)
    assert await names(ann) == []


async def test_an_api_key_may_look_and_not_touch(world: World, ann: Person) -> None:
    key = (await ann.call("POST", "/auth/api-keys", 201, json={"name": "mine"})).json()["key"]
    await ann.call("PUT", "/api/secrets/TOKEN", 204, json={"value": VALUE})
    program = world.client(Authorization=f"Bearer {key}")
    assert (await program.get("/api/secrets")).status_code == 200
    for answer in (
        await program.put("/api/secrets/TOKEN", json={"value": "another value"}),
        await program.delete("/api/secrets/TOKEN"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "session_required")
    assert (await world.client().get("/api/secrets")).status_code == 401


async def test_a_hundred_secrets_are_the_most(world: World, ann: Person) -> None:
    answers = await asyncio.gather(
        *(ann.call("PUT", f"/api/secrets/N{number}", json={"value": VALUE}) for number in range(110))
    )
    refused = [answer.json()["code"] for answer in answers if answer.status_code != 204]
    assert refused == ["too_many_secrets"] * 10
    assert len(await names(ann)) == 100


async def test_without_a_key_a_real_installation_says_so(database_url: str, tmp_path: Path) -> None:
    async with open_world(database_url, tmp_path, environment="production") as world:
        ann = await world.sign_up("ann")
        for verb, path in (("GET", "/api/secrets"), ("PUT", "/api/secrets/TOKEN"), ("DELETE", "/api/secrets/TOKEN")):
            answer = await ann.call(verb, path, 503, json={"value": VALUE})
            assert answer.json()["code"] == "secrets_not_configured"
            assert VALUE not in answer.text
            assert int(answer.headers["Retry-After"]) > 60


@netra.agent("careless")
async def careless(ctx: netra.Context) -> dict[str, Any]:
    """Tell everything."""
    token = ctx.env["TOKEN"]
    for letter in token:
        await ctx.say(letter)
    await ctx.think(token)
    await ctx.report(token, {"token": token})
    return {"seen": sorted(ctx.env), "token": token, "length": len(token)}


async def test_a_run_sees_its_users_secrets_and_nothing_that_it_shows_does(database_url: str, tmp_path: Path) -> None:
    with override({"REGION": "eu-central-1"}):
        async with open_world(database_url, tmp_path, [careless], run_environment=("REGION",)) as world:
            ann, ben = await world.sign_up("ann"), await world.sign_up("ben")
            await ann.call("PUT", "/api/secrets/TOKEN", 204, json={"value": VALUE})
            await ben.call("PUT", "/api/secrets/TOKEN", 204, json={"value": "short and bens"})
            async with ann.socket() as socket:
                thread = await ann.thread()
                await socket.ask("subscribe", thread_id=thread)
                run = await ann.start(thread, "careless")
                await socket.until("agent_completed")
            ended = await ann.ended(run["run_id"])
            shown = [*socket.raw, json.dumps(ended), json.dumps(await ann.history(thread)), json.dumps(await reports(ann))]
            theirs = await ben.ended((await ben.start(await ben.thread(), "careless"))["run_id"])
    assert ended["result"] == {"seen": ["REGION", "TOKEN"], "token": "•" * len(VALUE), "length": len(VALUE)}
    assert theirs["result"]["length"] == len("short and bens")
    assert not any(VALUE in text for text in shown)
    said = "".join(event["data"]["text"] for event in socket.events(thread) if event["type"] == "message_delta")
    assert said == "•" * len(VALUE)


async def reports(person: Person) -> list[Any]:
    listed = (await person.get("/api/reports"))["reports"]
    return [await person.get(f"/api/reports/{report['id']}") for report in listed]
