"""`netra serve`: a server, from its settings to its last breath.

One process is gateway and worker in one. Several share one listening socket, under a parent that owns the embedded database,
starts a new process for each that dies, and ends them all.
"""

import asyncio
import importlib
import multiprocessing
import signal
import socket
import sys
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from importlib.util import find_spec
from multiprocessing.context import SpawnProcess
from multiprocessing.synchronize import Event as Ready
from pathlib import Path
from typing import Annotated, Any, Final

import structlog
import typer
from pydantic import SecretStr

import netra
from netra.cli.installation import DatabaseUrl, DataDir, refusals_in_words
from netra.env import get_env
from netra.errors import InvalidInput, Unavailable
from netra.gateway.app import create_app, opened, resolve_database_url, wire
from netra.gateway.application import Netra
from netra.gateway.logs import configure_logs
from netra.gateway.provision import provisioned
from netra.gateway.server import Server, configure, listen
from netra.settings import Settings, load

STOPPING: Final = (signal.SIGTERM, signal.SIGINT)

LOOK_EVERY: Final = 0.2
"""Seconds between two looks at the children."""

EARLY: Final = 5.0
"""A child that dies before it has lived for so many seconds died of its start."""

MOST_EARLY_DEATHS: Final = 5
"""Children in a row that die of their start before the server gives up."""

LAST_SECONDS: Final = 15.0
"""What a stopping child gets beyond the times that it may drain for."""

logger = structlog.get_logger(__name__)

app = typer.Typer(name="serve", help="Start a server, with its own PostgreSQL unless it is given one.")


class Part(StrEnum):
    """Half of a server."""

    GATEWAY = "gateway"
    WORKER = "worker"


class WillNotStay(Unavailable):
    """The processes of this server end as soon as they begin; what they said is above."""

    code = "will_not_stay"


class UnknownApplication(InvalidInput):
    """There is no Netra of that name to serve."""

    code = "unknown_application"


Target = Annotated[
    str | None,
    typer.Argument(metavar="[MODULE:APP]", help="A `netra.Netra` of your own, for example `main:app`; its agents are served."),
]


@app.command()
def serve(
    target: Target = None,
    host: Annotated[str | None, typer.Option(help="The address to listen on.  [default: 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(help="The port to listen on; 0 takes a free one.  [default: 8000]")] = None,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
    only: Annotated[Part | None, typer.Option(help="Serve without executing runs, or execute runs without serving.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that share the port.  [default: 1]")] = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning or error.  [default: info]")] = None,
    log_format: Annotated[str | None, typer.Option(help="console or json.")] = None,
) -> None:
    """Start a server: HTTP, WebSocket and the worker that executes runs.

    Every setting can also be given as NETRA_…; docs/reference/settings.md lists them.

    netra serve main:app --port 9000
    """
    given = {
        "host": host,
        "port": port,
        "database_url": database_url,
        "data_dir": data_dir,
        "workers": workers,
        "log_level": log_level,
        "log_format": log_format,
    }
    with refusals_in_words():
        settings = load(get_env(), given)
        load_application(target)  # what is wrong with it is said before anything is started
        if only is Part.WORKER:
            _run(lambda: _work(settings, target))
            return
        with listen(settings.host, settings.port) as listener:
            if settings.port == 0:
                # The URLs that are derived from the port are to be those that work.
                settings = load(get_env(), {**given, "port": listener.getsockname()[1]})
            process = Process(settings, target, with_worker=only is None)
            if settings.workers == 1:
                _run(lambda: _serve(process, listener, lambda: welcome(settings)))
            else:
                _run(lambda: _supervise(process, listener))


def load_application(target: str | None) -> Netra:
    """The application that `MODULE:APP` names; none is one without agents of its own. Raises `UnknownApplication`."""
    if target is None:
        return Netra()
    module_name, _, name = target.partition(":")
    sys.path.insert(0, str(Path.cwd()))
    try:
        found = getattr(importlib.import_module(module_name), name or "app")
    except ModuleNotFoundError as error:
        if error.name is None or not module_name.startswith(error.name):
            raise  # the module is there; something that it imports is not
        raise UnknownApplication(f"There is no module {module_name} here.") from error
    except AttributeError as error:
        raise UnknownApplication(f"{module_name} has no {name or 'app'}.") from error
    if not isinstance(found, Netra):
        raise UnknownApplication(f"{target} is no netra.Netra but {type(found).__name__}.")
    return found


@dataclass(frozen=True, slots=True)
class Process:
    """What one process of a server is told; it can be sent to another process."""

    settings: Settings
    target: str | None
    with_worker: bool


def _run(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run `work` in the event loop that serves best here."""
    factory = None
    if find_spec("uvloop"):
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(work())


def _until_signalled() -> asyncio.Event:
    """An event that SIGTERM and Ctrl+C set. The second of them ends the process at once."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    # Ctrl+C reaches every process of a terminal, and a child is told to stop by its parent.
    signals = STOPPING if multiprocessing.parent_process() is None else STOPPING[:1]

    def hear() -> None:
        stop.set()
        for number in signals:
            loop.remove_signal_handler(number)

    for number in signals:
        loop.add_signal_handler(number, hear)
    return stop


async def _serve(process: Process, listener: socket.socket, on_ready: Callable[[], None]) -> None:
    """Serve on `listener` until a signal comes, then drain."""
    settings = process.settings
    configure_logs(settings.log_level, settings.log_format)
    stop = _until_signalled()
    _stop_with_parent(stop)
    served = load_application(process.target)
    application = create_app(settings, served.agents)
    async with opened(settings, served.agents, with_worker=process.with_worker, clock=served.clock) as parts:
        application.state.parts = parts
        server = Server(configure(application, wire(settings)), lambda: parts.presence.drain(settings.drain_timeout))
        serving = asyncio.create_task(server.serve_here(listener), name="server")
        stopping = asyncio.create_task(stop.wait(), name="until a signal")
        ready = asyncio.create_task(server.ready.wait(), name="until ready")
        try:
            await asyncio.wait([serving, ready], return_when=asyncio.FIRST_COMPLETED)
            if ready.done():
                on_ready()
            await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
        finally:
            server.should_exit = True
            stopping.cancel()
            ready.cancel()
            await serving


async def _work(settings: Settings, target: str | None) -> None:
    """Execute runs until a signal comes."""
    configure_logs(settings.log_level, settings.log_format)
    stop = _until_signalled()
    served = load_application(target)
    async with opened(settings, served.agents, with_worker=True, clock=served.clock):
        typer.echo(f"Netra {netra.__version__} executes runs. Stop it with Ctrl+C.")
        await stop.wait()


def welcome(settings: Settings) -> None:
    """Say that the server is ready, and where."""
    host = "localhost" if settings.host in ("127.0.0.1", "0.0.0.0", "::", "::1") else settings.host
    url = f"http://{host}:{settings.port}"
    embedded = f"embedded PostgreSQL in {settings.data_dir / 'postgres'}"
    lines = {
        "API": f"{url}/docs",
        "WebSocket": f"ws://{host}:{settings.port}/ws",
        "Database": "PostgreSQL at NETRA_DATABASE_URL" if settings.database_url else embedded,
        "Data": str(settings.data_dir),
    }
    typer.echo(f"Netra {netra.__version__} is ready on {url}")
    for name, what in lines.items():
        typer.echo(f"  {name:<10} {what}")
    typer.echo("  Stop it with Ctrl+C.")
    sys.stdout.flush()


# Several processes --------------------------------------------------------------------------------------------------------


async def _supervise(process: Process, listener: socket.socket) -> None:
    """Keep `settings.workers` processes serving on `listener` until a signal comes, or none of them stays up."""
    settings = process.settings
    configure_logs(settings.log_level, settings.log_format)
    stop = _until_signalled()
    given = await asyncio.to_thread(resolve_database_url, settings)
    async with provisioned(given, settings.data_dir, migrates=settings.migrate_on_start) as url:
        found = {"database_url": SecretStr(url), "host_resolution": "off", "migrate_on_start": False}
        family = Family(replace(process, settings=settings.model_copy(update=found)), listener)
        try:
            await family.keep(settings.workers, stop, lambda: welcome(settings))
        finally:
            await asyncio.to_thread(family.end, settings.drain_timeout)


class Family:
    """The processes of one server. All of it blocks for a moment at most, but for `end`."""

    def __init__(self, process: Process, listener: socket.socket) -> None:
        self._process = process
        self._listener = listener
        # Not forked: a child that begins with a copy of our event loop and connections begins with our problems.
        self._spawn = multiprocessing.get_context("spawn")
        self._ready = self._spawn.Event()
        self._children: list[SpawnProcess] = []
        self._early_deaths = 0

    async def keep(self, count: int, stop: asyncio.Event, on_ready: Callable[[], None]) -> None:
        """Have `count` children until `stop`, starting a new one for each that dies. Raises `WillNotStay`."""
        born: dict[SpawnProcess, float] = {}
        told = False
        while not stop.is_set():
            now = time.monotonic()
            for child in [child for child in self._children if not child.is_alive()]:
                self._children.remove(child)
                self._note_death(child, now - born.pop(child))
            while len(self._children) < count:
                child = self._spawn.Process(target=_be_child, args=(self._process, self._listener, self._ready))
                child.start()
                born[child] = now
                self._children.append(child)
            if self._ready.is_set() and not told:
                told = True
                on_ready()
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY):
                    await stop.wait()

    def _note_death(self, child: SpawnProcess, age: float) -> None:
        self._early_deaths = self._early_deaths + 1 if age < EARLY else 0
        logger.error("a server process ended", pid=child.pid, exit_code=child.exitcode, age=round(age, 1))
        if self._early_deaths >= MOST_EARLY_DEATHS:
            raise WillNotStay

    def end(self, drain_timeout: float) -> None:
        """Let every child drain, and kill those that cannot. Blocking."""
        for child in self._children:
            child.terminate()
        until = time.monotonic() + 2 * drain_timeout + LAST_SECONDS
        for child in self._children:
            child.join(max(0.0, until - time.monotonic()))
            if child.is_alive():
                child.kill()
                child.join()


def _be_child(process: Process, listener: socket.socket, ready: Ready) -> None:
    """The whole life of a child."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with refusals_in_words():
        _run(lambda: _serve(process, listener, ready.set))


def _stop_with_parent(stop: asyncio.Event) -> None:
    """In a child: stop when the parent is gone, however it went."""
    if (parent := multiprocessing.parent_process()) is not None:
        loop, sentinel = asyncio.get_running_loop(), parent.sentinel

        def orphaned() -> None:
            loop.remove_reader(sentinel)
            stop.set()

        loop.add_reader(sentinel, orphaned)
