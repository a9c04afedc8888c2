import hashlib
from typing import Any
from uuid import UUID

import pytest

from netra.gateway.artifacts import PATH, disposition
from netra.ids import ArtifactId, UserId, new_uuid
from tests.fixtures.world import Person, World

BODY = b'name,note\r\nann,"<script>alert(1)</script>"\r\n'


async def made(world: World, person: Person, name: str = "rows.csv", body: bytes = BODY) -> str:
    kept = await world.parts.artifacts.add(
        UserId(UUID(person.user_id)), ArtifactId(new_uuid()), name, "text/csv; charset=utf-8", "test", body
    )
    return str(kept.id)


async def test_a_file_is_fetched_as_it_was_made_and_is_nothing_to_look_at(world: World, ann: Person) -> None:
    artifact = await made(world, ann)
    answer = await ann.call("GET", f"{PATH}/{artifact}", 200)
    assert answer.content == BODY
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].startswith('attachment; filename="rows.csv"')
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "private, no-cache"
    assert answer.headers["etag"] == f'"{hashlib.sha256(BODY).hexdigest()}"'


async def test_a_file_that_one_has_is_not_sent_again(world: World, ann: Person) -> None:
    artifact = await made(world, ann)
    tag = (await ann.call("GET", f"{PATH}/{artifact}", 200)).headers["etag"]
    for known in (tag, f'"other", W/{tag}', "*"):
        answer = await ann.call("GET", f"{PATH}/{artifact}", 304, headers={"If-None-Match": known})
        assert (answer.content, answer.headers["etag"]) == (b"", tag)
    await ann.call("GET", f"{PATH}/{artifact}", 200, headers={"If-None-Match": '"other"'})


async def test_pages_show_every_file_once_the_newest_first(world: World, ann: Person) -> None:
    ids = [await made(world, ann, f"{nth}.csv") for nth in range(3)]
    first = await ann.get(PATH, params={"limit": 2})
    second = await ann.get(PATH, params={"limit": 2, "cursor": first["next_cursor"]})
    assert [item["id"] for item in first["artifacts"] + second["artifacts"]] == ids[::-1]
    assert second["next_cursor"] is None
    assert (first["artifacts"][0]["name"], first["artifacts"][0]["bytes"]) == ("2.csv", len(BODY))


async def test_a_deleted_file_is_gone(world: World, ann: Person) -> None:
    artifact = await made(world, ann)
    await ann.call("DELETE", f"{PATH}/{artifact}", 204)
    for verb in ("GET", "DELETE"):
        await ann.call(verb, f"{PATH}/{artifact}", 404)


async def test_what_a_tool_makes_is_found_where_it_says_and_by_its_owner_alone(world: World, ann: Person, ben: Person) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    results: dict[str, Any] = {}
    for person in (ann, ben):
        await world.give(person, "pro", "user", "data_operations")
        call = {"tool_name": "generate_synthetic_data", "arguments": {"schema": schema, "rows": 3, "name": "same"}}
        answer = (await person.call("POST", "/api/tools/execute", 200, json=call)).json()
        assert answer["status"] == "success", answer
        results[person.user_id] = answer["result"]
    for person, other in ((ann, ben), (ben, ann)):
        result = results[person.user_id]
        got = await person.call("GET", result["download"], 200)
        assert hashlib.sha256(got.content).hexdigest() == result["sha256"]
        assert got.text.splitlines() == ["n", *(str(row["n"]) for row in result["preview"])]
        await other.call("GET", result["download"], 404)
        assert [item["id"] for item in (await person.get(PATH))["artifacts"]] == [result["artifact_id"]]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("rows.csv", "attachment; filename=\"rows.csv\"; filename*=UTF-8''rows.csv"),
        ("März €.csv", "attachment; filename=\"M_rz _.csv\"; filename*=UTF-8''M%C3%A4rz%20%E2%82%AC.csv"),
        ('a"\\%\r\n.csv', "attachment; filename=\"a_____.csv\"; filename*=UTF-8''a%22%5C%25%0D%0A.csv"),
    ],
)
def test_a_name_cannot_leave_the_header_that_it_stands_in(name: str, expected: str) -> None:
    assert disposition(name) == expected
