"""The application as a whole: what it says of itself, who may call it from where, and that nobody reaches somebody else."""

import asyncio
import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from netra.gateway.app import BUILT_IN, create_app
from netra.ids import ArtifactId, UserId, new_uuid
from netra.settings import Settings
from tests.fixtures.world import ORIGIN, Person, World, open_world

VERBS = {"get", "post", "patch", "delete", "put"}

OPEN = {"/api/tools/categories"}
"""Below /api, and for anybody."""


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return create_app(Settings(environment="test")).openapi()


def operations(described: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, verb, operation)
        for path, verbs in described["paths"].items()
        for verb, operation in verbs.items()
        if verb in VERBS
    ]


def test_every_operation_has_a_name_of_its_own_and_explains_itself(described: dict[str, Any]) -> None:
    found = operations(described)
    names = [operation["operationId"] for _, _, operation in found]
    assert len(names) == len(set(names)) > 25
    assert [path for path, _, operation in found if not operation.get("description")] == []
    assert [path for path, _, operation in found if not operation.get("tags")] == []


def test_every_operation_that_needs_a_sign_in_says_so_and_how_it_refuses(described: dict[str, Any]) -> None:
    for path, verb, operation in operations(described):
        if not path.startswith("/api") or path in OPEN:
            continue
        assert operation.get("security"), (verb, path)
        refusal = operation["responses"]["401"]
        assert refusal["content"]["application/problem+json"]["schema"]["$ref"].endswith("/Problem"), (verb, path)
        if "{" in path and verb != "put":  # a PUT makes what is not there
            assert "404" in operation["responses"], (verb, path)


def test_the_routes_of_the_contract_are_there(described: dict[str, Any]) -> None:
    wanted = """
        GET /api/threads · POST /api/threads · GET /api/threads/{thread_id} · PATCH /api/threads/{thread_id}
        DELETE /api/threads/{thread_id} · POST /api/threads/{thread_id}/runs · GET /api/runs/{run_id}
        POST /api/runs/{run_id}/cancel · POST /api/runs/{run_id}/answer · GET /api/threads/{thread_id}/events
        GET /api/threads/{thread_id}/stream · GET /api/agents · GET /api/datasets · POST /api/datasets
        GET /api/datasets/{dataset_id} · DELETE /api/datasets/{dataset_id} · GET /api/reports · GET /api/reports/{report_id}
        POST /api/tools/migrate-legacy · GET /ws/stats · GET /ws/config · GET /health · GET /health/live · GET /health/ready
        GET /api/artifacts · GET /api/artifacts/{artifact_id} · DELETE /api/artifacts/{artifact_id}
        POST /mcp · GET /metrics · POST /auth/register · POST /auth/login · POST /auth/refresh · POST /auth/logout
        POST /auth/validate
        POST /auth/ticket · GET /auth/me · GET /auth/config · GET /auth/status · GET /.well-known/jwks.json
        GET /api/secrets · PUT /api/secrets/{name} · DELETE /api/secrets/{name}
        GET /auth/api-keys · POST /auth/api-keys · DELETE /auth/api-keys/{key_id} · POST /auth/service-token
        POST /auth/password-reset/request · POST /auth/password-reset/confirm · GET /auth/audit
        GET /auth/login/{provider} · GET /auth/callback/{provider}
    """
    have = {f"{verb.upper()} {path}" for path, verb, _ in operations(described)}
    assert {route.strip() for line in wanted.splitlines() for route in line.split("·") if route.strip()} - have == set()


async def owned(person: Person) -> dict[str, str]:
    """One of each thing that a person can own, by the name that paths use for its id."""
    rows = b"timestamp,input_tokens,output_tokens\n2026-01-01T00:00:00,1,2\n"
    thread = await person.thread("private")
    run = (await person.start(thread, "demo", {"steps": 0, "ask": True, "topic": "private"}))["run_id"]
    done = (await person.start(await person.thread(), "demo", {"steps": 0}))["run_id"]
    await person.ended(done)
    await person.run_in(run, "waiting")
    dataset = (await person.call("POST", "/api/datasets", 201, content=rows)).json()["id"]
    key = (await person.call("POST", "/auth/api-keys", 201, json={"name": "mine"})).json()["id"]
    report = (await person.get("/api/reports"))["reports"][0]["id"]
    artifact = await person.world.parts.artifacts.add(
        UserId(UUID(person.user_id)), ArtifactId(new_uuid()), "rows.csv", "text/csv", "test", rows
    )
    return {
        "thread_id": thread,
        "run_id": run,
        "dataset_id": dataset,
        "report_id": report,
        "key_id": key,
        "artifact_id": str(artifact.id),
    }


NOT_IDS = {"name", "provider", "tool"}
"""What stands in paths and is nobody's: a secret's own name, a provider, a tool."""


BODIES: dict[str, Any] = {
    "rename_thread": {"title": "stolen"},
    "start_run": {"agent": "demo", "input": {}},
    "answer_run": {"request_id": "ask#1", "value": True},
}


async def test_every_id_of_one_user_is_unknown_to_another_on_every_route_and_verb(
    world: World, ann: Person, ben: Person, described: dict[str, Any]
) -> None:
    theirs = await owned(ben)
    assert set(theirs) | NOT_IDS >= {name for path, _, _ in operations(described) for name in re.findall(r"{(\w+)}", path)}
    tried = 0
    for path, verb, operation in operations(described):
        names = [name for name in theirs if f"{{{name}}}" in path]
        if not names:
            continue
        answers = []
        for ids in (theirs, {name: str(new_uuid()) for name in theirs}):
            body = BODIES.get(operation["operationId"])
            answer = await ann.call(verb.upper(), path.format(**ids), json=body)
            document = answer.json()
            document.pop("request_id")
            answers.append((answer.status_code, document))
        assert answers[0] == answers[1], (verb, path)
        assert answers[0][0] == 404, (verb, path)
        tried += 1
    assert tried == 16
    # Everything is as it was.
    assert (await ben.get(f"/api/threads/{theirs['thread_id']}"))["title"] == "private"
    assert (await ben.get(f"/api/runs/{theirs['run_id']}"))["state"] == "waiting"
    assert (await ben.get(f"/api/datasets/{theirs['dataset_id']}"))["rows"] == 1
    assert len((await ben.get("/auth/api-keys"))["api_keys"]) == 1
    assert len((await ben.get("/api/artifacts"))["artifacts"]) == 1


async def test_lists_show_nothing_of_anybody_else(world: World, ann: Person, ben: Person) -> None:
    theirs = await owned(ben)
    lists = ("/api/threads", "/api/datasets", "/api/reports", "/api/artifacts", "/auth/api-keys")
    for path in (*lists, "/ws/stats", "/metrics", "/auth/status"):
        text = (await ann.call("GET", path, 200)).text
        assert [name for name, value in theirs.items() if value in text] == [], path


async def test_scripts_of_an_allowed_origin_may_call_and_of_another_may_not(world: World) -> None:
    client = world.client()
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,idempotency-key"}
    allowed = await client.options("/api/threads", headers={**asked, "Origin": ORIGIN})
    assert allowed.headers["access-control-allow-origin"] == ORIGIN
    assert "access-control-allow-credentials" not in allowed.headers
    refused = await client.options("/api/threads", headers={**asked, "Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in refused.headers
    for origin in ("https://evil.example", "null", ORIGIN + ".evil.example"):
        assert "access-control-allow-origin" not in (await client.get("/health/live", headers={"Origin": origin})).headers


async def test_an_unknown_path_and_method_are_problems(world: World) -> None:
    client = world.client()
    for verb, path, status, code in (
        ("GET", "/nowhere", 404, "not_found"),
        ("PUT", "/api/threads", 405, "method_not_allowed"),
        ("GET", "/ws", 404, "not_found"),
    ):
        answer = await client.request(verb, path)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_refused_method_is_answered_with_all_that_are_known(world: World) -> None:
    client = world.client()
    for path, allowed in (
        ("/api/threads", "GET, POST"),
        (f"/api/threads/{new_uuid()}", "DELETE, GET, PATCH"),
        ("/health/live", "GET"),
    ):
        assert (await client.put(path)).headers["allow"] == allowed


async def test_no_request_that_can_be_made_up_gets_an_answer_that_is_not_described(world: World, ann: Person) -> None:
    # What the contract says, tried with what nobody would think of: every operation, valid input and invalid.
    checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,ignored_auth"
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{world.url}/openapi.json"]
    command += ["-H", f"Authorization: Bearer {ann.access_token}", "--checks", checks, "--phases", "coverage,fuzzing"]
    # Streams do not end, and a sign-out would end the rest.
    command += ["--exclude-path-regex", "stream$|logout$", "--max-examples", "10", "--seed", "1", "--no-color"]
    with tempfile.TemporaryDirectory() as folder:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        async with asyncio.timeout(100):
            said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()


async def test_no_answer_tells_what_serves(world: World) -> None:
    answer = await world.client().get("/nowhere")
    assert "server" not in answer.headers
    assert "uvicorn" not in json.dumps(dict(answer.headers)).lower()


async def test_runs_see_the_operators_variables_and_nobody_elses(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import netra

    @netra.agent("look")
    async def look(ctx: netra.Context) -> dict[str, str]:
        """Look around."""
        return dict(ctx.env)

    monkeypatch.setenv("SHARED_REGION", "eu")
    monkeypatch.setenv("SECRET_OF_THE_SERVER", "hunter2")
    async with open_world(database_url, tmp_path, [look], run_environment=("SHARED_REGION", "NOT_SET")) as world:
        ann = await world.sign_up("ann")
        run = await ann.start(await ann.thread(), "look")
        assert (await ann.ended(run["run_id"]))["result"] == {"SHARED_REGION": "eu"}


def test_the_agents_that_come_with_netra_have_names_of_their_own() -> None:
    assert [agent.name for agent in BUILT_IN] == ["demo", "spend_report", "supervisor"]
