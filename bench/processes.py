"""The processes that are measured, each started and ended here, and what they cost."""

import asyncio
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from netra.env import for_subprocess

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds since the process began: of the server itself, and of its PostgreSQL."""

    server: float
    postgres: float

    def __sub__(self, earlier: "Cost") -> "Cost":
        return Cost(self.server - earlier.server, self.postgres - earlier.postgres)


class Process:
    """A server under measurement."""

    def __init__(self, popen: subprocess.Popen[bytes], port: int, data_dir: Path | None) -> None:
        self.popen = popen
        self.port = port
        self._data_dir = data_dir

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cost(self) -> Cost:
        servers = [psutil.Process(self.popen.pid), *psutil.Process(self.popen.pid).children(recursive=True)]
        return Cost(
            sum(_cpu(process) for process in servers if process.name() != "postgres"),
            sum(_cpu(process) for process in self._postgres()),
        )

    def resident(self) -> int:
        """Bytes of memory of the server process itself."""
        return int(psutil.Process(self.popen.pid).memory_info().rss)

    def footprint(self) -> int:
        """Bytes of memory of the server, all that it started, and its PostgreSQL; what several share counts once."""
        server = psutil.Process(self.popen.pid)
        everything = {process.pid: process for process in (server, *server.children(recursive=True), *self._postgres())}
        return sum(map(_memory, everything.values()))

    def _postgres(self) -> list[psutil.Process]:
        if self._data_dir is None:
            return []
        pid_file = self._data_dir / "postgres" / "postmaster.pid"
        if not pid_file.exists():
            return []
        postmaster = psutil.Process(int(pid_file.read_text().split("\n", 1)[0]))
        return [postmaster, *postmaster.children(recursive=True)]


def _cpu(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def _memory(process: psutil.Process) -> int:
    try:
        used = process.memory_full_info()
    except psutil.NoSuchProcess:
        return 0
    return int(getattr(used, "pss", used.uss))  # only Linux knows how many share a page


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def until_ready(process: Process, path: str, limit: float = 90.0) -> None:
    """Wait until `path` answers 200, or say that the server has gone."""
    deadline = time.monotonic() + limit
    async with httpx.AsyncClient() as client:
        while time.monotonic() < deadline:
            if process.popen.poll() is not None:
                raise RuntimeError(f"the server ended with status {process.popen.returncode} before it was ready")
            try:
                if (await client.get(process.url + path)).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.005)
    raise RuntimeError("the server was not ready in time")


@contextmanager
def _running(command: list[str], port: int, data_dir: Path | None, environment: dict[str, str]) -> Iterator[Process]:
    popen = subprocess.Popen(
        command, cwd=ROOT, env=for_subprocess(environment), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield Process(popen, port, data_dir)
    finally:
        popen.terminate()
        try:
            popen.wait(20)
        except subprocess.TimeoutExpired:
            popen.kill()
            popen.wait()


@contextmanager
def netra_server(data_dir: Path, **settings: str) -> Iterator[Process]:
    """`netra serve` with the benchmark's agents, on its own embedded PostgreSQL."""
    port = free_port()
    command = [sys.executable, "-m", "netra", "serve", "bench.agents:app", "--port", str(port), "--data-dir", str(data_dir)]
    with _running(command, port, data_dir, {"NETRA_LOG_LEVEL": "warning", **settings}) as process:
        yield process


def lift_limits(data_dir: Path) -> None:
    """Let everybody begin as many threads, and call as many tools, as the measurement takes: here a few stand in for many."""
    tools = [f"--no-allowance={tool}" for tool in ("create_thread", "get_thread_history", "list_agents")]
    command = [sys.executable, "-m", "netra", "plan", "set", "free", "--threads", "none", *tools, "--data-dir", str(data_dir)]
    subprocess.run(command, cwd=ROOT, env=for_subprocess(), stdout=subprocess.DEVNULL, check=True)


@contextmanager
def bare_server() -> Iterator[Process]:
    """A uvicorn WebSocket that does nothing but send, with the options that Netra serves with."""
    port = free_port()
    options = ["--ws", "websockets-sansio", "--loop", "uvloop", "--log-level", "warning", "--ws-per-message-deflate", "false"]
    command = [sys.executable, "-m", "uvicorn", "bench.bare:app", "--port", str(port), "--no-access-log", *options]
    with _running(command, port, None, {}) as process:
        yield process


@contextmanager
def data_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="netra-bench-") as folder:
        yield Path(folder)
