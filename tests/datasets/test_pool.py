"""What the pool lends: nobody has used it, nobody will again, and it is not kept for ever."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import duckdb
import pytest

from netra.datasets.engine import blank_connection, open_engine, traces_in
from netra.datasets.pool import EnginePool
from netra.streams.background import beside
from netra.testing.clock import ManualClock

KEEP = 60.0


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def pool(clock: ManualClock) -> AsyncIterator[EnginePool]:
    pool = EnginePool(clock, size=2, keep=KEEP)
    async with beside(pool=pool.serve()):
        await filled(pool, 2)
        yield pool


async def filled(pool: EnginePool, count: int) -> None:
    async with asyncio.timeout(60):
        while pool.waiting != count:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.01)


async def work_on(pool: EnginePool, folder: Path) -> str:
    """Use one connection as a run does, and return what it saw of an earlier one."""

    def work(connection: duckdb.DuckDBPyConnection) -> str:
        tables, variables = "SELECT list(table_name) FROM duckdb_tables()", "SELECT list(name) FROM duckdb_variables()"
        found = [connection.execute(statement).fetchone() for statement in (tables, variables)]
        seen = f"{traces_in(connection)} {found}"
        connection.execute("CREATE TABLE mark AS SELECT 42 AS mine")
        connection.execute("SET VARIABLE mark = 42")
        return seen

    async with open_engine(folder, "folder", pool=pool) as engine:
        return await engine.run(work)


@pytest.mark.parametrize(
    ("statement", "trace"),
    [
        ("SET allowed_paths = ['/mark']", "allowed_paths"),
        ("SET allowed_directories = ['/mark/']", "allowed_directories"),
        ("SET temp_directory = '/mark'", "temp_directory"),
        ("SET enable_external_access = false", "enable_external_access"),
        ("SET lock_configuration = true", "lock_configuration"),
    ],
)
def test_a_connection_with_a_trace_of_somebody_is_not_lent(statement: str, trace: str, clock: ManualClock) -> None:
    pool = EnginePool(clock, size=1, keep=KEEP)
    used = blank_connection()
    assert traces_in(used) == []
    used.execute(statement)
    assert trace in traces_in(used)
    pool.put(used)
    lent = pool.take()
    assert traces_in(lent) == []
    assert (pool.counts.refused, pool.counts.ready, pool.counts.late) == (1, 0, 1)
    with pytest.raises(duckdb.ConnectionException):
        used.execute("SELECT 1")
    lent.close()


async def test_what_an_engine_has_used_is_known_for_ever(tmp_path: Path) -> None:
    """Whatever a run did, and although it left nothing: the mark of use is one that DuckDB itself refuses to take back."""

    def wash(connection: duckdb.DuckDBPyConnection) -> list[str]:
        for statement in ("SET lock_configuration = false", "SET enable_external_access = true", "RESET temp_directory"):
            with pytest.raises(duckdb.Error):
                connection.execute(statement)
        return traces_in(connection)

    for kind in ("folder", "file"):
        async with open_engine(tmp_path, kind) as engine:
            assert {"enable_external_access", "lock_configuration"} <= set(await engine.run(wash))


async def test_what_is_ready_is_lent_once_and_another_takes_its_place(pool: EnginePool, tmp_path: Path) -> None:
    clean = await work_on(pool, tmp_path)
    await filled(pool, 2)
    assert "lock_configuration" in clean
    first = (pool.counts.ready, pool.counts.late)
    assert first == (1, 0)
    assert await work_on(pool, tmp_path) == clean  # its own folder and limits, and nothing of the one before
    await filled(pool, 2)


async def test_what_nobody_takes_is_closed_and_the_next_one_is_made_when_it_is_needed(
    pool: EnginePool, clock: ManualClock, tmp_path: Path
) -> None:
    while pool.waiting:
        clock.advance(KEEP / 4)
        await asyncio.sleep(0.01)
    await work_on(pool, tmp_path)
    counted = (pool.counts.ready, pool.counts.late)
    assert counted == (0, 1)
    await filled(pool, 1)  # as many as were needed, not as many as at the start


async def test_a_pool_of_none_makes_each_when_it_is_needed(clock: ManualClock, tmp_path: Path) -> None:
    for pool in (EnginePool(clock, size=0, keep=KEEP), EnginePool(clock, size=5, keep=0)):
        async with beside(pool=pool.serve()):
            await work_on(pool, tmp_path)
        counted = (pool.waiting, pool.counts.late)
        assert counted == (0, 1)
