"""The largest body, declared or not, over the network."""

import asyncio
import json
from pathlib import Path

from tests.fixtures.world import World, open_world

LIMIT = 4096


async def exchange(world: World, request: bytes) -> tuple[int, dict[str, object]]:
    """Send bytes as they are; return status and document of the answer, and see the connection close."""
    reader, writer = await asyncio.open_connection(world.host, world.port)
    writer.write(request)
    async with asyncio.timeout(20):
        answer = await reader.read()
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


async def test_a_declared_gibibyte_is_refused_before_a_byte_of_it_is_sent(world: World) -> None:
    request = b"POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1073741824\r\n\r\n"
    status, problem = await exchange(world, request)
    assert (status, problem["code"]) == (413, "body_too_large")
    assert problem["request_id"]


async def test_a_body_that_grows_too_large_is_refused_as_soon_as_it_is(database_url: str, tmp_path: Path) -> None:
    async with open_world(database_url, tmp_path, max_body_bytes=LIMIT) as world:
        chunk = b"400\r\n" + b"x" * 1024 + b"\r\n"
        head = b"POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        status, problem = await exchange(world, head + chunk * 5)
        assert (status, problem["code"], problem["limit"]) == (413, "body_too_large", LIMIT)


async def test_a_body_of_the_limit_is_read(database_url: str, tmp_path: Path) -> None:
    async with open_world(database_url, tmp_path, max_body_bytes=LIMIT) as world:
        ann = await world.sign_up("ann")
        wrapping = len(json.dumps({"title": ""}))
        for surplus, status in ((0, 422), (1, 413)):
            body = json.dumps({"title": "x" * (LIMIT - wrapping + surplus)})
            await ann.call("POST", "/api/threads", status, content=body, headers={"Content-Type": "application/json"})


async def test_an_upload_may_be_larger_than_any_other_body(database_url: str, tmp_path: Path) -> None:
    async with open_world(database_url, tmp_path, max_body_bytes=LIMIT, max_dataset_bytes=100_000) as world:
        ann = await world.sign_up("ann")
        rows = "time,input,output\n" + "2026-01-01T00:00:00,10,20\n" * 2000
        mapping = json.dumps({"at": "time", "input_tokens": "input", "output_tokens": "output"})
        await ann.call("POST", "/api/datasets", 201, content=rows, params={"mapping": mapping, "name": "small"})
        too_large = await ann.call("POST", "/api/datasets", 413, content="x" * 100_001)
        assert too_large.json()["code"] == "dataset_too_large"
        declared = await ann.call("POST", "/api/datasets", 413, content="x" * 110_000)
        assert declared.json()["code"] == "body_too_large"
        assert len((await ann.get("/api/datasets"))["datasets"]) == 1
