"""DuckDB for other people's files: bounded in memory, shut in one folder, and never on the event loop.

A connection lives for one import or one run, is held by one caller, and is gone afterwards with everything it spilled.
Before the first statement that touches a file it loses the right to reach any other file, the network and its own settings,
so a mistake further up cannot become somebody else's data.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, TypeVar

import duckdb

Result = TypeVar("Result")

MEMORY: Final = "512MB"
"""What one connection may hold before it spills to disk. The importer needs 150 MB, whatever the size of the file."""

# How often a cancelled statement is told to stop. Once is not enough: an interrupt that arrives in the instant before the
# thread has begun its statement is lost.
INTERRUPT_EVERY: Final = 0.02


class Engine:
    """One DuckDB connection, driven from the event loop by one caller at a time."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    async def run(self, work: Callable[[duckdb.DuckDBPyConnection], Result]) -> Result:
        """Return `work(connection)`, done in a thread.

        On cancellation the running statement is interrupted and the thread waited for, because a connection that is still
        in use cannot be closed; then the cancellation goes on.
        """
        thread = asyncio.ensure_future(asyncio.to_thread(work, self._connection))
        try:
            return await asyncio.shield(thread)
        except asyncio.CancelledError:
            while not thread.done():
                self._connection.interrupt()
                try:
                    await asyncio.wait([thread], timeout=INTERRUPT_EVERY)
                except asyncio.CancelledError:
                    continue  # a second cancellation; the first one is still being obeyed
            if not thread.cancelled():
                thread.exception()  # seen: an interrupted statement fails, and that is what was wanted
            raise


@asynccontextmanager
async def open_engine(allowed: Path, *, memory: str = MEMORY) -> AsyncIterator[Engine]:
    """A connection to an empty in-memory database that may touch the files of the folder `allowed`, and no others."""
    with_spill = await asyncio.to_thread(tempfile.TemporaryDirectory, prefix="netra-duckdb-")
    try:
        connection = await asyncio.to_thread(_connect, allowed, with_spill.name, memory)
        try:
            yield Engine(connection)
        finally:
            await asyncio.to_thread(connection.close)
    finally:
        await asyncio.to_thread(with_spill.cleanup)


def _connect(allowed: Path, spill: str, memory: str) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(
        config={
            "memory_limit": memory,
            # One thread a connection: the imports measured are no faster with two, and one user's run leaves the other core.
            "threads": "1",
            "temp_directory": spill,
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "allow_community_extensions": "false",
        }
    )
    connection.execute("SET TimeZone = 'UTC'")
    folder = f"{allowed}/".replace("'", "''")  # settings take no parameters; the path is Netra's own all the same
    connection.execute(f"SET allowed_directories = ['{folder}']")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection
