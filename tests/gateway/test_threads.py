from typing import Any

import pytest

from netra.ids import new_uuid
from tests.fixtures.world import Person, World


async def test_a_thread_is_made_renamed_and_deleted(world: World, ann: Person) -> None:
    made = (await ann.call("POST", "/api/threads", 201, json={"title": " March "})).json()
    assert made["title"] == "March"
    assert (made["epoch"], made["tail"], made["head"]) == (1, 0, 0)
    renamed = (await ann.call("PATCH", f"/api/threads/{made['id']}", 200, json={"title": "April"})).json()
    assert (renamed["title"], renamed["id"]) == ("April", made["id"])
    assert await ann.get(f"/api/threads/{made['id']}") == renamed
    await ann.call("DELETE", f"/api/threads/{made['id']}", 204)
    await ann.call("GET", f"/api/threads/{made['id']}", 404)
    await ann.call("DELETE", f"/api/threads/{made['id']}", 404)


async def test_a_thread_needs_no_body(world: World, ann: Person) -> None:
    assert (await ann.call("POST", "/api/threads", 201)).json()["title"] == ""


async def test_pages_show_every_thread_once_while_threads_come_and_go(world: World, ann: Person) -> None:
    await world.give(ann, "pro")  # has room for fifty
    made = [await ann.thread(f"thread {number}") for number in range(7)]
    seen: list[str] = []
    cursor: dict[str, Any] = {}
    while True:
        page = await ann.get("/api/threads", params={"limit": 2, **cursor})
        seen += [thread["id"] for thread in page["threads"]]
        await ann.thread("newer than the page")
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == made[::-1]


async def test_the_list_shows_only_conversations_and_only_ones_own(world: World, ann: Person, ben: Person) -> None:
    mine = await ann.thread()
    await ben.thread()
    assert [thread["id"] for thread in (await ann.get("/api/threads"))["threads"]] == [mine]
    for verb in ("GET", "PATCH", "DELETE"):
        await ann.call(verb, f"/api/threads/{ann.user_id}", 404, json={"title": "x"} if verb == "PATCH" else None)


@pytest.mark.parametrize(
    ("verb", "path", "body"),
    [
        ("GET", "", None),
        ("PATCH", "", {"title": "mine now"}),
        ("DELETE", "", None),
        ("GET", "/events", None),
        ("GET", "/stream", None),
        ("POST", "/runs", {"agent": "demo", "input": {}}),
    ],
)
async def test_somebody_elses_thread_is_answered_as_an_unknown_one(
    world: World, ann: Person, ben: Person, verb: str, path: str, body: Any
) -> None:
    theirs = await ben.thread("private")
    answers = []
    for thread in (theirs, str(new_uuid()), "nonsense", "../../etc/passwd", "%00", theirs.replace("-", "")):
        answer = await ann.call(verb, f"/api/threads/{thread}{path}", 404, json=body)
        document = answer.json()
        document.pop("request_id", None)
        answers.append(document)
    assert all(answer == answers[0] for answer in answers if "code" in answer)
    assert answers[0]["code"] == "not_found"
    assert (await ben.get(f"/api/threads/{theirs}"))["title"] == "private"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"title": "x" * 201}, "title"),
        ({"title": 7}, "title"),
        ({"title": None}, "title"),
        ({"title": "a\0b"}, "title"),
        ({"titel": "x"}, "titel"),
        ([], "body"),
        ("text", "body"),
    ],
)
async def test_a_body_that_is_wrong_is_refused_by_its_field_and_makes_nothing(
    world: World, ann: Person, body: Any, field: str
) -> None:
    problem = (await ann.call("POST", "/api/threads", 422, json=body)).json()
    assert problem["code"] == "invalid_input"
    assert [error["field"] for error in problem["errors"]] == [field]
    assert (await ann.get("/api/threads"))["threads"] == []


async def test_half_a_surrogate_pair_is_refused(world: World, ann: Person) -> None:
    for path in ("/api/threads",):
        answer = await ann.call("POST", path, content=b'{"title":"\\ud800"}', headers={"Content-Type": "application/json"})
        assert answer.status_code == 422, answer.text


@pytest.mark.parametrize("cursor", ["", "nonsense", "bm9uc2Vuc2U", "x" * 300, "MjAyNi0wMS0wMXww"])
async def test_a_cursor_that_no_page_gave_is_refused(world: World, ann: Person, cursor: str) -> None:
    answer = await ann.call("GET", "/api/threads", params={"cursor": cursor})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "cursor"


async def test_who_is_nobody_gets_nothing(world: World, ann: Person) -> None:
    thread = await ann.thread()
    stranger = world.client()
    for verb, path in (
        ("GET", ""),
        ("POST", ""),
        ("GET", f"/{thread}"),
        ("DELETE", f"/{thread}"),
        ("GET", f"/{thread}/stream"),
    ):
        answer = await stranger.request(verb, f"/api/threads{path}")
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


async def test_deleting_a_thread_ends_what_runs_in_it(world: World, ann: Person) -> None:
    thread = await ann.thread()
    run = await ann.start(thread, "demo", {"steps": 1000, "delay_ms": 100})
    await ann.call("DELETE", f"/api/threads/{thread}", 204)
    await ann.call("GET", f"/api/runs/{run['run_id']}", 404)
    await ann.call("GET", f"/api/threads/{thread}/events", 404)
    run = await ann.start(await ann.thread(), "demo", {"steps": 0})
    assert (await ann.ended(run["run_id"]))["state"] == "completed"
