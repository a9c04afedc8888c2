import asyncio
import hashlib
import json
from typing import Any
from uuid import UUID, uuid5

import pytest

from netra.clock import SystemClock
from netra.datasets.artifacts import Artifacts, ArtifactsFull, ArtifactTooLarge
from netra.db.database import Database
from netra.errors import InvalidInput
from netra.events.codec import encode
from netra.gateway.artifacts import PATH
from netra.gateway.tooling import Tooling, equip
from netra.ids import ArtifactId, UserId, new_uuid
from netra.streams.streams import Streams
from netra.tools import synthetic
from netra.tools.gate import PermissionDenied, ToolCaller
from netra.tools.synthesis import SchemaRefused
from netra.tools.toolbox import LARGEST, Toolbox, ToolTimeout
from tests.tools.conftest import give

SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer", "minimum": -9, "maximum": 9}, "name": {"type": "string", "maxLength": 8}},
    "required": ["n", "name"],
}
SLOW = {
    "type": "object",
    "properties": {f"p{nth}": {"type": "array", "items": {"type": "string"}, "minItems": 50} for nth in range(20)},
    "required": [f"p{nth}" for nth in range(20)],
}


@pytest.fixture(autouse=True)
async def they_may(database: Database, alice: UserId, bob: UserId) -> None:
    for user in (alice, bob):
        await give(database, user, "pro", "user", "data_operations")


async def make(toolbox: Toolbox, user_id: UserId, /, call_id: UUID | None = None, **arguments: Any) -> Any:
    caller = ToolCaller(user_id, "http", call_id or new_uuid())
    return await toolbox.call(caller, "generate_synthetic_data", {"schema": SCHEMA, **arguments})


async def body(tooling: Tooling, user_id: UserId, result: Any) -> bytes:
    return await tooling.artifacts.read(user_id, ArtifactId(UUID(result["artifact_id"])))


async def test_rows_become_a_file_of_ones_own(tooling: Tooling, alice: UserId) -> None:
    result = await make(tooling.toolbox, alice, rows=25, seed=3, format="jsonl", name="people")
    text = await body(tooling, alice, result)
    assert (result["name"], result["rows"], result["columns"], result["seed"]) == ("people.jsonl", 25, ["n", "name"], 3)
    assert (result["bytes"], result["sha256"]) == (len(text), hashlib.sha256(text).hexdigest())
    made = [json.loads(line) for line in text.splitlines()]
    assert len(made) == 25
    assert result["preview"] == made[:10]
    assert result["download"] == f"{PATH}/{result['artifact_id']}"


async def test_the_same_schema_rows_and_seed_give_the_same_bytes_to_everybody(
    tooling: Tooling, alice: UserId, bob: UserId
) -> None:
    results: list[Any] = []
    for file_format in ("csv", "json", "jsonl"):
        async with asyncio.timeout(60):
            results = await asyncio.gather(
                *(make(tooling.toolbox, user, rows=50, seed=9, format=file_format) for user in (alice, bob, alice))
            )
        assert len({result["sha256"] for result in results}) == 1
        assert len({result["artifact_id"] for result in results}) == 3
    assert (await make(tooling.toolbox, alice, rows=50, seed=10))["sha256"] != results[0]["sha256"]


async def test_a_call_that_is_begun_again_makes_one_file(tooling: Tooling, database: Database, alice: UserId) -> None:
    call_id = new_uuid()
    first = await make(tooling.toolbox, alice, call_id)
    assert await make(tooling.toolbox, alice, call_id) == first
    assert first["artifact_id"] == str(uuid5(call_id, "artifact"))
    assert len(await tooling.artifacts.list(alice, None, 10)) == 1


async def test_two_users_at_once_over_one_name_each_have_their_own_file(tooling: Tooling, alice: UserId, bob: UserId) -> None:
    async with asyncio.timeout(60):
        results = await asyncio.gather(
            *(make(tooling.toolbox, user, seed=seed, name="same") for seed, user in enumerate((alice, bob)))
        )
    for user, result in zip((alice, bob), results, strict=True):
        assert [str(info.id) for info in await tooling.artifacts.list(user, None, 10)] == [result["artifact_id"]]
        assert hashlib.sha256(await body(tooling, user, result)).hexdigest() == result["sha256"]


async def test_a_call_that_is_cancelled_or_takes_too_long_leaves_nothing(
    tooling: Tooling, streams: Streams, alice: UserId, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with asyncio.timeout(60):
        calling = asyncio.ensure_future(make(tooling.toolbox, alice, schema=SLOW, rows=10_000))
        await asyncio.sleep(0)
        async with asyncio.timeout(30):
            while not await counted(streams.database):  # noqa: ASYNC110 - nobody tells that the thread has begun
                await asyncio.sleep(0.01)
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
        monkeypatch.setattr(synthetic, "TIME_LIMIT", 0.2)
        impatient = equip(streams, SystemClock(), [], production=False)
        with pytest.raises(ToolTimeout):
            await make(impatient.toolbox, alice, schema=SLOW, rows=10_000)
    assert await tooling.artifacts.list(alice, None, 10) == []


async def counted(database: Database) -> bool:
    async with database.system().transaction() as connection:
        return await (await connection.execute("SELECT FROM tool_call")).fetchone() is not None


async def test_ten_thousand_rows_are_the_most(tooling: Tooling, alice: UserId) -> None:
    result = await make(tooling.toolbox, alice, schema={"properties": {"n": {"type": "boolean"}}}, rows=10_000)
    assert (await body(tooling, alice, result)).count(b"\r\n") == 10_001
    for rows in (0, 10_001):
        with pytest.raises(InvalidInput):
            await make(tooling.toolbox, alice, rows=rows)


async def test_a_preview_of_large_rows_stays_small(tooling: Tooling, alice: UserId) -> None:
    large = {"properties": {"x": {"type": "string", "minLength": 9000}}, "required": ["x"]}
    result = await make(tooling.toolbox, alice, schema=large, rows=20)
    assert 1 <= len(result["preview"]) < 10
    assert len(encode(result)) < LARGEST / 2


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("arguments.schema", {"schema": {"properties": {"a": {"type": "odd"}}}}),
        ("arguments.schema", {"schema": {"type": "string"}}),
        ("arguments.name", {"name": "../../etc/passwd"}),
        ("arguments.name", {"name": ""}),
        ("arguments.format", {"format": "xlsx"}),
        ("arguments.seed", {"seed": 2**63}),
    ],
)
async def test_what_does_not_fit_is_refused_by_its_argument_and_nothing_is_kept(
    tooling: Tooling, alice: UserId, field: str, arguments: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput) as caught:
        await make(tooling.toolbox, alice, **arguments)
    assert caught.value.extra["field"] == field
    assert await tooling.artifacts.list(alice, None, 10) == []


async def test_a_schema_that_cannot_be_filled_names_the_place(tooling: Tooling, alice: UserId) -> None:
    with pytest.raises(SchemaRefused) as caught:
        await make(tooling.toolbox, alice, schema={"properties": {"a": {"minimum": 2, "maximum": 1}}})
    assert caught.value.extra["place"] == "#/properties/a"


async def test_a_file_that_would_be_too_large_or_finds_no_room_is_refused(
    tooling: Tooling, streams: Streams, alice: UserId, monkeypatch: pytest.MonkeyPatch
) -> None:
    cramped = equip(streams, SystemClock(), [], production=False, artifact_room=100)
    with pytest.raises(ArtifactsFull):
        await make(cramped.toolbox, alice)
    monkeypatch.setattr(synthetic, "LARGEST_ARTIFACT", 100)
    with pytest.raises(ArtifactTooLarge):
        await make(tooling.toolbox, alice)
    assert await tooling.artifacts.list(alice, None, 10) == []


async def test_without_the_flag_nobody_makes_data(tooling: Tooling, database: Database, alice: UserId) -> None:
    await give(database, alice, "pro")
    with pytest.raises(PermissionDenied):
        await make(tooling.toolbox, alice)


def test_the_arguments_are_described_under_their_own_names(database: Database) -> None:
    (tool,) = synthetic.synthetic_tools(Artifacts(database))
    assert list(tool.schema["properties"]) == ["schema", "rows", "seed", "format", "name"]
    assert tool.schema["required"] == ["schema"]
