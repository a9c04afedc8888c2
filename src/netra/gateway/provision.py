"""The database that a server is given: somebody's PostgreSQL, or one that is started here, brought up to date or refused."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy.exc import ProgrammingError

from netra.db import roles
from netra.db.embedded import EmbeddedPostgres
from netra.db.migrate import SchemaBehind, SchemaVersion, migrate, read_version
from netra.db.scope import DatabaseUnreachable


@asynccontextmanager
async def provisioned(url: str | None, data_dir: Path, *, migrates: bool | None) -> AsyncIterator[str]:
    """Yield the URL of a database that fits this version of Netra: the one at `url`, or an embedded one in `data_dir`.

    `migrates`: whether it may be brought up to date here; None: only the embedded one, which is nobody else's.
    """
    if url is None:
        async with embedded(data_dir, migrates=migrates is not False) as own:
            yield own
        return
    if migrates:
        await asyncio.to_thread(migrate, url)
    else:
        await require_current(url)
    yield url


@asynccontextmanager
async def embedded(data_dir: Path, *, migrates: bool = True) -> AsyncIterator[str]:
    """Run the embedded PostgreSQL for the length of the block; yield the URL to serve with.

    Raises `EmbeddedFailed`, or `SchemaBehind` when it is behind and may not be brought up to date.
    """
    server = EmbeddedPostgres(data_dir)
    await asyncio.to_thread(server.start)
    try:
        if migrates:
            await asyncio.to_thread(migrate, server.owner_url)
        else:
            _refuse_behind(await asyncio.to_thread(read_version, server.owner_url))
        yield server.url(roles.APP)
    finally:
        await asyncio.to_thread(server.stop)


async def require_current(url: str) -> None:
    """Raise `SchemaBehind` unless the database at `url`, which somebody else looks after, fits this version of Netra."""
    try:
        version = await asyncio.to_thread(read_revision, url)
    except DatabaseUnreachable:
        return  # whoever connects next says so, and to whom
    _refuse_behind(version)


def read_revision(url: str) -> SchemaVersion:
    """Read which revision the database is at, as whoever `url` signs in. Raises `DatabaseUnreachable`. Blocking."""
    try:
        # The role that serves users may not read what Alembic keeps; the system role, which it can become, may.
        return read_version(_as_system(url))
    except DatabaseUnreachable as unreachable:
        # There is no such role where nothing was ever applied.
        try:
            return read_version(url)
        except ProgrammingError as error:
            # Something was, and this role may not read what: the database was away for a moment, no more.
            raise unreachable from error


def _as_system(url: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}options=-c%20role%3D{roles.SYSTEM}"


def _refuse_behind(version: SchemaVersion) -> None:
    if version.behind:
        where = f"at revision {version.current}" if version.current else "empty"
        raise SchemaBehind(
            f"The database is {where}, and this version of Netra needs {version.latest}. "
            "Run: netra migrate --database-url postgresql://OWNER@HOST/DATABASE"
        )
