"""Every refusal is a problem document that helps its reader and tells nothing else."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

import httpx
import pytest
import structlog
from fastapi import FastAPI, Query
from fastapi.responses import StreamingResponse
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send
from structlog.types import EventDict

from netra.errors import Conflict, InvalidInput, NetraError, NotFound, TooManyRequests, Unauthenticated, Unavailable
from netra.gateway.problems import MEDIA_TYPE, RequestBoundary, add_problems, deny, problem_responses

SECRET = "postgresql://netra:hunter2@db/netra"


class Order(BaseModel):
    amount: Annotated[int, Field(ge=1)]
    colours: list[str] = []
    rows: dict[str, int] = {}


class DiskOnFire(NetraError):
    """Something in the cellar burns.

    This paragraph is for developers.
    """

    code, status = "disk_on_fire", 500


@pytest.fixture
def app() -> FastAPI:
    app = FastAPI()

    @app.get("/things/{thing}", responses=problem_responses(NotFound, Unauthenticated, Conflict))
    async def thing(thing: str) -> dict[str, str]:
        failures: dict[str, Exception] = {
            "unknown": NotFound(),
            "foreign": NotFound(),
            "taken": Conflict("That name is taken.", field="name"),
            "hurried": TooManyRequests(retry_after=2.3),
            "database": Unavailable(f"connection to {SECRET} refused", retry_after=7),
            "secretless": Unauthenticated(),
            "fire": DiskOnFire(f"/var/lib/netra/{SECRET}"),
            "bug": ZeroDivisionError(SECRET),
            "teapot": HTTPException(418, SECRET),
            "starlette": HTTPException(503, SECRET),
            "extra": InvalidInput("no", status="x", code="y", hint="z"),
        }
        if thing in failures:
            raise failures[thing]
        return {"thing": thing}

    @app.post("/orders")
    async def order(order: Order, limit: Annotated[int, Query(le=100)] = 10) -> Order:
        return order

    @app.get("/half")
    async def half() -> StreamingResponse:
        async def body() -> AsyncIterator[bytes]:
            yield b"the first half"
            raise ZeroDivisionError(SECRET)

        return StreamingResponse(body())

    @app.get("/logs")
    async def logs(user: str | None = None) -> None:
        if user:
            structlog.contextvars.bind_contextvars(user_id=user)
        structlog.get_logger().info("seen")

    add_problems(app)
    return app


@pytest.fixture
async def client(app: FastAPI, log_lines: list[EventDict]) -> AsyncIterator[httpx.AsyncClient]:
    # Whatever leaves the application as an exception fails the test.
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://netra.test") as client:
        yield client


def problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The document, once it has been seen to be one."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == MEDIA_TYPE
    document: dict[str, Any] = response.json()
    assert {name: document[name] for name in ("status", "code", "type")} == {
        "status": status,
        "code": code,
        "type": f"urn:netra:error:{code}",
    }
    assert document["request_id"] == response.headers["x-request-id"]
    assert document["title"]
    assert document["detail"]
    return document


async def test_an_error_of_ours_is_its_class_in_json(client: httpx.AsyncClient) -> None:
    document = problem(await client.get("/things/unknown"), 404, "not_found")
    assert document["title"] == document["detail"] == "There is nothing here under that id."
    assert set(document) == {"type", "title", "status", "code", "detail", "request_id"}


async def test_an_unknown_and_a_foreign_id_answer_with_the_same_bytes(client: httpx.AsyncClient) -> None:
    headers = {"x-request-id": "same"}
    unknown, foreign = [await client.get(f"/things/{name}", headers=headers) for name in ("unknown", "foreign")]
    assert unknown.content == foreign.content
    assert unknown.headers == foreign.headers


async def test_a_field_that_is_wrong_is_named(client: httpx.AsyncClient) -> None:
    document = problem(await client.get("/things/taken"), 409, "conflict")
    assert document["errors"] == [{"field": "name", "message": "That name is taken."}]
    assert "field" not in document


async def test_an_error_cannot_rewrite_the_members_of_its_document(client: httpx.AsyncClient) -> None:
    document = problem(await client.get("/things/extra"), 422, "invalid_input")
    assert document["hint"] == "z"


@pytest.mark.parametrize(
    ("thing", "status", "code", "seconds"), [("hurried", 429, "too_many_requests", 2.3), ("database", 503, "unavailable", 7)]
)
async def test_who_has_to_wait_is_told_how_long(
    client: httpx.AsyncClient, thing: str, status: int, code: str, seconds: float
) -> None:
    response = await client.get(f"/things/{thing}")
    assert problem(response, status, code)["retry_after"] == seconds
    assert response.headers["retry-after"] == str(-int(-seconds // 1))


async def test_who_is_not_signed_in_is_told_how(client: httpx.AsyncClient) -> None:
    response = await client.get("/things/secretless")
    problem(response, 401, "unauthenticated")
    assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("thing", "status", "code"),
    [
        ("bug", 500, "internal"),
        ("fire", 500, "disk_on_fire"),
        ("database", 503, "unavailable"),
        ("teapot", 418, "malformed_request"),
        ("starlette", 503, "unavailable"),
    ],
)
async def test_nothing_of_what_went_wrong_inside_is_answered(
    client: httpx.AsyncClient, thing: str, status: int, code: str
) -> None:
    response = await client.get(f"/things/{thing}")
    problem(response, status, code)
    for inside in ("hunter2", "/var/lib", "Traceback", "ZeroDivision", "developers", "\n"):
        assert inside not in response.text + str(response.headers)


async def test_what_nobody_foresaw_is_logged_once_with_its_trace_and_its_request(
    client: httpx.AsyncClient, log_lines: list[EventDict]
) -> None:
    response = await client.get("/things/bug")
    (line,) = log_lines
    assert line["event"] == "unhandled_error"
    assert line["log_level"] == "error"
    assert line["request_id"] == response.json()["request_id"]
    assert "ZeroDivisionError" in line["exception"]


async def test_a_refusal_that_is_the_clients_fault_writes_no_log_line(
    client: httpx.AsyncClient, log_lines: list[EventDict]
) -> None:
    for path in ("/things/unknown", "/things/taken", "/things/hurried", "/nowhere"):
        await client.get(path)
    await client.post("/orders", json={})
    assert log_lines == []


async def test_an_error_of_ours_inside_is_logged_with_its_trace(client: httpx.AsyncClient, log_lines: list[EventDict]) -> None:
    await client.get("/things/fire")
    assert [(line["event"], line["code"]) for line in log_lines] == [("request_failed", "disk_on_fire")]
    assert "/var/lib/netra" in log_lines[0]["exception"]


async def test_a_refusal_because_of_our_own_state_is_logged_in_one_line(
    client: httpx.AsyncClient, log_lines: list[EventDict]
) -> None:
    await client.get("/things/database")
    assert [(line["event"], line["code"], line["log_level"]) for line in log_lines] == [
        ("request_refused", "unavailable", "warning")
    ]


async def test_half_an_answer_is_broken_off_and_not_completed_by_a_document(app: FastAPI, log_lines: list[EventDict]) -> None:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://netra.test") as client:
        with pytest.raises(ZeroDivisionError):
            await client.get("/half")
    assert [(line["event"], line["started"]) for line in log_lines] == [("unhandled_error", True)]


async def test_bad_input_names_each_field_as_its_sender_knows_it(client: httpx.AsyncClient) -> None:
    response = await client.post("/orders?limit=500", json={"amount": 0, "colours": ["red", 7], "rows": {"a": "x"}})
    document = problem(response, 422, "invalid_input")
    fields = {error["field"]: error["message"] for error in document["errors"]}
    assert set(fields) == {"limit", "amount", "colours.1", "rows.a"}
    assert "greater than or equal to 1" in fields["amount"]
    assert all(field in document["detail"] for field in fields)


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (b"{", 422, "body"),
        (b"[]", 422, "body"),
        (b"", 422, "body"),
        (b"null", 422, "body"),
        (b'{"amount": "\\ud800"}', 422, "amount"),
        (b'{"amount": NaN}', 422, "amount"),
        (b'{"amount": 1e999}', 422, "amount"),
        (b"\xff\xfe", 422, "body"),
        (b'{"amount": ' + b"9" * 10_000 + b"}", 400, None),
        (b"[" * 100_000, 400, None),
    ],
    ids=["cut", "list", "empty", "null", "surrogate", "NaN", "infinity", "not UTF-8", "digits", "nested"],
)
async def test_a_body_that_is_not_what_it_should_be_is_refused_in_words(
    client: httpx.AsyncClient, body: bytes, status: int, field: str | None
) -> None:
    response = await client.post("/orders", content=body, headers={"content-type": "application/json"})
    document = problem(response, status, "invalid_input" if status == 422 else "malformed_request")
    assert {error["field"] for error in document.get("errors", [])} == ({field} if field else set())


async def test_a_body_that_is_wrong_in_a_thousand_places_gets_a_short_answer(client: httpx.AsyncClient) -> None:
    rows = {"x" * 10_000 + str(number): "no number" for number in range(1000)}
    response = await client.post("/orders", json={"amount": 1, "rows": rows})
    problem(response, 422, "invalid_input")
    assert len(response.content) < 20_000


async def test_an_address_that_does_not_exist_and_a_method_that_is_not_known_are_problems_too(
    client: httpx.AsyncClient,
) -> None:
    problem(await client.get("/nowhere"), 404, "not_found")
    response = await client.delete("/orders")
    problem(response, 405, "method_not_allowed")
    assert response.headers["allow"] == "POST"


@pytest.mark.parametrize("given", ["a", "x" * 64, "0195f1b2-7c3d-7e4f-8a9b-0c1d2e3f4a5b", "trace.1_2-3"])
async def test_a_request_may_bring_its_own_id(client: httpx.AsyncClient, given: str) -> None:
    for path in ("/things/unknown", "/things/fine"):
        assert (await client.get(path, headers={"x-request-id": given})).headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "a\tb", "<script>", 'a"b', "a;b", "é".encode(), b"\xff", "../x"])
async def test_an_id_that_could_harm_a_log_or_a_header_is_replaced(client: httpx.AsyncClient, given: str | bytes) -> None:
    raw = given if isinstance(given, bytes) else given.encode()
    first, second = [await client.get("/things/unknown", headers={b"x-request-id": raw}) for _ in range(2)]
    assert first.headers["x-request-id"].encode() != raw
    assert first.headers["x-request-id"] != second.headers["x-request-id"]
    assert len(first.headers["x-request-id"]) == 36


@given(st.binary(max_size=100).filter(lambda value: b"\n" not in value and b"\r" not in value))
def test_whatever_id_a_client_sends_the_one_that_is_used_is_safe(given: bytes) -> None:
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["state"]["request_id"])

    async def nothing(*arguments: object) -> Any: ...

    async def call() -> None:
        await RequestBoundary(app)({"type": "http", "headers": [(b"x-request-id", given)]}, nothing, nothing)

    asyncio.run(call())
    assert len(seen) == 1
    assert seen[0].replace("-", "").replace(".", "").replace("_", "").isalnum() or set(seen[0]) <= set("-._")
    assert seen[0].isascii()
    assert 1 <= len(seen[0]) <= 64


async def test_no_log_line_carries_the_user_of_the_request_before(
    client: httpx.AsyncClient, log_lines: list[EventDict]
) -> None:
    await client.get("/logs?user=alice")
    await client.get("/logs")
    first, second = log_lines
    assert first["user_id"] == "alice"
    assert "user_id" not in second
    assert first["request_id"] != second["request_id"]


async def test_no_log_line_carries_what_the_server_happened_to_have_bound(
    client: httpx.AsyncClient, log_lines: list[EventDict]
) -> None:
    with structlog.contextvars.bound_contextvars(user_id="mallory"):
        await client.get("/logs")
    assert "user_id" not in log_lines[0]


async def test_a_lifespan_passes_through_untouched() -> None:
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    async def nothing(*arguments: object) -> Any: ...

    await RequestBoundary(app)({"type": "lifespan"}, nothing, nothing)
    assert seen == ["lifespan"]


async def open_socket(app: Any, extensions: dict[str, Any]) -> list[Message]:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await RequestBoundary(app)({"type": "websocket", "headers": [], "extensions": extensions}, receive, send)
    return sent


async def test_a_socket_is_refused_before_the_upgrade_with_a_document() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await deny(scope, send, Unauthenticated())

    start, body = await open_socket(app, {"websocket.http.response": {}})
    assert (start["type"], start["status"]) == ("websocket.http.response.start", 401)
    headers = dict(start["headers"])
    document = json.loads(body["body"])
    assert headers[b"content-type"] == MEDIA_TYPE.encode()
    assert headers[b"x-request-id"].decode() == document["request_id"]
    assert document["code"] == "unauthenticated"
    assert await open_socket(app, {}) == [{"type": "websocket.close", "code": 1008}]


async def test_a_socket_whose_opening_nobody_foresaw_is_refused_as_internal(log_lines: list[EventDict]) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise ZeroDivisionError(SECRET)

    start, body = await open_socket(app, {"websocket.http.response": {}})
    assert start["status"] == 500
    assert SECRET not in body["body"].decode()
    assert [line["event"] for line in log_lines] == ["unhandled_error"]


async def test_a_cancelled_request_is_cancelled_and_not_answered() -> None:
    sent: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.Event().wait()

    async def send(message: Message) -> None:
        sent.append(message)

    async def nothing() -> Any: ...

    task = asyncio.create_task(RequestBoundary(app)({"type": "http", "headers": []}, nothing, send))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sent == []


async def test_the_description_of_the_interface_names_every_problem(client: httpx.AsyncClient) -> None:
    described = (await client.get("/openapi.json")).json()
    assert described["components"]["schemas"]["Problem"]["required"] == [
        "type",
        "title",
        "status",
        "code",
        "detail",
        "request_id",
    ]
    assert "HTTPValidationError" not in json.dumps(described)
    responses = described["paths"]["/things/{thing}"]["get"]["responses"]
    assert set(responses) == {"200", "401", "404", "409", "422", "default"}
    reference = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    assert all(responses[status]["content"] == reference for status in responses if status != "200")
    assert "`not_found`: There is nothing here under that id." in responses["404"]["description"]
    assert described["paths"]["/orders"]["post"]["responses"]["422"]["content"] == reference
