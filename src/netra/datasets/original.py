"""A dataset's file as it was uploaded, for what its canonical columns do not hold: prompts, cached tokens.

The file is read once more by the importer's own rules, so that a row here is a row there: same line, same values. What is
wanted of it is written to a scratch folder, which a connection of its own reaches and nothing else, and which goes with it.
"""

import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, LiteralString

import duckdb

from netra.datasets.engine import ConnectionSource, Engine, open_engine
from netra.datasets.importer import ExtractedColumns, Format, extract_columns
from netra.datasets.offload import in_thread
from netra.datasets.query import DatasetGone
from netra.errors import InvalidInput
from netra.ids import DatasetId, new_uuid


class OriginalQuery:
    """SQL over an original file, whose usable rows are the view `original`: the canonical columns, and the list `texts`.

    Lines are no name for a row, because a document may hold all its records in one: `number` counts the rows, in their order.

    The connection is this query's alone, so a statement may make tables in it.
    """

    def __init__(self, dataset_id: DatasetId, engine: Engine, extracted: ExtractedColumns) -> None:
        self.dataset_id = dataset_id
        self.columns = extracted.columns
        """Every column of the file, nested ones dotted."""
        self.texts = extracted.texts
        """The columns that were picked; the view exists only when there is one."""
        self._engine = engine

    async def fetch(self, statement: LiteralString, **parameters: Any) -> list[tuple[Any, ...]]:
        """Return every row of `statement`, whose `$name` stand for the parameters. A cancellation interrupts it."""
        return await self._engine.run(lambda connection: connection.execute(statement, parameters or None).fetchall())

    async def fetch_one(self, statement: LiteralString, **parameters: Any) -> tuple[Any, ...]:
        """Return the only row of `statement`."""
        (row,) = await self.fetch(statement, **parameters)
        return row


@asynccontextmanager
async def open_original(
    dataset_id: DatasetId,
    source: Path,
    file_format: Format,
    mapping: Mapping[str, str],
    pick: Callable[[Sequence[str]], Sequence[str]],
    pool: ConnectionSource | None = None,
) -> AsyncIterator[OriginalQuery]:
    """The columns that `pick` takes of the file `source`, to query until the block ends.

    `file_format` and `mapping` are those of its import. Raises `DatasetGone` when the file has been removed meanwhile.
    """
    # Named before it is made, so that a cancellation while it is being made leaves nothing behind that nobody knows.
    scratch = await in_thread(lambda: Path(tempfile.gettempdir()).resolve() / f"netra-original-{new_uuid()}")
    try:
        await in_thread(lambda: scratch.mkdir(mode=0o700))
        async with open_engine(scratch, "folder", pool=pool) as engine:

            def work(connection: duckdb.DuckDBPyConnection) -> ExtractedColumns:
                extracted = extract_columns(connection, source, scratch, file_format, mapping, pick)
                if extracted.rows:
                    rows = connection.read_parquet([str(path) for path in extracted.rows])
                    rows.project("*, row_number() OVER () AS number").create_view("original")
                return extracted

            try:
                extracted = await engine.run(work)
            except FileNotFoundError as error:
                raise DatasetGone from error
            except duckdb.OutOfMemoryException as error:
                raise InvalidInput("The file has records too large to read.", field="file") from error
            yield OriginalQuery(dataset_id, engine, extracted)
    finally:
        await in_thread(lambda: shutil.rmtree(scratch, ignore_errors=True))
