import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from netra.ids import new_uuid
from tests.fixtures.world import Person, World, eventually

ROWS = b"timestamp,input_tokens,output_tokens,model\n" + b"".join(
    b"2026-01-01T00:00:%02d,%d,%d,gpt-4o\n" % (second, second, 2 * second) for second in range(60)
)
FOREIGN = b"when;in;out\n2026-01-01T00:00:00;1;2\n2026-01-01T00:00:01;3;oops\n"
MAPPING = {"at": "when", "input_tokens": "in", "output_tokens": "out"}


def files_of(world: World) -> list[Path]:
    return [path for path in (world.settings.data_dir / "datasets").rglob("*") if path.is_file()]


async def test_a_plain_body_becomes_a_dataset(world: World, ann: Person) -> None:
    made = (await ann.call("POST", "/api/datasets", 201, content=ROWS, params={"name": "January"})).json()
    assert (made["name"], made["format"], made["rows"], made["rejected"]) == ("January", "csv", 60, 0)
    assert made["bytes"] == len(ROWS)
    assert await ann.get(f"/api/datasets/{made['id']}") == made
    assert (await ann.get("/api/datasets"))["datasets"] == [made]


async def test_a_form_carries_the_file_and_what_its_sender_says_of_it_in_any_order(world: World, ann: Person) -> None:
    fields = {"mapping": json.dumps(MAPPING), "format": "csv", "name": "mapped"}
    made = (
        await ann.call("POST", "/api/datasets", 201, data=fields, files={"file": ("spend.csv", FOREIGN, "text/csv")})
    ).json()
    assert (made["name"], made["rows"], made["rejected"]) == ("mapped", 1, 1)
    assert made["mapping"] == MAPPING
    assert (made["problems"][0]["line"], made["problems"][0]["field"]) == (3, "output_tokens")


async def test_a_form_without_a_name_is_called_as_its_file(world: World, ann: Person) -> None:
    made = (await ann.call("POST", "/api/datasets", 201, files={"file": ("spend.csv", ROWS, "text/csv")})).json()
    assert made["name"] == "spend.csv"


@pytest.mark.parametrize(
    ("options", "status", "field"),
    [
        ({"content": b""}, 422, "file"),
        ({"content": b"\x00\x01\x02"}, 422, "file"),
        ({"content": ROWS, "params": {"format": "xlsx"}}, 422, "format"),
        ({"content": ROWS, "params": {"name": "x" * 300}}, 422, "name"),
        ({"content": ROWS, "params": {"mapping": "nonsense"}}, 422, "mapping"),
        ({"content": ROWS, "params": {"mapping": "[]"}}, 422, "mapping"),
        ({"content": ROWS, "params": {"mapping": '{"input_tokens": 7}'}}, 422, "mapping"),
        ({"content": ROWS, "params": {"mapping": '{"tokens": "a"}'}}, 422, "mapping"),
        ({"files": {"data": ("a.csv", ROWS)}}, 422, "file"),
        ({"files": {"file": ("a.csv", ROWS), "name": ("b", b"x")}}, 400, None),
    ],
)
async def test_an_upload_that_cannot_be_read_is_refused_by_its_field_and_keeps_nothing(
    world: World, ann: Person, options: Any, status: int, field: str | None
) -> None:
    problem = (await ann.call("POST", "/api/datasets", status, **options)).json()
    assert [error["field"] for error in problem.get("errors", [])] == ([field] if field else [])
    assert (await ann.get("/api/datasets"))["datasets"] == []
    assert files_of(world) == []


@pytest.mark.parametrize("kind", ["text/csv", "multipart/form-data; boundary=b"])
async def test_an_upload_that_breaks_off_keeps_nothing(world: World, ann: Person, kind: str) -> None:
    _, writer = await asyncio.open_connection(world.host, world.port)
    head = (
        f"POST /api/datasets HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ann.access_token}\r\n"
        f"Content-Type: {kind}\r\nContent-Length: 100000\r\n\r\n"
    )
    writer.write(head.encode() + b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + ROWS)
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    await eventually(lambda: not [task for task in asyncio.all_tasks() if "RequestResponseCycle" in str(task.get_coro())])
    assert (await ann.get("/api/datasets"))["datasets"] == []
    assert files_of(world) == []


async def test_an_upload_that_comes_in_is_seen_to_be_loading(world: World, ann: Person, ben: Person) -> None:
    half, rest = asyncio.Event(), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield ROWS
        half.set()
        await rest.wait()

    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        upload = group.create_task(ann.call("POST", "/api/datasets", 201, content=slowly(), params={"name": "slow"}))
        await half.wait()
        loading: list[dict[str, Any]] = []
        while not loading:
            loading = (await ann.get("/api/datasets"))["loading"]
        assert (loading[0]["name"], loading[0]["state"], loading[0]["stage"]) == ("slow", "loading", "receiving")
        address = f"/api/datasets/{loading[0]['id']}"
        assert (await ann.get(address))["state"] == "loading"
        assert (await ann.call("DELETE", address, 409)).json()["code"] == "dataset_loading"
        assert (await ben.get("/api/datasets"))["loading"] == []
        await ben.call("GET", address, 404)
        rest.set()
    assert await ann.get(address) == upload.result().json()
    assert (await ann.get(address))["state"] == "ready"
    assert (await ann.get("/api/datasets"))["loading"] == []


async def test_pages_show_every_dataset_once(world: World, ann: Person) -> None:
    made = [(await ann.call("POST", "/api/datasets", 201, content=ROWS)).json()["id"] for _ in range(3)]
    first = await ann.get("/api/datasets", params={"limit": 2})
    second = await ann.get("/api/datasets", params={"limit": 2, "cursor": first["next_cursor"]})
    assert [dataset["id"] for dataset in first["datasets"] + second["datasets"]] == made[::-1]
    assert second["next_cursor"] is None
    wrong = await ann.call("GET", "/api/datasets", 422, params={"cursor": "nonsense"})
    assert wrong.json()["errors"][0]["field"] == "cursor"


async def test_somebody_elses_dataset_is_answered_as_an_unknown_one(world: World, ann: Person, ben: Person) -> None:
    theirs = (await ben.call("POST", "/api/datasets", 201, content=ROWS)).json()["id"]
    for verb in ("GET", "DELETE"):
        answers = []
        for dataset in (theirs, str(new_uuid()), "nonsense"):
            document = (await ann.call(verb, f"/api/datasets/{dataset}", 404)).json()
            document.pop("request_id")
            answers.append(document)
        assert answers[0] == answers[1] == answers[2]
    thread = await ann.thread()
    run = await ann.start(thread, "spend_report", {"dataset_id": theirs, "model": "gpt-4o"})
    assert (await ann.ended(run["run_id"]))["state"] == "failed"
    assert (await ben.get(f"/api/datasets/{theirs}"))["rows"] == 60


async def test_a_deleted_dataset_is_gone_with_its_files(world: World, ann: Person) -> None:
    made = (await ann.call("POST", "/api/datasets", 201, content=ROWS)).json()["id"]
    assert files_of(world)
    await ann.call("DELETE", f"/api/datasets/{made}", 204)
    await ann.call("GET", f"/api/datasets/{made}", 404)
    assert files_of(world) == []
