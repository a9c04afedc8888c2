"""The file as it was uploaded, row for row the one that was imported."""

import asyncio
import csv
import io
import json
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import duckdb
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from netra.datasets import text as clean_text
from netra.datasets.importer import import_file
from netra.datasets.original import OriginalQuery, open_original
from netra.datasets.query import DatasetGone
from netra.ids import DatasetId, new_uuid
from tests.datasets.test_engine import ENDLESS

EXAMPLES = settings(max_examples=40, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))


@asynccontextmanager
async def opened(content: bytes, *wanted: str) -> AsyncIterator[OriginalQuery]:
    """Import the content, then open it for the wanted columns."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "original"), Path(folder, "rows")
        await asyncio.to_thread(source.write_bytes, content)
        imported = await import_file(source, target)

        def pick(columns: Sequence[str]) -> list[str]:
            return [name for name in wanted if name in columns]

        dataset_id = DatasetId(new_uuid())
        async with open_original(dataset_id, source, imported.format, imported.mapping.sources, pick) as query:
            yield query


def names_within(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*")}


TEXT = st.text(alphabet='ab",;\t|\n é🙂', max_size=12)
ROWS = st.lists(st.tuples(st.integers(0, 1000), TEXT, TEXT), min_size=1, max_size=30)


@EXAMPLES
@given(rows=ROWS, as_json=st.booleans(), cut=st.booleans())
def test_a_picked_column_comes_back_as_it_was_written(rows: list[tuple[int, str, str]], as_json: bool, cut: bool) -> None:
    if as_json:
        objects = [{"usage": {"input_tokens": i, "output_tokens": 1}, "prompt": p, "deep": {"system": s}} for i, p, s in rows]
        content = "\n".join(json.dumps(each, ensure_ascii=False) for each in objects)
        system = "deep.system"
    else:
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(["input_tokens", "output_tokens", "prompt", "system"])
        writer.writerows([i, 1, p, s] for i, p, s in rows)
        content, system = text.getvalue(), "system"

    async def read() -> list[tuple[int, list[str]]]:
        async with opened(content.encode(), system, "prompt") as query:
            assert query.texts == (system, "prompt")
            return [(i, texts) for i, texts in await query.fetch("SELECT input_tokens, texts FROM original ORDER BY line")]

    with pytest.MonkeyPatch.context() as patch:
        if cut:
            patch.setattr(clean_text, "CHUNK", 17)
            patch.setattr(clean_text, "PIECE", 250)
        found = asyncio.run(read())
    assert [i for i, _ in found] == [i for i, *_ in rows]
    assert [texts for _, texts in found] == [[s, p] for _, p, s in rows]


async def test_rows_that_the_import_refused_are_not_there() -> None:
    content = b"input_tokens,output_tokens,prompt\n1,1,a\nx,1,b\n2,1,c\n"
    async with opened(content, "prompt") as query:
        assert await query.fetch("SELECT line, texts FROM original ORDER BY line") == [(2, ["a"]), (4, ["c"])]


async def test_a_mapping_that_leaves_a_column_empty_leaves_it_so(tmp_path: Path) -> None:
    source, target = tmp_path / "original", tmp_path / "rows"
    await asyncio.to_thread(source.write_bytes, b"timestamp,in,output_tokens,prompt\n2026-01-01,5,1,a\n")
    imported = await import_file(source, target, mapping={"input_tokens": "in", "at": None})
    mapping = imported.mapping.sources
    async with open_original(DatasetId(new_uuid()), source, "csv", mapping, lambda columns: ["prompt"]) as query:
        assert await query.fetch_one('SELECT "at", input_tokens, texts FROM original') == (None, 5, ["a"])


async def test_a_file_without_what_is_wanted_says_what_it_has_and_reads_no_row() -> None:
    async with opened(b'{"input_tokens": 1, "output_tokens": 2, "a": {"b": 3}}', "prompt") as query:
        assert query.columns == ("input_tokens", "output_tokens", "a", "a.b")
        assert query.texts == ()
        with pytest.raises(duckdb.CatalogException):
            await query.fetch("SELECT * FROM original")


async def test_a_nested_value_comes_as_its_json() -> None:
    content = b'{"input_tokens": 1, "output_tokens": 2, "messages": [{"role": "user", "content": "hi"}], "none": null}'
    async with opened(content, "messages", "none") as query:
        ((text, nothing),) = await query.fetch_one("SELECT texts FROM original")
    assert json.loads(text) == [{"role": "user", "content": "hi"}]
    assert nothing is None


async def test_the_connection_reaches_neither_the_file_nor_the_rest_of_the_disk(tmp_path: Path) -> None:
    source = tmp_path / "original"
    await asyncio.to_thread(source.write_bytes, b"input_tokens,output_tokens,prompt\n1,1,a\n")
    async with open_original(
        DatasetId(new_uuid()),
        source,
        "csv",
        {"input_tokens": "input_tokens", "output_tokens": "output_tokens"},
        lambda columns: ["prompt"],
    ) as query:
        for path in (str(source), "/etc/hosts"):
            with pytest.raises(duckdb.PermissionException):
                await query.fetch("SELECT * FROM read_text($path)", path=path)


async def test_nothing_of_the_scratch_folder_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    async with opened(b"input_tokens,output_tokens,prompt\n1,1,a\n", "prompt"):
        assert "rows-0" in await asyncio.to_thread(names_within, tmp_path)
    assert await asyncio.to_thread(names_within, tmp_path) == set()


async def test_wherever_opening_is_cancelled_nothing_of_the_scratch_folder_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, temporary = tmp_path / "original", tmp_path / "temporary"
    await asyncio.to_thread(source.write_bytes, b"input_tokens,output_tokens,prompt\n1,1,a\n")
    await asyncio.to_thread(temporary.mkdir)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    mapping = {"input_tokens": "input_tokens", "output_tokens": "output_tokens"}

    async def opening() -> None:
        async with open_original(DatasetId(new_uuid()), source, "csv", mapping, lambda columns: columns):
            pass

    turns, ended = 1, None
    async with asyncio.timeout(60):
        # Each time half as late again, until it is open before anybody cancels it.
        while turns == 1 or isinstance(ended, asyncio.CancelledError):
            task = asyncio.create_task(opening())
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            (ended,) = await asyncio.gather(task, return_exceptions=True)
            assert await asyncio.to_thread(names_within, temporary) == set()
            turns = turns * 3 // 2 + 1
    assert ended is None


async def test_a_file_that_is_deleted_meanwhile_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(DatasetGone):
        async with open_original(DatasetId(new_uuid()), tmp_path / "original", "csv", {}, lambda columns: columns):
            pass


async def test_a_cancelled_query_stops() -> None:
    async with asyncio.timeout(30), opened(b"input_tokens,output_tokens,prompt\n1,1,a\n", "prompt") as query:
        task = asyncio.create_task(query.fetch(ENDLESS))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await query.fetch_one("SELECT count(*) FROM original") == (1,)
