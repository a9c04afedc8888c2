"""DuckDB for other people's files: bounded in memory, shut in, and never on the event loop.

A connection is used for one import or one run, by one caller, and is gone afterwards with everything it spilled.
Before the first statement that touches a file it loses the right to reach any other file, the network and its own settings,
so a mistake further up cannot become somebody else's data.
"""

import errno
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Literal, Protocol, TypeVar

import duckdb

from netra.datasets.offload import in_thread

Result = TypeVar("Result")

MEMORY: Final = "512MB"
"""What one connection may hold before it spills to disk."""


class ConnectionSource(Protocol):
    """Where connections come from that nobody has used; see `netra.datasets.pool`."""

    def take(self) -> duckdb.DuckDBPyConnection:
        """One of them. Blocks."""
        ...

    def replace(self) -> None:
        """Be told that one is taken. Called on the event loop."""
        ...


# What shows that a connection is somebody's, or was. The last two cannot be undone, not even by ourselves, and an engine sets
# them before the first statement of whoever uses it: what lacks them has never been used. To look for tables, views, functions
# as well was measured to take longer than making a connection.
TRACES: Final = """
SELECT
    len(current_setting('allowed_paths')) > 0 AS allowed_paths,
    len(current_setting('allowed_directories')) > 0 AS allowed_directories,
    current_setting('temp_directory') <> '' AS temp_directory,
    NOT current_setting('enable_external_access') AS enable_external_access,
    current_setting('lock_configuration') AS lock_configuration
"""


def blank_connection() -> duckdb.DuckDBPyConnection:
    """A connection to an empty database in memory, which is nobody's yet and may still be shut in. Blocks."""
    connection = duckdb.connect(
        config={
            # One thread a connection: the imports measured are no faster with two, and a run leaves the other core.
            "threads": "1",
            # Eight more for reading from afar would stand beside each: files are here, and twenty connections wait ready.
            "async_threads": "0",
            "temp_directory": "",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "allow_community_extensions": "false",
        }
    )
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def traces_in(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """What shows that a connection is not as `blank_connection` made it; empty when nothing does. Blocks."""
    found = connection.execute(TRACES)
    names = [column for column, *_ in found.description]
    (values,) = found.fetchall()
    return [name for name, there in zip(names, values, strict=True) if there]


class Engine:
    """One DuckDB connection, driven from the event loop by one caller at a time."""

    def __init__(self, allowed: Path, kind: Literal["folder", "file"], memory: str, pool: ConnectionSource | None) -> None:
        self._allowed = allowed
        self._kind = kind
        self._memory = memory
        self._pool = pool
        self._spill: tempfile.TemporaryDirectory[str] | None = None
        self._connection: duckdb.DuckDBPyConnection | None = None

    async def run(self, work: Callable[[duckdb.DuckDBPyConnection], Result]) -> Result:
        """Return `work(connection)`, done in a thread; a cancellation interrupts the statement that is running.

        Raises `OSError` when what does not fit into memory does not fit on the disk either.
        """
        connection = self._connection
        assert connection is not None, "an engine runs inside `open_engine`"
        try:
            return await in_thread(work, connection, interrupt=connection.interrupt)
        except duckdb.OutOfMemoryException as error:
            # DuckDB spills into nine tenths of what was free when it began, and has no error of its own for their end.
            if "limit was set by the 'max_temp_directory_size'" in str(error):
                raise OSError(errno.ENOSPC, "no room to spill") from error
            raise

    def connect(self) -> None:
        """Open the connection and lock it. Blocks; `open_engine` calls it in a thread."""
        # Beside the data where that is ours: a system's folder for temporary files may be memory itself.
        beside = self._allowed if self._kind == "folder" else None
        self._spill = tempfile.TemporaryDirectory(prefix="netra-duckdb-", dir=beside)
        self._connection = connection = self._pool.take() if self._pool is not None else blank_connection()
        connection.execute(f"SET temp_directory = {_literal(self._spill.name)}")
        connection.execute(f"SET memory_limit = {_literal(self._memory)}")
        # Settings take no parameters; the path is Netra's own all the same.
        if self._kind == "folder":
            connection.execute(f"SET allowed_directories = [{_literal(f'{self._allowed}/')}]")
        else:
            connection.execute(f"SET allowed_paths = [{_literal(str(self._allowed))}]")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")

    def close(self) -> None:
        """Close the connection and remove what it spilled. Blocks; also right after a `connect` that failed half-way."""
        if self._connection is not None:
            self._connection.close()
        if self._spill is not None:
            self._spill.cleanup()


@asynccontextmanager
async def open_engine(
    allowed: Path, kind: Literal["folder", "file"], *, memory: str = MEMORY, pool: ConnectionSource | None = None
) -> AsyncIterator[Engine]:
    """A connection to an empty in-memory database that reaches the folder, or the one file, `allowed`, and nothing else.

    It comes out of `pool`, or is made.
    """
    engine = Engine(allowed, kind, memory, pool)
    try:
        await in_thread(engine.connect)
        if pool is not None:
            pool.replace()
        yield engine
    finally:
        await in_thread(engine.close)


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
