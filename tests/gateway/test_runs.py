import asyncio
from typing import Any

import pytest

from netra.ids import new_uuid
from tests.fixtures.world import Person, World, eventually


async def test_a_run_is_accepted_executed_and_can_be_looked_at(world: World, ann: Person) -> None:
    thread = await ann.thread()
    accepted = await ann.start(thread, "demo", {"steps": 2, "delay_ms": 0, "topic": "tests"})
    assert accepted == {"run_id": accepted["run_id"], "thread_id": thread, "state": "queued", "seq": 1}
    run = await ann.ended(accepted["run_id"])
    assert (run["state"], run["agent"], run["plan"], run["attempt"]) == ("completed", "demo", "free", 1)
    assert run["input"]["topic"] == "tests"
    assert run["result"]["went_on"] is True
    types = [event["type"] for event in await ann.history(thread)]
    assert types[:2] == ["run_queued", "agent_started"]
    assert types[-1] == "agent_completed"


async def test_the_same_key_gives_the_same_run_however_often_it_is_sent_at_once(world: World, ann: Person) -> None:
    thread = await ann.thread()
    body = {"agent": "demo", "input": {"steps": 0}}
    answers = await asyncio.gather(
        *(
            ann.call("POST", f"/api/threads/{thread}/runs", 202, json=body, headers={"Idempotency-Key": "once"})
            for _ in range(20)
        )
    )
    assert len({(answer.json()["run_id"], answer.json()["seq"]) for answer in answers}) == 1
    other = {**body, "input": {"steps": 1}}
    problem = await ann.call("POST", f"/api/threads/{thread}/runs", 422, json=other, headers={"Idempotency-Key": "once"})
    assert problem.json()["code"] == "idempotency_mismatch"


async def test_a_busy_thread_rejects_or_lets_itself_be_interrupted(world: World, ann: Person) -> None:
    thread = await ann.thread()
    first = await ann.start(thread, "demo", {"steps": 1000, "delay_ms": 1000})
    body = {"agent": "demo", "input": {"steps": 0}}
    busy = await ann.call("POST", f"/api/threads/{thread}/runs", 409, json={**body, "on_busy": "reject"})
    assert busy.json()["code"] == "thread_busy"
    second = await ann.start(thread, "demo", {"steps": 0}, on_busy="interrupt")
    assert (await ann.ended(first["run_id"]))["state"] == "cancelled"
    assert (await ann.ended(second["run_id"]))["state"] == "completed"


async def test_a_run_is_cancelled_once(world: World, ann: Person) -> None:
    thread = await ann.thread()
    run = await ann.start(thread, "demo", {"steps": 1000, "delay_ms": 1000})
    await ann.call("POST", f"/api/runs/{run['run_id']}/cancel", 200)
    assert (await ann.ended(run["run_id"]))["state"] == "cancelled"
    again = await ann.call("POST", f"/api/runs/{run['run_id']}/cancel", 409)
    assert again.json()["code"] == "run_ended"


async def test_a_question_is_answered_over_http(world: World, ann: Person) -> None:
    thread = await ann.thread()
    run = await ann.start(thread, "demo", {"steps": 0, "ask": True})
    path = f"/api/runs/{run['run_id']}"
    waiting = await ann.run_in(run["run_id"], "waiting")
    wrong = await ann.call("POST", f"{path}/answer", 409, json={"request_id": "another", "value": 1})
    assert wrong.json()["code"] == "not_waiting"
    await ann.call("POST", f"{path}/answer", 200, json={"request_id": waiting["waits_for"], "value": False})
    assert (await ann.ended(run["run_id"]))["result"]["went_on"] is False


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ({}, 422, "invalid_input", "agent"),
        ({"agent": ""}, 422, "invalid_input", "agent"),
        ({"agent": "nobody"}, 422, "unknown_agent", "agent"),
        ({"agent": "demo", "input": {"steps": -1}}, 422, "invalid_input", "input.steps"),
        ({"agent": "demo", "input": {"topic": "a\0"}}, 422, "not_storable", "input"),
        ({"agent": "demo", "on_busy": "maybe"}, 422, "invalid_input", "on_busy"),
        ({"agent": "demo", "imput": {}}, 422, "invalid_input", "imput"),
    ],
)
async def test_a_run_that_cannot_be_accepted_is_refused_by_its_field_and_leaves_nothing(
    world: World, ann: Person, body: Any, status: int, code: str, field: str
) -> None:
    thread = await ann.thread()
    problem = (await ann.call("POST", f"/api/threads/{thread}/runs", status, json=body)).json()
    assert problem["code"] == code
    assert [error["field"] for error in problem["errors"]] == [field]
    assert await ann.history(thread) == []


@pytest.mark.parametrize(
    "text", [b'{"agent":"demo","input":NaN}', b'{"agent":"demo","input":"\\ud800"}', b'{"agent":"demo","input":' + b"[" * 5000]
)
async def test_json_that_cannot_be_kept_is_refused(world: World, ann: Person, text: bytes) -> None:
    thread = await ann.thread()
    answer = await ann.call("POST", f"/api/threads/{thread}/runs", content=text, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422), answer.text
    assert await ann.history(thread) == []


async def test_somebody_elses_run_is_answered_as_an_unknown_one_and_counted(world: World, ann: Person, ben: Person) -> None:
    thread = await ben.thread()
    run = await ben.start(thread, "demo", {"steps": 0, "ask": True})
    for verb, path, body in (
        ("GET", "", None),
        ("POST", "/cancel", None),
        ("POST", "/answer", {"request_id": "ask#1", "value": 1}),
    ):
        answers = []
        for which in (run["run_id"], str(new_uuid())):
            document = (await ann.call(verb, f"/api/runs/{which}{path}", 404, json=body)).json()
            document.pop("request_id")
            answers.append(document)
        assert answers[0] == answers[1]
    await eventually(lambda: world.parts.trespass.counts["http"] == 3)
