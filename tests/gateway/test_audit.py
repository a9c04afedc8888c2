"""The audit over HTTP: for administrators, and for nobody else."""

from typing import Any

import pytest

from netra.ids import new_uuid
from tests.fixtures.world import PASSWORD, Person, World


async def promote(world: World, person: Person, role: Any = "admin") -> None:
    await world.parts.sign_in.accounts.set_role(person.email, role)


@pytest.mark.parametrize("role", ["user", "developer"])
async def test_who_is_no_administrator_is_refused(world: World, ann: Person, role: str) -> None:
    await promote(world, ann, role)
    answer = await ann.call("GET", "/auth/audit", 403)
    assert answer.json()["code"] == "administrators_only"
    assert (await world.client().get("/auth/audit")).status_code == 401


async def test_a_role_that_is_taken_away_counts_at_once(world: World, ann: Person) -> None:
    await promote(world, ann, "super_admin")
    await ann.get("/auth/audit")
    await promote(world, ann, "user")
    await ann.call("GET", "/auth/audit", 403)


async def test_an_administrator_reads_what_happened_page_by_page(world: World, ann: Person, ben: Person) -> None:
    await promote(world, ann)
    await world.client().post("/auth/login", json={"email": ben.email, "password": "a wrong guess"})
    key = (await ben.call("POST", "/auth/api-keys", 201, json={"name": "x"})).json()
    await ben.call("DELETE", f"/auth/api-keys/{key['id']}", 204)
    await ben.call("POST", "/auth/logout", 204)
    seen: list[dict[str, Any]] = []
    query: dict[str, Any] = {"limit": 2, "user_id": ben.user_id}
    while True:
        page = await ann.get("/auth/audit", params=query)
        seen += page["entries"]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert [line["action"] for line in seen if line["action"] not in ("signed_in", "account_created")] == [
        *("signed_out", "api_key_revoked", "api_key_created", "sign_in_failed")
    ]
    assert {line["user_id"] for line in seen} == {ben.user_id}
    assert len({line["id"] for line in seen}) == len(seen) == 6
    failed = next(line for line in seen if line["action"] == "sign_in_failed")
    assert (failed["actor_id"], failed["detail"]) == (None, {"via": "password", "address": "127.0.0.1"})
    roles = (await ann.get("/auth/audit", params={"action": "role_changed"}))["entries"]
    assert [(line["user_id"], line["detail"]) for line in roles] == [(ann.user_id, {"old": "user", "new": "admin"})]
    text = (await ann.call("GET", "/auth/audit", 200)).text
    for secret in (key["key"], PASSWORD, "a wrong guess", ben.access_token, ben.refresh_token):
        assert secret not in text


@pytest.mark.parametrize(
    "query",
    [
        {"cursor": "x"},
        {"cursor": "x" * 300},
        {"limit": 0},
        {"limit": 101},
        {"user_id": "me"},
        {"action": "a\0"},
        {"action": ""},
    ],
    ids=str,
)
async def test_a_bad_question_is_named(world: World, ann: Person, query: dict[str, Any]) -> None:
    await promote(world, ann)
    answer = await ann.call("GET", "/auth/audit", 422, params=query)
    assert answer.json()["errors"][0]["field"] in query


async def test_nobody_known_has_an_empty_page(world: World, ann: Person) -> None:
    await promote(world, ann)
    assert await ann.get("/auth/audit", params={"user_id": str(new_uuid())}) == {"entries": [], "next_cursor": None}
