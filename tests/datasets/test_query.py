import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import duckdb
import pytest

from netra.datasets.importer import import_file
from netra.datasets.query import DatasetGone, DatasetQuery, open_query
from netra.ids import DatasetId, new_uuid
from tests.datasets.test_engine import ENDLESS


@pytest.fixture
async def rows(tmp_path: Path) -> Path:
    source = tmp_path / "source"
    source.write_text("input_tokens,output_tokens,user\n1,10,a\n2,20,b\n3,30,b\n")
    await import_file(source, tmp_path / "rows.parquet")
    return tmp_path / "rows.parquet"


@pytest.fixture
async def query(rows: Path) -> AsyncIterator[DatasetQuery]:
    async with open_query(DatasetId(new_uuid()), rows) as query:
        yield query


async def test_the_rows_are_the_view_usage(query: DatasetQuery) -> None:
    found = await query.fetch('SELECT line, input_tokens FROM usage WHERE "user" = $user ORDER BY line', user="b")
    assert found == [(3, 2), (4, 3)]


async def test_one_row_is_asked_for_and_one_must_come(query: DatasetQuery) -> None:
    assert await query.fetch_one("SELECT sum(output_tokens) FROM usage") == (60,)
    with pytest.raises(ValueError, match="too many"):
        await query.fetch_one("SELECT * FROM usage")


async def test_the_original_beside_the_rows_cannot_be_read(query: DatasetQuery, rows: Path) -> None:
    with pytest.raises(duckdb.PermissionException):
        await query.fetch("SELECT * FROM read_text($path)", path=str(rows.with_name("source")))


async def test_a_dataset_that_is_deleted_meanwhile_is_not_found(query: DatasetQuery, rows: Path) -> None:
    await asyncio.to_thread(rows.unlink)
    with pytest.raises(DatasetGone):
        await query.fetch("SELECT sum(input_tokens) FROM usage")
    with pytest.raises(DatasetGone):
        async with open_query(query.dataset_id, rows):
            pass


async def test_a_cancelled_query_stops(query: DatasetQuery) -> None:
    async with asyncio.timeout(30):
        task = asyncio.create_task(query.fetch(ENDLESS))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await query.fetch_one("SELECT count(*) FROM usage") == (3,)
