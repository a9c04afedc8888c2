"""The rows of one dataset, for as long as one run reads them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, LiteralString, TypeVar

import duckdb

from netra.datasets.engine import ConnectionSource, Engine, open_engine
from netra.errors import NotFound
from netra.ids import DatasetId

Result = TypeVar("Result")

LATER_COLUMNS: Final = {
    "cached_input_tokens": "NULL::BIGINT",
    "session": "NULL::VARCHAR",
    "status": "NULL::VARCHAR",
    "requests": "1::BIGINT",
    "prompt": "NULL::UBIGINT",
}
"""What the rows of a dataset lack that was imported before there were these columns, and what then stands there."""


class DatasetGone(NotFound):
    """The dataset was deleted while it was being read."""


class DatasetQuery:
    """SQL over one dataset, whose rows are the view `usage` (the columns are those of `netra.datasets.importer`)."""

    def __init__(self, dataset_id: DatasetId, engine: Engine, rows: Path, turns: asyncio.Semaphore) -> None:
        self.dataset_id = dataset_id
        self._engine = engine
        self._rows = rows
        self._turns = turns

    async def fetch(self, statement: LiteralString, **parameters: Any) -> list[tuple[Any, ...]]:
        """Return every row of `statement`, whose `$name` stand for the parameters.

        A cancellation interrupts the statement. Raises `DatasetGone` when the file has been removed meanwhile.
        """
        return await self._run(lambda connection: connection.execute(statement, parameters or None).fetchall())

    async def fetch_one(self, statement: LiteralString, **parameters: Any) -> tuple[Any, ...]:
        """Return the only row of `statement`."""
        (row,) = await self.fetch(statement, **parameters)
        return row

    async def define(self) -> None:
        """Make the view `usage`."""

        def make(connection: duckdb.DuckDBPyConnection) -> None:
            rows = connection.read_parquet(str(self._rows))
            missing = [f"{value} AS {name}" for name, value in LATER_COLUMNS.items() if name not in rows.columns]
            (rows.project(", ".join(["*", *missing])) if missing else rows).create_view("usage")

        await self._run(make)

    async def _run(self, work: Callable[[duckdb.DuckDBPyConnection], Result]) -> Result:
        def guarded(connection: duckdb.DuckDBPyConnection) -> Result:
            try:
                return work(connection)
            except duckdb.Error as error:
                # DuckDB takes a name without a file for a pattern and then lacks the right to expand it.
                if not self._rows.exists():
                    raise DatasetGone from error
                raise

        async with self._turns:
            return await self._engine.run(guarded)


@asynccontextmanager
async def open_query(
    dataset_id: DatasetId, rows: Path, pool: ConnectionSource | None = None, turns: asyncio.Semaphore | None = None
) -> AsyncIterator[DatasetQuery]:
    """A connection over the canonical Parquet file `rows`, closed with the block. It reaches that file and nothing else.

    `turns` bounds the statements of all that share it; without it, a statement waits for nobody.
    """
    async with open_engine(rows, "file", pool=pool) as engine:
        query = DatasetQuery(dataset_id, engine, rows, turns or asyncio.Semaphore())
        await query.define()
        yield query
