"""What endpoints are given: who is asking, and a transaction that ends as the request does."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import httpx
import psycopg
import pytest
from fastapi import FastAPI, Request
from sqlalchemy import select
from starlette.types import Message
from structlog.types import EventDict

from netra.auth.sign_in import SignIn
from netra.db.database import Database
from netra.db.tables import Thread
from netra.gateway.dependencies import ClientAddress, CurrentUser, PathId, SignedInUser, UserSession
from netra.gateway.problems import add_problems
from netra.gateway.turns import Turns
from netra.ids import UserId, new_uuid
from tests.fixtures.sign_in import fetch, register


class Gate:
    """Where an endpoint says that it has written, and waits until the test lets it go on."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def app(database: Database, sign_in: SignIn, gate: Gate) -> FastAPI:
    app = FastAPI()
    app.state.parts = SimpleNamespace(database=database, sign_in=sign_in, doors=Turns(1, 500), turns=Turns(6, 500))

    @app.get("/who")
    async def who(user: CurrentUser, address: ClientAddress) -> dict[str, Any]:
        return {"user": user.user_id, "via": user.via, "address": address}

    @app.get("/mine")
    async def mine(session: UserSession) -> list[str]:
        return list(await session.scalars(select(Thread.title).where(Thread.kind == "conversation")))

    @app.post("/write", status_code=201)
    async def write(user: CurrentUser, session: UserSession, fail: bool = False, wait: bool = False) -> str:
        session.add(Thread(user_id=user.user_id, id=new_uuid(), title="written"))
        await session.flush()
        if wait:
            gate.reached.set()
            await gate.opened.wait()
        if fail:
            raise ZeroDivisionError
        return "written"

    @app.post("/upload", status_code=201)
    async def upload(request: Request, user: CurrentUser, session: UserSession) -> str:
        session.add(Thread(user_id=user.user_id, id=new_uuid(), title="half"))
        await session.flush()
        gate.reached.set()
        await request.body()
        return "uploaded"

    @app.post("/only-people")
    async def only_people(user: SignedInUser) -> str:
        return user.email

    @app.get("/things/{thing_id}")
    async def thing(thing_id: PathId) -> str:
        return str(thing_id)

    add_problems(app)
    return app


@pytest.fixture
async def client(app: FastAPI, log_lines: list[EventDict]) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, client=("192.0.2.7", 50_000))
    async with httpx.AsyncClient(transport=transport, base_url="http://netra.test") as client:
        yield client


@pytest.fixture
async def headers(sign_in: SignIn) -> dict[str, str]:
    """What carol sends with each request."""
    pair, _ = await register(sign_in)
    return {"Authorization": f"Bearer {pair.access_token}"}


async def titles(client: httpx.AsyncClient, headers: dict[str, str]) -> list[str]:
    answer: list[str] = (await client.get("/mine", headers=headers)).json()
    return answer


async def test_a_request_is_its_users_by_token_or_by_api_key(
    client: httpx.AsyncClient, headers: dict[str, str], sign_in: SignIn, alice: UserId
) -> None:
    key, _ = await sign_in.api_keys.create(alice, "laptop")
    by_token = (await client.get("/who", headers=headers)).json()
    by_key = (await client.get("/who", headers={"authorization": f"bearer {key}"})).json()
    assert (by_token["via"], by_key["via"]) == ("token", "api_key")
    assert by_key["user"] == str(alice) != by_token["user"]


async def test_whoever_stands_before_a_door_that_is_taken_waits_alone_and_asks_the_database_nothing(
    client: httpx.AsyncClient, app: FastAPI, headers: dict[str, str], sign_in: SignIn, database: Database, alice: UserId
) -> None:
    carol = (await sign_in.identities.read(headers["Authorization"].removeprefix("Bearer "))).whose
    key, _ = await sign_in.api_keys.create(alice, "laptop")
    async with app.state.parts.doors.of(carol):
        waiting = asyncio.create_task(client.get("/who", headers=headers))
        answer = await client.get("/who", headers={"authorization": f"bearer {key}"})
        assert answer.json()["user"] == str(alice)
        await fetch(database, "UPDATE session SET revoked_at = now()")
        assert not waiting.done()
    # It was asked only now, and what the token says has ended meanwhile.
    assert (await waiting).status_code == 401
    assert len(app.state.parts.doors) == 0


async def test_a_request_without_proof_is_refused_in_one_shape(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    token = headers["Authorization"].removeprefix("Bearer ")
    bodies = set()
    for value in (
        None,
        "",
        "Bearer",
        "Bearer ",
        "Basic " + token,
        token,
        "Bearer x",
        f"Bearer {token}x",
        f"Bearer {token} {token}",
    ):
        sent = {"x-request-id": "same"} | ({} if value is None else {"Authorization": value})
        response = await client.get("/who", headers=sent)
        assert response.status_code == 401, value
        bodies.add(response.content)
    assert len(bodies) == 1


async def test_two_authorization_headers_are_nobodys(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    twice = [("Authorization", headers["Authorization"])] * 2
    assert (await client.get("/who", headers=twice)).status_code == 401


async def test_an_address_is_the_connections_whatever_a_header_claims(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    claims = {"X-Forwarded-For": "10.9.9.9", "X-Real-IP": "10.9.9.9", "Forwarded": "for=10.9.9.9"}
    assert (await client.get("/who", headers=headers | claims)).json()["address"] == "192.0.2.7"


async def test_a_connection_without_an_address_is_local(app: FastAPI, headers: dict[str, str]) -> None:
    transport = httpx.ASGITransport(app, client=None)  # type: ignore[arg-type] # a server on a Unix socket says this
    async with httpx.AsyncClient(transport=transport, base_url="http://netra.test") as client:
        assert (await client.get("/who", headers=headers)).json()["address"] == "local"


async def test_an_api_key_is_not_enough_where_a_person_is_needed(
    client: httpx.AsyncClient, headers: dict[str, str], sign_in: SignIn, alice: UserId
) -> None:
    key, _ = await sign_in.api_keys.create(alice, "laptop")
    assert (await client.post("/only-people", headers=headers)).json() == "carol@example.com"
    response = await client.post("/only-people", headers={"Authorization": f"Bearer {key}"})
    assert (response.status_code, response.json()["code"]) == (403, "session_required")


async def test_what_an_endpoint_wrote_is_there_when_it_has_answered_and_for_its_user_only(
    client: httpx.AsyncClient, headers: dict[str, str], sign_in: SignIn
) -> None:
    assert (await client.post("/write", headers=headers)).status_code == 201
    other, _ = await register(sign_in, "dave@example.com")
    assert await titles(client, headers) == ["written"]
    assert await titles(client, {"Authorization": f"Bearer {other.access_token}"}) == []


async def test_an_endpoint_that_raises_leaves_nothing_behind(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    assert (await client.post("/write?fail=true", headers=headers)).status_code == 500
    assert await titles(client, headers) == []


async def test_a_commit_that_fails_is_an_error_and_not_a_success_already_sent(
    client: httpx.AsyncClient, headers: dict[str, str], owner_url: str
) -> None:
    async with await psycopg.AsyncConnection.connect(owner_url, autocommit=True) as owner:
        # Objects at the commit, after every statement has succeeded.
        await owner.execute("CREATE FUNCTION object() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'no'; END$$")
        await owner.execute(
            "CREATE CONSTRAINT TRIGGER objection AFTER INSERT ON thread DEFERRABLE INITIALLY DEFERRED "
            "FOR EACH ROW EXECUTE FUNCTION object()"
        )
    response = await client.post("/write", headers=headers)
    assert (response.status_code, response.json()["code"]) == (500, "internal")
    assert await titles(client, headers) == []


async def test_a_connection_that_breaks_before_the_commit_is_an_error_to_try_again(
    client: httpx.AsyncClient, headers: dict[str, str], owner_url: str, gate: Gate
) -> None:
    async with asyncio.timeout(30), await psycopg.AsyncConnection.connect(owner_url, autocommit=True) as owner:
        writing = asyncio.create_task(client.post("/write?wait=true", headers=headers))
        await gate.reached.wait()
        await owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND state = 'idle in transaction'"
        )
        gate.opened.set()
        response = await writing
    assert (response.status_code, response.json()["code"]) == (503, "database_unreachable")
    assert "Retry-After" in response.headers
    assert await titles(client, headers) == []


async def test_a_cancelled_request_leaves_nothing_behind_and_gives_its_connection_back(
    client: httpx.AsyncClient, headers: dict[str, str], gate: Gate, database: Database
) -> None:
    async with asyncio.timeout(30):
        for _ in range(12):  # more often than there are connections
            gate.reached.clear()
            writing = asyncio.create_task(client.post("/write?wait=true", headers=headers))
            await gate.reached.wait()
            writing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await writing
        assert await titles(client, headers) == []
    assert await fetch(
        database, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%%'"
    ) == [(0,)]


async def test_a_client_that_hangs_up_in_the_middle_of_its_body_leaves_nothing_behind(
    app: FastAPI, client: httpx.AsyncClient, headers: dict[str, str], gate: Gate, log_lines: list[EventDict]
) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        await gate.reached.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/upload",
        "raw_path": b"/upload",
        "query_string": b"",
        "headers": [(b"authorization", headers["Authorization"].encode())],
        "client": ("192.0.2.7", 1),
        "server": ("netra.test", 80),
        "scheme": "http",
        "http_version": "1.1",
        "root_path": "",
    }
    async with asyncio.timeout(30):
        await app(scope, receive, send)
    assert gate.reached.is_set()
    assert sent == []
    assert [line for line in log_lines if line["log_level"] != "debug"] == []
    assert await titles(client, headers) == []


async def test_a_strange_id_is_an_unknown_id(client: httpx.AsyncClient) -> None:
    spellings = [f"{{{new_uuid()}}}", new_uuid().hex, f"urn:uuid:{new_uuid()}"]
    for text in (*spellings, "x", "%00", "*", "x" * 10_000, "🦄", "%FF", "0"):
        response = await client.get(f"/things/{text}")
        assert (response.status_code, response.json()["code"]) == (404, "not_found"), text


async def test_an_id_reads_the_same_in_either_case(client: httpx.AsyncClient) -> None:
    thing = new_uuid()
    assert (await client.get(f"/things/{str(thing).upper()}")).json() == str(thing)
