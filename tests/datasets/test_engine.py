"""What a connection may reach, and that it leaves the event loop alone."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import duckdb
import pytest

from netra.datasets.engine import Engine, open_engine

# A statement that ends when it is interrupted, or long after this test suite.
ENDLESS = "SELECT sum(a.range * b.range) FROM range(1000000000) a, range(1000000000) b"


async def run(engine: Engine, statement: str, **parameters: object) -> list[tuple[Any, ...]]:
    return await engine.run(lambda connection: connection.execute(statement, parameters or None).fetchall())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a file, beside a file that is nobody's business, whose path holds what SQL quotes."""
    folder = tmp_path / 'it\'s "here"'
    folder.mkdir()
    (folder / "mine.csv").write_text("a\n1\n")
    (tmp_path / "theirs.csv").write_text("a\n2\n")
    (folder / "link.csv").symlink_to(tmp_path / "theirs.csv")
    return folder


async def test_a_connection_reads_and_writes_in_its_folder(folder: Path) -> None:
    async with open_engine(folder, "folder") as engine:
        assert await run(engine, "SELECT a FROM read_csv($path)", path=str(folder / "mine.csv")) == [(1,)]
        await run(engine, "COPY (SELECT 3 AS a) TO $path (FORMAT csv)", path=str(folder / "new.csv"))
    assert (folder / "new.csv").read_text() == "a\n3\n"


@pytest.mark.parametrize("path", ["../theirs.csv", "link.csv", "/etc/hosts", "http://localhost/a.csv"])
async def test_a_connection_reaches_nothing_else(folder: Path, path: str) -> None:
    async with open_engine(folder, "folder") as engine:
        with pytest.raises(duckdb.PermissionException):
            await run(engine, "SELECT * FROM read_text($path)", path=path if "//" in path else str(folder / path))


@pytest.mark.parametrize(
    "statement",
    [
        "SET enable_external_access = true",
        "SET allowed_directories = ['/']",
        "SET memory_limit = '100GB'",
        "ATTACH '/tmp/other.db'",
        "COPY (SELECT 1) TO '/tmp/netra-should-not-exist.csv'",
        "INSTALL httpfs",
    ],
)
async def test_a_connection_cannot_free_itself(folder: Path, statement: str) -> None:
    async with open_engine(folder, "folder") as engine:
        with pytest.raises((duckdb.PermissionException, duckdb.InvalidInputException)):
            await run(engine, statement)


async def test_a_connection_for_one_file_reads_no_other_of_its_folder(folder: Path) -> None:
    async with open_engine(folder / "mine.csv", "file") as engine:
        assert await run(engine, "SELECT a FROM read_csv($path)", path=str(folder / "mine.csv")) == [(1,)]
        (folder / "new.csv").write_text("a\n1\n")
        with pytest.raises(duckdb.PermissionException):
            await run(engine, "SELECT a FROM read_csv($path)", path=str(folder / "new.csv"))


def spilled(folder: Path) -> list[Path]:
    return list(folder.glob("netra-duckdb-*/**"))


async def test_a_connection_spills_what_it_cannot_hold_and_leaves_nothing_of_it(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside the data where the folder is its own; where it reads one file, in the system's folder for temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "system"))
    (tmp_path / "system").mkdir()
    whole, one = open_engine(folder, "folder", memory="40MB"), open_engine(folder / "mine.csv", "file", memory="40MB")
    for opened, place in ((whole, folder), (one, tmp_path / "system")):
        async with opened as engine:
            await run(engine, "CREATE TABLE big AS SELECT range AS a, md5(range::VARCHAR) AS b FROM range(1000000)")
            assert spilled(place)
            assert await run(engine, "SELECT count(DISTINCT a) FROM big") == [(1_000_000,)]
        assert not spilled(place)


async def test_a_cancelled_statement_stops_and_the_loop_ran_meanwhile(folder: Path) -> None:
    async with asyncio.timeout(30), open_engine(folder, "folder") as engine:
        task = asyncio.create_task(run(engine, ENDLESS))
        for _ in range(100):  # a loop that the statement blocked would never come here
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await run(engine, "SELECT 1") == [(1,)]
