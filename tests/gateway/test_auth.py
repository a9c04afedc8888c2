"""Sign-in as a client meets it over HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import httpx
import jwt
import pytest
from fastapi import FastAPI

from netra.auth.sign_in import AUDIENCE, SignIn
from netra.db.database import Database
from netra.gateway import auth, providers
from netra.gateway.problems import MEDIA_TYPE, add_problems
from netra.gateway.turns import Turns
from netra.ids import new_uuid
from netra.testing.clock import ManualClock
from tests.fixtures.sign_in import ISSUER, PASSWORD, fetch, quick_passwords

CAROL = {"email": "carol@example.com", "password": PASSWORD}


@pytest.fixture
def app(database: Database, sign_in: SignIn) -> FastAPI:
    app = FastAPI()
    app.state.parts = SimpleNamespace(database=database, sign_in=sign_in, doors=Turns(6, 500), turns=Turns(6, 500))
    app.include_router(auth.router)
    app.include_router(auth.well_known)
    app.include_router(providers.router)
    add_problems(app)
    return app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, client=("192.0.2.7", 50_000))
    async with httpx.AsyncClient(transport=transport, base_url="http://netra.test") as client:
        yield client


async def register(client: httpx.AsyncClient, email: str = CAROL["email"]) -> dict[str, Any]:
    response = await client.post("/auth/register", json={"email": email, "password": PASSWORD, "name": "Carol"})
    assert response.status_code == 201, response.text
    answer: dict[str, Any] = response.json()
    return answer


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def refused(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert (response.status_code, response.headers["content-type"]) == (status, MEDIA_TYPE), response.text
    document: dict[str, Any] = response.json()
    assert (document["status"], document["code"]) == (status, code)
    return document


async def test_registering_answers_with_tokens_and_who_one_is(client: httpx.AsyncClient) -> None:
    response = await client.post("/auth/register", json={**CAROL, "name": "Carol"})
    answer = response.json()
    assert response.status_code == 201
    assert set(answer) == {"access_token", "refresh_token", "token_type", "expires_in", "user"}
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 900)
    user = {name: value for name, value in answer["user"].items() if name != "id"}
    assert user == {"email": "carol@example.com", "name": "Carol", "role": "user", "plan": "free"}
    assert response.headers["cache-control"] == "no-store"
    assert (await client.get("/auth/me", headers=bearer(answer["access_token"]))).json()["id"] == answer["user"]["id"]


async def test_an_address_that_is_taken_is_a_conflict(client: httpx.AsyncClient) -> None:
    await register(client)
    refused(await client.post("/auth/register", json={**CAROL, "email": "CAROL@example.com"}), 409, "email_taken")


@pytest.mark.parametrize(
    ("form", "code", "field"),
    [
        ({**CAROL, "password": "too short"}, "weak_password", "password"),
        ({**CAROL, "password": "x1y2z" * 300}, "weak_password", "password"),
        ({**CAROL, "password": "I am carol, hello"}, "weak_password", "password"),
        ({**CAROL, "email": "carol"}, "invalid_email", "email"),
        ({**CAROL, "email": "carol@example.com\0"}, "invalid_email", "email"),
        ({**CAROL, "name": "a\0b"}, "invalid_name", "name"),
        ({**CAROL, "name": "x" * 101}, "invalid_name", "name"),
        ({**CAROL, "name": 7}, "invalid_input", "name"),
        ({**CAROL, "name": "\ud800"}, "invalid_name", "name"),
        ({"email": "carol@example.com"}, "invalid_input", "password"),
        ({"password": PASSWORD}, "invalid_input", "email"),
        ({**CAROL, "password": None}, "invalid_input", "password"),
        ({**CAROL, "email": ["carol@example.com"]}, "invalid_input", "email"),
        ([], "invalid_input", "body"),
    ],
)
async def test_a_bad_registration_names_the_field_and_stores_nothing(
    client: httpx.AsyncClient, database: Database, form: Any, code: str, field: str
) -> None:
    response = await client.post("/auth/register", content=json.dumps(form), headers={"content-type": "application/json"})
    document = refused(response, 422, code)
    assert [error["field"] for error in document["errors"]] == [field]
    assert PASSWORD not in response.text
    assert await fetch(database, "SELECT id FROM account") == []


async def test_signing_in_needs_the_password_and_every_refusal_is_the_same(client: httpx.AsyncClient) -> None:
    registered = await register(client)
    answer = (await client.post("/auth/login", json=CAROL)).json()
    assert answer["user"] == registered["user"]
    assert (await client.get("/auth/me", headers=bearer(answer["access_token"]))).status_code == 200
    bodies = set()
    for form in (
        {**CAROL, "password": "wrong-but-long"},
        {"email": "nobody@example.com", "password": PASSWORD},
        {"email": "not an address", "password": PASSWORD},
        {"email": "", "password": ""},
    ):
        response = await client.post("/auth/login", json=form, headers={"x-request-id": "same"})
        refused(response, 401, "invalid_credentials")
        bodies.add(response.content)
    assert len(bodies) == 1


async def test_after_five_failures_one_has_to_wait(client: httpx.AsyncClient) -> None:
    await register(client)
    for _ in range(5):
        refused(await client.post("/auth/login", json={**CAROL, "password": "wrong"}), 401, "invalid_credentials")
    response = await client.post("/auth/login", json=CAROL)
    document = refused(response, 429, "too_many_attempts")
    assert 890 < document["retry_after"] <= 900
    assert int(response.headers["retry-after"]) == document["retry_after"]


async def test_an_address_that_tries_many_accounts_has_to_wait_and_cannot_claim_to_be_another(
    client: httpx.AsyncClient, app: FastAPI
) -> None:
    await register(client)
    for number in range(20):
        form = {"email": f"user{number}@example.com", "password": "wrong"}
        await client.post("/auth/login", json=form, headers={"X-Forwarded-For": f"10.0.0.{number}"})
    refused(await client.post("/auth/login", json=CAROL, headers={"X-Forwarded-For": "10.1.1.1"}), 429, "too_many_attempts")
    elsewhere = httpx.ASGITransport(app, client=("198.51.100.9", 1))
    async with httpx.AsyncClient(transport=elsewhere, base_url="http://netra.test") as other:
        assert (await other.post("/auth/login", json=CAROL)).status_code == 200


async def test_a_refresh_rotates_the_pair_and_a_second_use_ends_the_session(client: httpx.AsyncClient) -> None:
    first = await register(client)
    response = await client.post("/auth/refresh", json={"refresh_token": first["refresh_token"]})
    second = response.json()
    assert set(second) == {"access_token", "refresh_token", "token_type", "expires_in"}
    assert response.headers["cache-control"] == "no-store"
    assert (await client.get("/auth/me", headers=bearer(second["access_token"]))).status_code == 200
    again = await client.post("/auth/refresh", json={"refresh_token": first["refresh_token"]})
    refused(again, 401, "invalid_refresh_token")
    refused(await client.get("/auth/me", headers=bearer(second["access_token"])), 401, "unauthenticated")
    refused(await client.post("/auth/refresh", json={"refresh_token": second["refresh_token"]}), 401, "invalid_refresh_token")


async def test_of_fifty_simultaneous_refreshes_one_is_answered_with_a_pair(client: httpx.AsyncClient) -> None:
    first = await register(client)
    async with asyncio.timeout(60):
        responses = await asyncio.gather(
            *(client.post("/auth/refresh", json={"refresh_token": first["refresh_token"]}) for _ in range(50))
        )
    assert sorted(response.status_code for response in responses) == [200] + [401] * 49


async def test_a_logout_ends_the_session_at_once(client: httpx.AsyncClient) -> None:
    answer = await register(client)
    response = await client.post("/auth/logout", headers=bearer(answer["access_token"]))
    assert (response.status_code, response.content) == (204, b"")
    for call in (
        client.get("/auth/me", headers=bearer(answer["access_token"])),
        client.post("/auth/logout", headers=bearer(answer["access_token"])),
    ):
        refused(await call, 401, "unauthenticated")


async def test_validating_says_whose_token_it_is_or_nothing(client: httpx.AsyncClient, clock: ManualClock) -> None:
    answer = await register(client)
    valid = (await client.post("/auth/validate", json={"token": answer["access_token"]})).json()
    expires_at = valid.pop("expires_at")
    assert valid == {
        "valid": True,
        "user_id": answer["user"]["id"],
        "email": "carol@example.com",
        "role": "user",
        "plan": "free",
    }
    assert expires_at.endswith("Z")
    bodies = set()
    header, body, signature = answer["access_token"].split(".")
    for token in ("", "x", "netra_" + "A" * 43, answer["refresh_token"], f"{header}.{body}.", f"{header}.{signature}.{body}"):
        response = await client.post("/auth/validate", json={"token": token}, headers={"x-request-id": "same"})
        refused(response, 401, "unauthenticated")
        bodies.add(response.content)
    clock.advance(901)
    response = await client.post("/auth/validate", json={"token": answer["access_token"]}, headers={"x-request-id": "same"})
    assert bodies == {response.content}


async def test_a_ticket_is_bought_with_a_token_and_used_once(client: httpx.AsyncClient, sign_in: SignIn) -> None:
    answer = await register(client)
    response = await client.post("/auth/ticket", headers=bearer(answer["access_token"]))
    assert response.headers["cache-control"] == "no-store"
    ticket = response.json()
    assert set(ticket) == {"ticket", "expires_in"}
    assert ticket["expires_in"] == 30
    assert str((await sign_in.identities.redeem(ticket["ticket"])).user_id) == answer["user"]["id"]
    refused(await client.get("/auth/me", headers=bearer(ticket["ticket"])), 401, "unauthenticated")


async def test_an_api_key_lives_from_its_making_to_its_revocation(client: httpx.AsyncClient) -> None:
    answer = await register(client)
    mine = bearer(answer["access_token"])
    response = await client.post("/auth/api-keys", json={"name": " laptop ", "expires_in": 3600}, headers=mine)
    made = response.json()
    assert (response.status_code, response.headers["cache-control"]) == (201, "no-store")
    assert made["key"].startswith(made["prefix"])
    assert (made["name"], made["last_used_at"]) == ("laptop", None)
    me = (await client.get("/auth/me", headers=bearer(made["key"]))).json()
    assert (me["id"], me["via"], me["expires_at"]) == (answer["user"]["id"], "api_key", None)
    listed = await client.get("/auth/api-keys", headers=mine)
    assert made["key"] not in listed.text
    assert [key["id"] for key in listed.json()["api_keys"]] == [made["id"]]
    assert listed.json()["api_keys"][0]["last_used_at"] is not None
    path = f"/auth/api-keys/{made['id']}"
    assert (await client.delete(path, headers=mine)).status_code == 204
    refused(await client.get("/auth/me", headers=bearer(made["key"])), 401, "unauthenticated")
    refused(await client.delete(path, headers=mine), 404, "not_found")


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "x", "expires_in": 1}, "expires_in"),
        ({"name": "x", "expires_in": 10**12}, "expires_in"),
        ({"name": "x", "expires_in": "soon"}, "expires_in"),
    ],
)
async def test_a_bad_request_for_a_key_names_the_field(client: httpx.AsyncClient, form: dict[str, Any], field: str) -> None:
    mine = bearer((await register(client))["access_token"])
    response = await client.post("/auth/api-keys", json=form, headers=mine)
    assert response.status_code == 422
    assert [error["field"] for error in response.json()["errors"]] == [field]
    assert (await client.get("/auth/api-keys", headers=mine)).json() == {"api_keys": []}


async def test_somebody_elses_key_is_an_unknown_key(client: httpx.AsyncClient) -> None:
    carol, dave = await register(client), await register(client, "dave@example.com")
    made = (await client.post("/auth/api-keys", json={"name": "x"}, headers=bearer(carol["access_token"]))).json()
    his = bearer(dave["access_token"]) | {"x-request-id": "same"}
    answers = set()
    for key_id in (made["id"], new_uuid(), "nonsense"):
        response = await client.delete(f"/auth/api-keys/{key_id}", headers=his)
        answers.add((response.status_code, response.content))
    assert len(answers) == 1
    assert answers.pop()[0] == 404
    assert (await client.get("/auth/me", headers=bearer(made["key"]))).status_code == 200


async def test_what_only_a_person_may_do_an_api_key_may_not(client: httpx.AsyncClient) -> None:
    mine = bearer((await register(client))["access_token"])
    made = (await client.post("/auth/api-keys", json={"name": "x"}, headers=mine)).json()
    key = bearer(made["key"])
    for call in (
        client.post("/auth/api-keys", json={"name": "y"}, headers=key),
        client.delete(f"/auth/api-keys/{made['id']}", headers=key),
        client.post("/auth/logout", headers=key),
        client.post("/auth/ticket", headers=key),
    ):
        refused(await call, 403, "session_required")


Call = Callable[[httpx.AsyncClient], Awaitable[httpx.Response]]

NEEDS_PROOF: dict[str, Call] = {
    "me": lambda client: client.get("/auth/me"),
    "logout": lambda client: client.post("/auth/logout"),
    "ticket": lambda client: client.post("/auth/ticket"),
    "list keys": lambda client: client.get("/auth/api-keys"),
    "make a key": lambda client: client.post("/auth/api-keys", json={"name": "x"}),
    "revoke a key": lambda client: client.delete(f"/auth/api-keys/{new_uuid()}"),
}


async def test_what_is_about_me_needs_proof(client: httpx.AsyncClient) -> None:
    for name, call in NEEDS_PROOF.items():
        assert (await call(client)).status_code == 401, name


async def test_role_and_plan_are_those_of_this_moment(client: httpx.AsyncClient, sign_in: SignIn, database: Database) -> None:
    answer = await register(client)
    await sign_in.accounts.set_role("carol@example.com", "admin")
    async with database.system().transaction() as connection:
        await connection.execute("UPDATE account SET plan = 'enterprise'")
    me = (await client.get("/auth/me", headers=bearer(answer["access_token"]))).json()
    valid = (await client.post("/auth/validate", json={"token": answer["access_token"]})).json()
    assert (me["role"], me["plan"]) == (valid["role"], valid["plan"]) == ("admin", "enterprise")


async def test_anybody_may_ask_how_to_sign_in_and_how_many_there_are(client: httpx.AsyncClient) -> None:
    await register(client)
    assert (await client.get("/auth/config")).json() == {
        "providers": [],
        "registration": True,
        "password_min_length": 12,
        "access_token_lifetime": 900,
        "ticket_lifetime": 30,
    }
    assert (await client.get("/auth/status")).json() == {"accounts": 1, "sessions": 1, "api_keys": 0}


async def test_the_published_keys_verify_a_token_without_us(client: httpx.AsyncClient, sign_in: SignIn) -> None:
    answer = await register(client)
    await sign_in.keys.rotate()
    response = await client.get("/.well-known/jwks.json")
    assert response.headers["cache-control"] == "public, max-age=60"
    keys = {key.key_id: key for key in jwt.PyJWKSet.from_dict(response.json()).keys}
    assert len(keys) == 2
    token = answer["access_token"]
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, key, algorithms=["EdDSA"], audience=AUDIENCE, issuer=ISSUER)
    assert claims["sub"] == answer["user"]["id"]
    assert '"d"' not in response.text


async def test_no_endpoint_gives_a_token_without_proof(client: httpx.AsyncClient) -> None:
    described = (await client.get("/openapi.json")).json()
    givers = {
        (method, path)
        for path, operations in described["paths"].items()
        for method, operation in operations.items()
        if any(name in json.dumps(operation["responses"]) for name in ("SignedInAnswer", "TokensAnswer", "ServiceTokenAnswer"))
    }
    assert givers == {
        ("post", "/auth/register"),
        ("post", "/auth/login"),
        ("post", "/auth/refresh"),
        ("post", "/auth/service-token"),
        ("get", "/auth/callback/{provider}"),
    }


SERVICE = {"service_id": "billing", "service_secret": "the secret of billing"}


@pytest.fixture
async def with_services(database: Database, app: FastAPI) -> AsyncIterator[None]:
    """The same application, for a program that the operator knows, and with few registrations."""
    secrets = {SERVICE["service_id"]: SERVICE["service_secret"]}
    async with SignIn.open(
        database, issuer=ISSUER, passwords=quick_passwords(), service_secrets=secrets, registrations_per_address=1
    ) as sign_in:
        app.state.parts = SimpleNamespace(database=database, sign_in=sign_in, doors=Turns(6, 500), turns=Turns(6, 500))
        yield


@pytest.mark.usefixtures("with_services")
async def test_a_program_gets_a_token_for_its_secret_and_nothing_to_refresh(client: httpx.AsyncClient) -> None:
    response = await client.post("/auth/service-token", json=SERVICE)
    answer = response.json()
    assert (response.status_code, response.headers["cache-control"]) == (200, "no-store")
    assert set(answer) == {"access_token", "token_type", "expires_in"}
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 900)
    mine = bearer(answer["access_token"])
    me = (await client.get("/auth/me", headers=mine)).json()
    assert (me["email"], me["via"]) == ("service:billing", "token")
    refused(await client.post("/auth/api-keys", json={"name": "x"}, headers=mine), 403, "person_required")
    assert (await client.post("/auth/logout", headers=mine)).status_code == 204
    refused(await client.get("/auth/me", headers=mine), 401, "unauthenticated")


@pytest.mark.usefixtures("with_services")
async def test_a_wrong_program_is_refused_in_the_same_words_and_has_to_wait(client: httpx.AsyncClient) -> None:
    bodies = set()
    for form in ({**SERVICE, "service_secret": "x"}, {**SERVICE, "service_id": "x"}, {"service_id": "", "service_secret": ""}):
        response = await client.post("/auth/service-token", json=form, headers={"x-request-id": "same"})
        refused(response, 401, "invalid_service_credentials")
        bodies.add(response.content)
    assert len(bodies) == 1
    for _ in range(4):
        await client.post("/auth/service-token", json={**SERVICE, "service_secret": "x"})
    response = await client.post("/auth/service-token", json=SERVICE)
    refused(response, 429, "too_many_attempts")
    assert "retry-after" in response.headers


@pytest.mark.usefixtures("with_services")
async def test_one_address_does_not_register_without_end(client: httpx.AsyncClient) -> None:
    await register(client)
    response = await client.post("/auth/register", json={**CAROL, "email": "dave@example.com"})
    document = refused(response, 429, "too_many_from_address")
    assert int(response.headers["retry-after"]) == document["retry_after"] > 3500
