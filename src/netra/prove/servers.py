"""The processes of a server of our own: gateways, workers and their PostgreSQL, each by way of a proxy of its own."""

import asyncio
import itertools
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol

import psutil
import psycopg

from netra.prove.answers import NotSupported
from netra.prove.proxies import ProxyProcess
from netra.prove.strace import SHOWN, TRACED

NETRA: Final = (sys.executable, "-m", "netra")
"""The command that starts Netra as it is installed here."""
PARTS: Final = ("gateway 1", "gateway 2", "worker 1", "worker 2")
READY_WITHIN: Final = 60.0
"""Seconds for a process to come up."""
GONE_WITHIN: Final = 45.0
"""Seconds for a process to go when it is asked to."""
LOOK_EVERY: Final = 0.3
"""Seconds between two looks of the supervisor."""
FAIR_FILES: Final = 40.0
"""The two pools of a process may have grown to ten connections each, beside listeners and what a client keeps alive."""
FAIR_THREADS: Final = 16.0
FAIR_MEGABYTES: Final = 96.0
REVIVALS: Final = 10
"""Times that a process is started anew before it counts as broken."""
CUT_WITHIN: Final = 3.0
"""Seconds in which somebody is expected to speak to the database."""


class DatabaseServer(Protocol):
    """A PostgreSQL that a proof may do anything to. All of it blocks."""

    def url(self, user: str) -> str: ...

    def restart(self, mode: str) -> None: ...

    def processes(self) -> list[psutil.Process]: ...


SpareDatabase = Callable[[Path], AbstractContextManager[DatabaseServer]]
"""A new database in this folder, migrated, for the length of the block. Blocking."""


@dataclass(frozen=True, slots=True)
class NewerBuild:
    """What is to take the place of the build that serves."""

    program: Sequence[str]
    """The command that starts it."""
    migrate: Callable[[], bool]
    """Brings the database up to its schema; whether that changed anything. Blocking."""


class ServerProcess:
    """One `netra serve`, gateway or worker, with what it says kept in a file."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path, ready: str) -> None:
        self.name = name
        self._command = [*command]
        self._environment = {**environment}
        self._log = log
        self._ready = ready
        self.url = ""
        """Of a gateway that was started for a while."""
        self._popen: subprocess.Popen[bytes] | None = None
        self._asked = True

    @property
    def process(self) -> psutil.Process:
        assert self._popen is not None
        return psutil.Process(self._popen.pid)

    def like(self, name: str, settings: Mapping[str, str], *options: str) -> "ServerProcess":
        """Another one with a name, settings and options of its own beside those of this one."""
        log = self._log.with_name(f"{name.replace(' ', '-')}.log")
        return ServerProcess(name, [*self._command, *options], {**self._environment, **settings}, log, self._ready)

    def become(self, program: Sequence[str], before: Sequence[str]) -> None:
        """Be started by this command from now on, instead of by that one."""
        assert self._command[: len(before)] == [*before]
        self._command[: len(before)] = program

    async def start(self) -> None:
        """Start it and wait until it says that it is ready. Raises `NotSupported` with its last words."""
        popen, begins = await asyncio.to_thread(self._spawn)
        self._popen = popen
        deadline = time.monotonic() + READY_WITHIN
        while self._ready not in (said := await asyncio.to_thread(self._said, begins)):
            if popen.poll() is not None or time.monotonic() > deadline:
                await asyncio.to_thread(self.kill)
                said = await asyncio.to_thread(self._said, begins)  # its last words may have come since
                raise NotSupported(f"{self.name} did not come up: {' / '.join(said.splitlines()[-3:])}")
            await asyncio.sleep(0.05)
        self._asked = False

    @property
    def dead(self) -> bool:
        """It has ended, and nobody has asked it to."""
        return not self._asked and self._popen is not None and self._popen.poll() is not None

    @property
    def status(self) -> int | None:
        """What it ended with, a signal as a negative number; None while it lives."""
        return None if self._popen is None else self._popen.poll()

    def kill(self) -> None:
        """End it without a word."""
        self._asked = True
        if self._popen is not None and self._popen.poll() is None:
            self._popen.kill()
            self._popen.wait()

    def _spawn(self) -> tuple[subprocess.Popen[bytes], int]:
        """The new process, and where in the log its words begin."""
        with self._log.open("ab") as out:
            begins = out.tell()
            return subprocess.Popen(  # noqa: S603 - ours
                self._command, stdout=out, stderr=subprocess.STDOUT, env=self._environment
            ), begins

    def _said(self, begins: int) -> str:
        with self._log.open("rb") as log:
            log.seek(begins)
            return log.read().decode("utf-8", "replace")

    async def revive(self) -> None:
        """Start it until it stays, as a supervisor does: one that finds the database away ends again."""
        for _ in range(REVIVALS):
            with suppress(NotSupported):
                await self.start()
                return
            await asyncio.sleep(1)
        await self.start()

    async def end(self) -> int:
        """Ask it to go and wait until it has. Returns its status; one that does not go is killed, and its status is -9."""
        assert self._popen is not None
        self._asked = True
        self._popen.send_signal(signal.SIGTERM)
        try:
            return await asyncio.to_thread(self._popen.wait, GONE_WITHIN)
        except subprocess.TimeoutExpired:
            await asyncio.to_thread(self.kill)
            return -signal.SIGKILL

    def set_clock(self, *, ahead: bool) -> None:
        """Set its clock an hour ahead, or behind. Only what `netra.cli.subjects` serves has one that can be set."""
        assert self._popen is not None
        self._popen.send_signal(signal.SIGUSR1 if ahead else signal.SIGUSR2)

    async def paused(self, seconds: float) -> None:
        """Stop it where it is, for so many seconds."""
        popen = self._popen
        assert popen is not None
        popen.send_signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            popen.send_signal(signal.SIGCONT)


class Servers:
    """Two gateways that are siblings, two workers, and the database that they share."""

    def __init__(
        self,
        database: DatabaseServer,
        gateways: Sequence[ServerProcess],
        workers: Sequence[ServerProcess],
        proxies: ProxyProcess,
        urls: Sequence[str],
        environment: Mapping[str, str],
        program: Sequence[str],
    ) -> None:
        self._environment = environment
        self._program = program
        self.database = database
        self.gateways = gateways
        self.workers = workers
        self.proxies = proxies
        self.urls = urls
        self.workers_killed = 0
        """Workers that were killed by a signal, and by none that was sent from here."""
        self.spare: SpareDatabase | None = None
        """Makes another database, in a folder of one's own choice."""
        self.newer: NewerBuild | None = None
        """What may take the place of these, where they are of an older build."""
        self.others: list[ServerProcess] = []
        """Those that were started for a while beside the gateways and workers."""
        self._turn = itertools.count()

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        database: DatabaseServer,
        folder: Path,
        environment: Mapping[str, str],
        *,
        application: str | None = None,
        program: Sequence[str] = NETRA,
    ) -> AsyncIterator["Servers"]:
        """Start them all, with the files that they write in `folder`; end them at the end of the block.

        `program` is the command that starts `netra`: another build of it, for example.
        """
        async with AsyncExitStack() as stack:
            proxies = await stack.enter_async_context(ProxyProcess.open(database.url("netra_app"), PARTS))
            processes: dict[str, ServerProcess] = {}
            urls = []
            for name, url in proxies.urls.items():
                part = name.split()[0]
                given = ["--only", part, "--database-url", url, "--data-dir", str(folder), "--log-format", "json"]
                ready = "executes runs"
                if part == "gateway":
                    port = _free_port()
                    urls.append(f"http://127.0.0.1:{port}")
                    given += ["--port", str(port)]
                    ready = "is ready on"
                command = [*program, "serve", *([application] if application else []), *given]
                log = folder / f"{name.replace(' ', '-')}.log"
                processes[name] = ServerProcess(name, command, {**environment, "PYTHONUNBUFFERED": "1"}, log, ready)
            for process in processes.values():
                stack.callback(process.kill)
            # All at once, and each to its end: one that is still being started when another fails would outlive us.
            started = await asyncio.gather(*(process.start() for process in processes.values()), return_exceptions=True)
            if failed := [outcome for outcome in started if outcome is not None]:
                raise failed[0]
            gateways = [process for name, process in processes.items() if name.startswith("gateway")]
            workers = [process for name, process in processes.items() if name.startswith("worker")]
            servers = cls(database, gateways, workers, proxies, urls, environment, program)
            supervisor = asyncio.create_task(servers.supervise(), name="supervisor")
            try:
                yield servers
            finally:
                supervisor.cancel()
                await asyncio.gather(supervisor, return_exceptions=True)
            await asyncio.gather(*(process.end() for process in processes.values()))

    async def supervise(self) -> None:
        """Start again what has died by itself, as an operator's supervisor does."""
        while True:
            for process in (*self.gateways, *self.workers):
                if process.dead:
                    self.workers_killed += process in self.workers and process.status == -signal.SIGKILL
                    await process.revive()
            await asyncio.sleep(LOOK_EVERY)

    @asynccontextmanager
    async def another(
        self, part: Literal["gateway", "worker"], settings: Mapping[str, str], *options: str
    ) -> AsyncIterator[ServerProcess]:
        """One more gateway or worker with settings of its own, for the length of the block.

        Raises `NotSupported` when it does not come up.
        """
        port = _free_port()
        name = f"{part} {len(self.others) + 3}"
        if part == "gateway":
            process = self.gateways[0].like(name, settings, "--port", str(port), *options)
        else:
            process = self.workers[0].like(name, settings, *options)
        process.url = f"http://127.0.0.1:{port}"
        self.others.append(process)
        try:
            await process.start()
            yield process
            await process.end()
        finally:
            await asyncio.to_thread(process.kill)

    async def set_plan(self, email: str, plan: str) -> None:
        """What an operator does. Raises `NotSupported` with what the command has said."""
        url = self.database.url("netra_app")
        command = [*self._program, "user", "set-plan", email, plan, "--database-url", url]
        done = await asyncio.to_thread(
            subprocess.run, command, env={**self._environment}, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise NotSupported(f"the plan could not be set: {done.stderr.strip()[-300:]}")

    async def age_events(self, thread: str, upto: int) -> None:
        """Let sixty days pass for the first events of a thread: longer than any of them is kept."""
        async with await psycopg.AsyncConnection.connect(self.database.url("postgres"), autocommit=True) as connection:
            await connection.execute(
                "UPDATE event SET at = at - interval '60 days' WHERE thread_id = %s AND seq <= %s", [thread, upto]
            )

    def usage(self) -> list[tuple[str, str, float, float]]:
        """What each process holds now: the quantity, whose, how much, and how much more of it is fair afterwards. Blocking."""
        held: list[tuple[str, str, float, float]] = []
        for each in (*self.gateways, *self.workers):
            process = each.process
            whose = f"{each.name} ({process.pid})"
            held += [
                ("open files", whose, process.num_fds(), FAIR_FILES),
                ("threads", whose, process.num_threads(), FAIR_THREADS),
                ("megabytes", whose, process.memory_info().rss / 2**20, FAIR_MEGABYTES),
            ]
        return held

    def _next(self, of: Sequence[ServerProcess]) -> ServerProcess:
        return of[next(self._turn) % len(of)]

    async def kill_worker(self) -> None:
        """End a worker without a word, and start it again."""
        worker = self._next(self.workers)
        await asyncio.to_thread(worker.kill)
        await worker.revive()

    async def pause_worker(self, seconds: float) -> None:
        """Stop a worker where it is, and let it go on after so many seconds."""
        await self._next(self.workers).paused(seconds)

    async def kill_gateway(self) -> None:
        """End a gateway without a word, and start it again."""
        gateway = self._next(self.gateways)
        await asyncio.to_thread(gateway.kill)
        await gateway.revive()

    async def drain_gateway(self) -> int:
        """Ask a gateway to go, wait until it has, and start it again. Returns the status that it ended with."""
        gateway = self._next(self.gateways)
        status = await gateway.end()
        await gateway.revive()
        return status

    async def migrate(self) -> None:
        """Bring the schema up to that of the newer build, while the older one serves. Raises `NotSupported` if it is there."""
        assert self.newer is not None
        if not await asyncio.to_thread(self.newer.migrate):
            raise NotSupported("both builds have the same schema")

    async def upgrade(self, seconds: float) -> AsyncIterator[ServerProcess]:
        """Let processes of the newer build take the place of the older ones, one after the other, so many seconds apart."""
        assert self.newer is not None
        for process in (process for pair in zip(self.gateways, self.workers, strict=True) for process in pair):
            await process.end()
            process.become(self.newer.program, self._program)
            await process.revive()
            yield process
            await asyncio.sleep(seconds)
        self._program = self.newer.program

    async def restart_database(self, mode: str) -> None:
        """`fast` or `immediate`."""
        await asyncio.to_thread(self.database.restart, mode)

    async def pause_database(self, seconds: float) -> None:
        """Stop every process of the database."""
        stopped = await asyncio.to_thread(_signal_all, self.database.processes, signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            await asyncio.to_thread(_signal_all, lambda: reversed(stopped), signal.SIGCONT)

    async def trace_database(self, seconds: float) -> list[str]:
        """The system calls of every process of the database, for so many seconds, as `strace` writes them.

        Raises `NotSupported` where there is no strace, or where it may not look.
        """
        strace = shutil.which("strace")
        if strace is None:
            raise NotSupported("there is no strace on this machine")
        processes = [f"-p{process.pid}" for process in await asyncio.to_thread(self.database.processes)]
        with tempfile.NamedTemporaryFile(prefix="netra-prove-strace-") as record:
            options = ("-f", "-q", "-s", str(SHOWN), "-e", f"trace={','.join(TRACED)}", "-o", record.name)
            tracer = await asyncio.create_subprocess_exec(
                strace, *options, *processes, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
            )
            try:
                with suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await tracer.wait()
            finally:
                if tracer.returncode is None:
                    tracer.send_signal(signal.SIGINT)  # it lets go of everybody, and ends
                _, words = await tracer.communicate()
            lines = await asyncio.to_thread(Path(record.name).read_text, "utf-8", "replace")
        if not lines:
            raise NotSupported(f"strace sees nothing of the database: {words.decode().strip()[-200:]}")
        return lines.splitlines()

    async def cut_at_reply(self) -> int:
        """Break the next connection of each process on the reply to what it sent. Returns how many broke."""
        before = await self.proxies.tell("cut_next_reply")
        deadline = time.monotonic() + CUT_WITHIN
        while not (broken := (await self.proxies.bitten() - before).connections):
            if time.monotonic() > deadline:
                break
            await asyncio.sleep(0.02)
        return broken

    async def cut(self) -> int:
        """Break every connection to the database. Returns how many."""
        return await self._connections("cut")

    async def silence_database(self) -> int:
        """Let the connections that there are fall silent without an end. Returns how many."""
        return await self._connections("silence")

    async def disturb_bus(self, seconds: float) -> int:
        """Lose, repeat and reorder notifications for so many seconds. Returns how many it met."""
        before = await self.proxies.tell("disturb_bus")
        try:
            await asyncio.sleep(seconds)
        finally:
            after = await self.proxies.tell("calm_bus")
        return (after - before).notifications

    async def silence_listeners(self) -> int:
        """Let the connections that listen fall silent without an end, and no others. Returns how many."""
        return await self._connections("silence_listeners")

    async def _connections(self, order: str) -> int:
        before = await self.proxies.bitten()
        return (await self.proxies.tell(order) - before).connections

    async def partition_workers(self, seconds: float) -> int:
        """Hold back everything between workers and the database, and let it through again. Returns how many were cut off."""
        held = [name for name in self.proxies.urls if name.startswith("worker")]
        await self.proxies.tell("pause", held)
        try:
            await asyncio.sleep(seconds)
        finally:
            await self.proxies.tell("resume", held)
        return len(held)

    def logs(self) -> list[Path]:
        """What the processes have said."""
        return [process._log for process in (*self.gateways, *self.workers, *self.others)]  # noqa: SLF001 - its own module


def _signal_all(processes: Callable[[], Iterable[psutil.Process]], number: int) -> list[psutil.Process]:
    signalled = []
    for process in processes():
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)
            signalled.append(process)
    return signalled


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
