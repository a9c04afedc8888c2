"""The embedded PostgreSQL, as real processes meet it: shared, killed, in odd folders, as root and as anybody else."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

import netra
from netra.db.embedded import EmbeddedFailed, EmbeddedPostgres

FAST = "fsync = off\nshared_buffers = 16MB\n"

HOLDER = """
import sys
from pathlib import Path
from netra.db.embedded import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]), "fsync = off\\nshared_buffers = 16MB\\n")
server.start()
print(server.url("postgres"), flush=True)
sys.stdin.readline()
server.stop()
print("stopped", flush=True)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path that anybody may reach."""
    with tempfile.TemporaryDirectory(prefix="netra-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)
        for process in servers_in(Path(name)):
            process.kill()
            process.wait(10)


def servers_in(folder: Path) -> list[psutil.Process]:
    """The postmasters that run on a folder below this one."""
    found = []
    for process in psutil.process_iter(["name", "cmdline"]):
        command = process.info["cmdline"] or []
        if process.info["name"] == "postgres" and "-D" in command and str(folder) in " ".join(command):
            found.append(process)
    return found


def ask(url: str) -> str:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT current_user || ' ' || current_database()").fetchone()
    assert row is not None
    return str(row[0])


class Holder:
    """Another process that uses a data folder until it is told to let go."""

    def __init__(self, folder: Path, **options: object) -> None:
        python = options.pop("python", sys.executable)
        self.process = subprocess.Popen(
            [str(python), "-c", HOLDER, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,  # type: ignore[call-overload]
        )
        self.url = self.process.stdout.readline().strip()

    def let_go(self) -> str:
        out, err = self.process.communicate("\n", timeout=60)
        return str(out) + str(err)

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=60)


# Starting and stopping -------------------------------------------------------------------------------------------------------


def test_it_starts_in_a_new_folder_answers_as_anybody_and_its_process_ends_with_it(folder: Path) -> None:
    server = EmbeddedPostgres(folder / "data", FAST)
    server.start()
    assert ask(server.owner_url) == "postgres netra"
    assert ask(server.url("postgres", "postgres")) == "postgres postgres"
    assert len(servers_in(folder)) == 1
    server.stop()
    assert servers_in(folder) == []
    server.stop()


def test_what_was_written_is_there_after_a_stop_and_a_start(folder: Path) -> None:
    server = EmbeddedPostgres(folder, FAST)
    for made in (True, False):
        server.start()
        with psycopg.connect(server.owner_url, autocommit=True) as connection:
            if made:
                connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
            assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
        server.stop()


def test_nobody_but_its_owner_can_open_its_socket_and_it_listens_on_no_port(folder: Path) -> None:
    server = EmbeddedPostgres(folder, FAST)
    server.start()
    try:
        with psycopg.connect(server.owner_url) as connection:
            shown = connection.execute(
                "SELECT current_setting('listen_addresses'), current_setting('unix_socket_permissions'),"
                " current_setting('unix_socket_directories')"
            ).fetchone()
        assert shown is not None
        assert shown[:2] == ("", "0700")
        [postmaster] = servers_in(folder)
        assert [item for item in postmaster.net_connections("inet") if item.status == psutil.CONN_LISTEN] == []
        [socket] = (folder / "postgres").glob(".s.PGSQL.*[0-9]")
        assert socket.stat().st_mode & 0o077 == 0
    finally:
        server.stop()


def test_it_answers_at_its_version_and_with_its_configuration(folder: Path) -> None:
    server = EmbeddedPostgres(folder, FAST)
    server.start()
    try:
        with psycopg.connect(server.owner_url) as connection:
            assert connection.info.server_version >= 150000
            row = connection.execute("SELECT current_setting('max_connections'), current_setting('fsync')").fetchone()
        assert row == ("200", "off")
    finally:
        server.stop()


# Sharing ---------------------------------------------------------------------------------------------------------------------


def test_two_processes_share_it_and_the_last_one_stops_it(folder: Path) -> None:
    first = Holder(folder)
    second = Holder(folder)
    assert first.url == second.url
    assert len(servers_in(folder)) == 1
    assert "stopped" in first.let_go()
    assert ask(second.url) == "postgres netra"
    assert "stopped" in second.let_go()
    assert servers_in(folder) == []


def test_processes_that_come_and_go_all_the_time_neither_hang_nor_leave_it_running(folder: Path) -> None:
    for _ in range(3):
        holders = [Holder(folder) for _ in range(2)]
        for holder in holders:
            assert ask(holder.url) == "postgres netra"
        # All at once: those who stop wait for nobody who starts.
        for holder in holders:
            holder.process.stdin.write("\n")
            holder.process.stdin.flush()
        newcomer = Holder(folder)
        assert ask(newcomer.url) == "postgres netra"
        for holder in holders:
            assert holder.process.wait(60) == 0
            holder.process.communicate()
        newcomer.let_go()
        assert servers_in(folder) == []


def test_a_killed_holder_leaves_it_running_and_the_next_start_finds_it(folder: Path) -> None:
    holder = Holder(folder)
    [before] = servers_in(folder)
    holder.kill()
    assert [process.pid for process in servers_in(folder)] == [before.pid]
    following = Holder(folder)
    assert ask(following.url) == "postgres netra"
    assert [process.pid for process in servers_in(folder)] == [before.pid]
    following.let_go()
    assert servers_in(folder) == []


# What a crash leaves behind --------------------------------------------------------------------------------------------------


def crash(folder: Path) -> str:
    """Start a server, kill it as a power cut would, and return the pid file that it leaves."""
    server = EmbeddedPostgres(folder, FAST)
    server.start()
    text = (folder / "postgres" / "postmaster.pid").read_text()
    [postmaster] = servers_in(folder)
    children = postmaster.children(recursive=True)
    postmaster.send_signal(signal.SIGKILL)
    psutil.wait_procs([postmaster, *children], timeout=20)
    os.close(server._users or 0)
    server._users = None
    return text


def pid_file(text: str, pid: int) -> str:
    return str(pid) + text[text.index("\n") :]


@pytest.mark.parametrize("left", ["dead", "other program", "other postgres", "empty", "half"])
def test_a_pid_file_of_a_server_that_is_gone_does_not_keep_the_next_from_starting(folder: Path, left: str) -> None:
    other = EmbeddedPostgres(folder / "other", FAST)
    if left == "other postgres":
        other.start()
    text = crash(folder / "data")
    file = folder / "data" / "postgres" / "postmaster.pid"
    match left:
        case "other program":
            file.write_text(pid_file(text, os.getpid()))
        case "other postgres":
            [neighbour] = servers_in(folder / "other")
            file.write_text(pid_file(text, neighbour.pid))
        case "empty":
            file.write_text("")
        case "half":
            file.write_text(text.splitlines()[0] + "\n")
    server = EmbeddedPostgres(folder / "data", FAST)
    server.start()
    assert ask(server.owner_url) == "postgres netra"
    server.stop()
    if left == "other postgres":
        assert ask(other.owner_url) == "postgres netra"
        other.stop()


def test_an_initialisation_that_was_killed_half_way_is_done_again(folder: Path) -> None:
    whole = EmbeddedPostgres(folder / "whole", FAST)
    whole.start()
    whole.stop()
    # What initdb leaves when it is killed: a version, some folders, no catalogue.
    half = folder / "half" / "postgres.new"
    (half / "global").mkdir(parents=True)
    shutil.copy(folder / "whole" / "postgres" / "PG_VERSION", half)
    server = EmbeddedPostgres(folder / "half", FAST)
    server.start()
    assert ask(server.owner_url) == "postgres netra"
    server.stop()


# Odd folders -----------------------------------------------------------------------------------------------------------------


def test_a_folder_may_be_called_whatever_it_likes(folder: Path) -> None:
    data = folder / "plain"
    for name in ("plain", "with a space", "50%20off", "a&b=c?d#e", "o'clock", "(a);b|c<d>*", "comma,comma", "émoji ☃"):
        if data.exists():
            data.rename(folder / name)  # a folder that was initialised once runs wherever it is moved
        data = folder / name
        server = EmbeddedPostgres(data, FAST)
        server.start()
        assert ask(server.owner_url) == "postgres netra", name
        assert ask(server.url("postgres", "template1")) == "postgres template1", name
        server.stop()
        assert servers_in(folder) == [], name


@pytest.mark.parametrize("name", ['say "so"', "$(touch injected)", "`touch injected`", "back\\slash", "two\nlines"])
def test_a_folder_that_a_shell_would_read_as_something_else_is_refused_in_words(folder: Path, name: str) -> None:
    with pytest.raises(EmbeddedFailed, match="Choose another with --data-dir"):
        EmbeddedPostgres(folder / name, FAST).start()
    assert list(folder.iterdir()) == []


def test_a_path_that_is_too_long_for_a_socket_works_all_the_same(folder: Path) -> None:
    deep = folder.joinpath(*["a-rather-long-name-for-a-folder"] * 5)
    deep.mkdir(parents=True)
    server = EmbeddedPostgres(deep, FAST)
    server.start()
    try:
        assert ask(server.owner_url) == "postgres netra"
        with psycopg.connect(server.owner_url) as connection:
            row = connection.execute("SELECT current_setting('unix_socket_directories')").fetchone()
        assert row is not None
        assert Path(row[0].strip('"')).stat().st_mode & 0o077 == 0
    finally:
        server.stop()


def test_a_relative_folder_is_meant_from_where_it_was_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    server = EmbeddedPostgres(Path("data"), FAST)
    monkeypatch.chdir("/")
    server.start()
    try:
        assert ask(server.owner_url) == "postgres netra"
        assert (folder / "data" / "postgres" / "PG_VERSION").exists()
    finally:
        server.stop()


def test_a_folder_that_is_a_file_is_refused_in_words(folder: Path) -> None:
    (folder / "data").write_text("")
    with pytest.raises(EmbeddedFailed, match="data"):
        EmbeddedPostgres(folder / "data", FAST).start()


def test_data_of_another_version_is_refused_in_words(folder: Path) -> None:
    (folder / "postgres").mkdir()
    (folder / "postgres" / "PG_VERSION").write_text("9\n")
    with pytest.raises(EmbeddedFailed, match="version 9"):
        EmbeddedPostgres(folder, FAST).start()


def test_a_configuration_that_postgresql_refuses_is_told_with_its_own_words_and_can_be_mended(folder: Path) -> None:
    server = EmbeddedPostgres(folder, FAST + "nonsense = on\n")
    with pytest.raises(EmbeddedFailed, match="nonsense"):
        server.start()
    assert servers_in(folder) == []
    mended = EmbeddedPostgres(folder, FAST)
    mended.start()
    mended.stop()
    assert servers_in(folder) == []


def test_a_start_that_fails_after_the_server_runs_leaves_nothing_running(folder: Path) -> None:
    # Nobody may sign in, so that not even the database can be made.
    server = EmbeddedPostgres(folder, FAST)
    server.start()
    server.stop()
    (folder / "postgres" / "pg_hba.conf").write_text("local all all reject\n")
    with pytest.raises(EmbeddedFailed, match="reject"):
        server.start()
    assert servers_in(folder) == []


# As root and as anybody ------------------------------------------------------------------------------------------------------


def test_the_server_never_runs_as_root(folder: Path) -> None:
    server = EmbeddedPostgres(folder, FAST)
    server.start()
    try:
        [postmaster] = servers_in(folder)
        assert postmaster.uids().real != 0
        if os.geteuid() != 0:
            assert postmaster.uids().real == os.geteuid()
    finally:
        server.stop()


@pytest.fixture
def somebody(folder: Path) -> dict[str, Any]:
    """How to start a process as a plain user, with a Python and a copy of Netra that this user can read."""
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else; the tests above have run as a plain user")
    entry = pwd.getpwnam("nobody")
    options: dict[str, Any] = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": [], "cwd": "/"}
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    paths = [sysconfig.get_path("purelib"), str(Path(netra.__file__).parents[1])]
    environment = {"PYTHONPATH": os.pathsep.join(paths), "PATH": os.defpath, "HOME": str(folder / "home")}
    for python in (sys.executable, f"/usr/bin/python{version}", f"/usr/local/bin/python{version}"):
        try:
            subprocess.run([python, "-c", "import netra.db.embedded"], check=True, env=environment, **options)
        except (OSError, subprocess.CalledProcessError):
            continue
        break
    else:
        pytest.skip(f"no Python {version} here that a plain user can run, with Netra where they can read it")
    home = folder / "home"
    home.mkdir(mode=0o700)
    os.chown(home, entry.pw_uid, entry.pw_gid)
    return {**options, "python": python, "env": environment}


def test_a_plain_user_starts_and_stops_it_as_themselves_beside_roots(folder: Path, somebody: dict[str, Any]) -> None:
    root = EmbeddedPostgres(folder / "root", FAST)
    root.start()
    try:
        holder = Holder(folder / "home" / "data", **somebody)
        [postmaster] = servers_in(folder / "home")
        assert postmaster.uids().real == somebody["user"]
        assert "stopped" in holder.let_go()
        assert servers_in(folder / "home") == []
        assert ask(root.owner_url) == "postgres netra"
    finally:
        root.stop()


def test_a_folder_that_a_plain_user_may_not_write_is_refused_in_words(folder: Path, somebody: dict[str, Any]) -> None:
    holder = Holder(folder / "not theirs", **somebody)
    said = holder.let_go()
    assert "EmbeddedFailed: the embedded PostgreSQL did not start in" in said
    assert "Permission denied" in said
