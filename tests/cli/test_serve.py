"""`netra serve` as a process: what it says, what it refuses, how it ends."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from pydantic import SecretStr

import netra
from netra.cli.serve import UnknownApplication, load_application, welcome
from netra.env import for_subprocess
from netra.gateway.server import listen
from netra.settings import Settings

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0


class Served:
    """A `netra serve` of this test."""

    def __init__(self, *arguments: str, cwd: Path = ROOT, **environment: str) -> None:
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "netra", "serve", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=cwd,
            env=for_subprocess({"NETRA_ENVIRONMENT": "test", "PYTHONUNBUFFERED": "1", **environment}),
        )
        self.said: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.popen.stdout is not None
        self.said.extend(iter(self.popen.stdout.readline, ""))

    def until(self, words: str) -> str:
        """The line that holds these words, once it was said."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for line in list(self.said):
                if words in line:
                    return line
            if self.popen.poll() is not None and not self._reader.is_alive():
                break
            time.sleep(0.02)
        pytest.fail(f"{words!r} was never said:\n{''.join(self.said)}")

    def url(self) -> str:
        found = re.search(r"http://\S+", self.until("is ready on"))
        assert found is not None
        return found[0]

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the status that it ended with."""
        if self.popen.poll() is None:
            self.popen.send_signal(number)
        try:
            return self.popen.wait(PATIENCE)
        finally:
            if self.popen.poll() is None:
                self.popen.kill()
            self._reader.join(PATIENCE)
            if self.popen.stdout is not None:
                self.popen.stdout.close()


@contextmanager
def served(*arguments: str, **options: object) -> Iterator[Served]:
    process = Served(*arguments, **options)  # type: ignore[arg-type]
    try:
        yield process
    finally:
        process.end()


def get(url: str) -> int:
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        return int(answer.status)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_says_when_it_is_ready_and_ends_cleanly(database_url: str, tmp_path: Path, number: int) -> None:
    with served("--port", "0", "--database-url", database_url, "--data-dir", str(tmp_path)) as server:
        assert get(server.url() + "/health/ready") == 200
        assert server.end(number) == 0
        text = "".join(server.said)
        assert f"Netra {netra.__version__} is ready on http://localhost:" in text
        assert "/docs" in text
        assert "ws://localhost:" in text
        assert "Traceback" not in text
        assert "netra_app" not in text


def test_the_port_that_was_free_is_the_port_of_the_allowed_origin(database_url: str, tmp_path: Path) -> None:
    with served("--port", "0", "--database-url", database_url, "--data-dir", str(tmp_path)) as server:
        url = server.url()
        request = urllib.request.Request(f"{url}/health/live", headers={"Origin": url})
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            assert answer.headers["access-control-allow-origin"] == url


@pytest.mark.parametrize(
    ("arguments", "environment", "words"),
    [
        (["--port", "TAKEN"], {}, "taken by another program"),
        (["--database-url", "postgresql://netra:hunter2@127.0.0.1:1/netra"], {}, "does not answer"),
        (["--database-url", "OWNER"], {}, "Row-level security would not hold users apart"),
        ([], {"NETRA_PROT": "1"}, "did you mean NETRA_PORT?"),
        (["--log-level", "loud"], {}, "--log-level"),
        (["no_such_module:app"], {}, "There is no module no_such_module here."),
        (["json:dumps"], {}, "is no netra.Netra"),
        (["json:nothing"], {}, "json has no nothing."),
    ],
)
def test_what_stops_a_start_is_said_in_words_with_status_1(
    database_url: str,
    owner_url: str,
    tmp_path: Path,
    arguments: list[str],
    environment: dict[str, str],
    words: str,
) -> None:
    with listen("127.0.0.1", 0) as taken:
        stand_ins = {"TAKEN": str(taken.getsockname()[1]), "OWNER": owner_url}
        given = {"--port": "0", "--database-url": database_url, "--data-dir": str(tmp_path)}
        chosen = [stand_ins.get(argument, argument) for argument in arguments]
        defaults = [item for name, value in given.items() if name not in chosen for item in (name, value)]
        server = Served(*chosen, *defaults, cwd=ROOT, **environment)
        assert server.popen.wait(PATIENCE) == 1
        server.end()
    text = "".join(server.said)
    assert words in text
    assert "Traceback" not in text
    assert "hunter2" not in text


def test_a_module_of_ones_own_is_served(database_url: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import netra\n\n\n@netra.agent('greet')\nasync def greet(ctx: netra.Context) -> str:\n"
        "    return 'hello'\n\n\napp = netra.Netra(agents=[greet])\n"
    )
    arguments = ("mine:app", "--port", "0", "--database-url", database_url, "--data-dir", str(tmp_path / "data"))
    with served(*arguments, cwd=tmp_path) as server:
        assert get(server.url() + "/health/ready") == 200


def test_without_a_name_there_is_a_netra_with_what_comes_with_it() -> None:
    assert load_application(None).agents == ()
    with pytest.raises(UnknownApplication):
        load_application("json")


def test_a_module_that_cannot_import_what_it_needs_is_a_mistake_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_module.py").write_text("import no_such_library\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path[:])
    with pytest.raises(ModuleNotFoundError, match="no_such_library"):
        load_application("broken_module:app")


def test_the_welcome_shows_no_password(capsys: pytest.CaptureFixture[str]) -> None:
    welcome(Settings(environment="test", database_url=SecretStr("postgresql://netra:hunter2@db/netra"), host="0.0.0.0"))
    told = capsys.readouterr().out
    assert "hunter2" not in told
    assert "http://localhost:8000" in told


@pytest.mark.slow
def test_a_worker_alone_listens_on_nothing_and_executes(database_url: str, tmp_path: Path) -> None:
    with served("--only", "worker", "--database-url", database_url, "--data-dir", str(tmp_path)) as worker:
        worker.until("executes runs")
        listening = [c for c in psutil.Process(worker.popen.pid).net_connections("tcp") if c.status == psutil.CONN_LISTEN]
        assert listening == []
        assert worker.end() == 0


@pytest.mark.slow
def test_several_processes_share_the_port_and_one_that_dies_is_replaced(database_url: str, tmp_path: Path) -> None:
    arguments = ("--workers", "2", "--port", "0", "--database-url", database_url, "--data-dir", str(tmp_path))
    with served(*arguments) as server:
        url = server.url()
        parent = psutil.Process(server.popen.pid)

        def serving() -> list[psutil.Process]:
            return [child for child in parent.children() if "spawn_main" in " ".join(child.cmdline())]

        before = serving()
        assert len(before) == 2
        before[0].kill()
        server.until("a server process ended")
        deadline = time.monotonic() + PATIENCE
        while len(serving()) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(serving()) == 2
        assert get(f"{url}/health/ready") == 200
        assert server.end() == 0
        assert not any(child.is_running() for child in before)


@pytest.mark.slow
def test_children_end_when_their_parent_is_killed(database_url: str, tmp_path: Path) -> None:
    arguments = ("--workers", "2", "--port", "0", "--database-url", database_url, "--data-dir", str(tmp_path))
    with served(*arguments) as server:
        server.url()
        children = psutil.Process(server.popen.pid).children()
        os.kill(server.popen.pid, signal.SIGKILL)
        _, alive = psutil.wait_procs(children, PATIENCE)
        assert alive == []


@pytest.mark.slow
def test_the_embedded_database_starts_and_stops_with_the_server() -> None:
    with tempfile.TemporaryDirectory(prefix="netra-test-") as folder:
        Path(folder).chmod(0o755)
        with served("--port", "0", "--data-dir", folder) as server:
            assert get(server.url() + "/health/ready") == 200
            assert "embedded PostgreSQL" in "".join(server.said)
            assert (Path(folder) / "postgres" / "postmaster.pid").exists()
            assert server.end() == 0
        assert not (Path(folder) / "postgres" / "postmaster.pid").exists()
