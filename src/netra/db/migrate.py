"""Bring a database up to date, or say how far behind it is. Blocking: run it outside the event loop.

Alembic is imported only when something is to be applied: a server that starts on a database of its own version, as nearly all
do, has no use for it.
"""

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.pool import NullPool

from netra.db.scope import DatabaseUnreachable
from netra.errors import NetraError

MIGRATIONS: Final = Path(__file__).parent / "migrations"

_ALEMBIC: Final = threading.Lock()  # its context is one for the whole process


class SchemaBehind(NetraError):
    """The database is behind this version of Netra. Run `netra migrate`."""

    code, status = "schema_behind", 503


@dataclass(frozen=True, slots=True)
class SchemaVersion:
    """Where a database stands: `current` (None when empty) against `latest`, both revision names."""

    current: str | None
    latest: str

    @property
    def behind(self) -> bool:
        return self.current != self.latest


def read_version(url: str) -> SchemaVersion:
    """Read which revision the database at `url` is at. Raises `DatabaseUnreachable`."""
    try:
        with _connect(url) as connection:
            return _version(connection)
    except OperationalError as error:
        raise DatabaseUnreachable(f"the database went away ({type(error.orig).__name__}).") from error


def migrate(url: str) -> SchemaVersion:
    """Apply what is missing, all of it or nothing, as the role in `url` (the owner). Returns where it stands afterwards."""
    with _ALEMBIC, _connect(url) as connection, connection.begin():
        # Two servers that start at once both want to migrate: the second waits here and then finds nothing to do.
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('netra migrate'))")
        version = _version(connection)
        if version.behind:
            _upgrade(connection)
            version = _version(connection)
        return version


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _version(connection: Connection) -> SchemaVersion:
    # Revisions are one line of descent, each named by its number, with which its file begins as well.
    latest = max((path.name[:4] for path in (MIGRATIONS / "versions").glob("[0-9]*.py")), default=None)
    if latest is None:
        raise SchemaBehind("this installation of Netra ships without its migrations.")
    applied = connection.scalar(text("SELECT to_regclass('alembic_version') IS NOT NULL"))
    return SchemaVersion(connection.scalar(text("SELECT version_num FROM alembic_version")) if applied else None, latest)


def _connect(url: str) -> Connection:
    if not url.startswith(("postgresql://", "postgres://")):
        raise DatabaseUnreachable("the database URL must begin with postgresql://")
    # The driver reads the URL, as it does for the server: SQLAlchemy reads some of them differently.
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(url, connect_timeout=5), poolclass=NullPool)
    try:
        return engine.connect()
    except OperationalError as error:
        raise DatabaseUnreachable(f"the database does not answer ({type(error.orig).__name__}).") from error
    except ProgrammingError:
        # The driver quotes the part that it cannot read, which may be the password.
        raise DatabaseUnreachable("the database URL cannot be read.") from None
