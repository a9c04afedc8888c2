"""What is measured, one function each. Every figure is a ratio or comes with the peer it was measured beside."""

import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.client import RawSocket
from bench.people import Person
from bench.processes import ROOT, Process, bare_server, until_ready


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table. `budget` None: shown for information."""

    name: str
    value: float
    unit: str
    budget: float | None = None
    at_least: bool = False
    """Whether more is better."""

    @property
    def met(self) -> bool | None:
        if self.budget is None:
            return None
        return self.value >= self.budget if self.at_least else self.value <= self.budget


class Watch:
    """A socket that follows threads and calls `on_event` with each event's bytes; notices are kept apart."""

    def __init__(self, on_event: Callable[[bytes], None]) -> None:
        self._on_event = on_event
        self._subscribed = asyncio.Event()
        self._greeted = asyncio.Event()
        self._error: bytes | None = None

    async def open(self, server: Process, person: Person, *threads: str, after: int = 0) -> "Watch":
        self.socket = await RawSocket.connect(server.port, self._frame, token=person.token)
        await self._greeted.wait()
        for thread in threads:
            self._subscribed.clear()
            self.socket.send({"type": "subscribe", "thread_id": thread, "after": after})
            await self._subscribed.wait()
            if self._error is not None:
                raise RuntimeError(f"the server refused: {self._error.decode()}")
        return self

    def _frame(self, frame: bytes) -> None:
        if b'"seq":' in frame and b'"run_id":' in frame:
            self._on_event(frame)
        elif b'"subscribed"' in frame[:40]:
            self._subscribed.set()
        elif b'"connection_established"' in frame[:60]:
            self._greeted.set()
        elif b'"error"' in frame[:30]:
            self._error = frame
            self._subscribed.set()


def percentile(samples: list[float], share: float) -> float:
    return sorted(samples)[min(len(samples) - 1, int(len(samples) * share))]


async def throughput(server: Process, people: list[Person], events: int) -> list[Figure]:
    """Durable events a second, and their CPU beside that of a bare uvicorn that sends as many frames of that size."""
    threads = [await person.thread() for person in people]
    finished, seen = 0, 0
    done = asyncio.Event()

    def count(frame: bytes) -> None:
        nonlocal finished, seen
        seen += 1
        if frame.startswith(TERMINAL_STARTS):
            finished += 1
            if finished == len(people):
                done.set()

    watches = [await Watch(count).open(server, person, thread) for person, thread in zip(people, threads, strict=True)]
    each = events // len(people)
    before, start = server.cost(), time.perf_counter()
    await asyncio.gather(
        *(person.run(thread, "burst", events=each, at_once=8) for person, thread in zip(people, threads, strict=True))
    )
    async with asyncio.timeout(120):
        await done.wait()
    seconds, cost = time.perf_counter() - start, server.cost() - before
    for watch in watches:
        watch.socket.close()

    bare = await bare_microseconds(len(people), each)
    ours = cost.server / seen * 1e6
    return [
        Figure("durable events appended, committed, delivered", seen / seconds, "events/s", 20_000, at_least=True),
        Figure("CPU of the server per event", ours, "µs"),
        Figure("CPU of PostgreSQL per event", cost.postgres / seen * 1e6, "µs"),
        Figure("CPU of a bare uvicorn send", bare, "µs"),
        Figure("server per event, as a multiple of the bare send", ours / bare, "×", 3.0),
    ]


TERMINAL_STARTS = tuple(b'{"type":"agent_' + end for end in (b"completed", b"failed", b"cancelled"))


async def bare_microseconds(sockets: int, frames: int) -> float:
    """CPU microseconds that a bare uvicorn takes to send one frame."""
    with bare_server() as server:
        await until_ready(server, "/")
        left = sockets * frames
        done = asyncio.Event()

        def count(frame: bytes) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                done.set()

        before = server.cost()
        opened = [await RawSocket.connect(server.port, count, path=f"/{frames}") for _ in range(sockets)]
        async with asyncio.timeout(60):
            await done.wait()
        cost = server.cost() - before
        for socket in opened:
            socket.close()
        return cost.server / (sockets * frames) * 1e6


async def latency(server: Process, people: list[Person], rate: float, seconds: float) -> list[Figure]:
    """From the call that appends an event to its arrival at the client, at a fixed rate over all."""
    lags: list[float] = []
    finished = 0
    done = asyncio.Event()

    def note(frame: bytes) -> None:
        nonlocal finished
        now = time.time()
        if frame.startswith(b'{"type":"agent_thinking"'):
            lags.append(now - float(json.loads(frame)["data"]["text"]))
        elif frame.startswith(TERMINAL_STARTS):
            finished += 1
            if finished == len(people):
                done.set()

    threads = [await person.thread() for person in people]
    watches = [await Watch(note).open(server, person, thread) for person, thread in zip(people, threads, strict=True)]
    share = rate / len(people)
    start = time.perf_counter()
    await asyncio.gather(
        *(
            person.run(thread, "paced", events=int(share * seconds), per_second=share)
            for person, thread in zip(people, threads, strict=True)
        )
    )
    async with asyncio.timeout(seconds * 10 + 60):
        await done.wait()
    reached = len(lags) / (time.perf_counter() - start)
    for watch in watches:
        watch.socket.close()
    return [
        Figure(f"append → client, p50, at {rate:,.0f} events/s", percentile(lags, 0.50) * 1e3, "ms"),
        Figure(f"append → client, p99, at {rate:,.0f} events/s", percentile(lags, 0.99) * 1e3, "ms", 25),
        Figure("rate reached meanwhile", reached, "events/s"),
    ]


async def run_start(server: Process, person: Person, times: int) -> list[Figure]:
    """POST of a run until `agent_started` is at the client, one at a time."""
    started, ended = asyncio.Event(), asyncio.Event()

    def note(frame: bytes) -> None:
        if frame.startswith(b'{"type":"agent_started"'):
            started.set()
        elif frame.startswith(TERMINAL_STARTS):
            ended.set()

    thread = await person.thread()
    watch = await Watch(note).open(server, person, thread)
    waits = []
    for _ in range(times):
        started.clear()
        ended.clear()
        begin = time.perf_counter()
        posted = asyncio.create_task(person.run(thread, "noop"))
        async with asyncio.timeout(10):
            await started.wait()
            waits.append(time.perf_counter() - begin)
            await posted
            await ended.wait()
    watch.socket.close()
    return [
        Figure("POST run → agent_started at the client, p50", statistics.median(waits) * 1e3, "ms", 15),
        Figure("POST run → agent_started at the client, p99", percentile(waits, 0.99) * 1e3, "ms", 40),
    ]


async def run_rate(server: Process, people: list[Person], runs: int) -> list[Figure]:
    """No-op runs accepted, started and finished in a second, their ends counted at the client."""
    left = runs
    done = asyncio.Event()

    def note(frame: bytes) -> None:
        nonlocal left
        if frame.startswith(TERMINAL_STARTS):
            left -= 1
            if left == 0:
                done.set()

    watches, work = [], []
    for person in people:
        threads = [await person.thread() for _ in range(4)]
        watches.append(await Watch(note).open(server, person, *threads))
        work += [(person, thread) for thread in threads]
    gate = asyncio.Semaphore(32)

    async def submit(nth: int) -> None:
        person, thread = work[nth % len(work)]
        async with gate:
            await person.run(thread, "noop")

    before, start = server.cost(), time.perf_counter()
    await asyncio.gather(*(submit(nth) for nth in range(runs)))
    async with asyncio.timeout(120):
        await done.wait()
    seconds, cost = time.perf_counter() - start, server.cost() - before
    for watch in watches:
        watch.socket.close()
    return [
        Figure("runs started and finished, no-op agent", runs / seconds, "runs/s", 200, at_least=True),
        Figure("CPU of the server per run", cost.server / runs * 1e3, "ms"),
        Figure("CPU of PostgreSQL per run", cost.postgres / runs * 1e3, "ms"),
    ]


async def tool_calls(server: Process, people: list[Person], calls: int) -> list[Figure]:
    """Calls of an atomic tool by everybody at once, beside as many of the same list without a gate and a count."""
    gate = asyncio.Semaphore(32)

    async def timed(ask: Callable[[Person], Awaitable[Any]]) -> tuple[float, float, float]:
        async def one(nth: int) -> None:
            async with gate:
                await ask(people[nth % len(people)])

        before, start = server.cost(), time.perf_counter()
        await asyncio.gather(*(one(nth) for nth in range(calls)))
        seconds, cost = time.perf_counter() - start, server.cost() - before
        return calls / seconds, cost.server / calls * 1e3, cost.postgres / calls * 1e3

    async def call(person: Person) -> None:
        answer = await person.post("/api/tools/execute", {"tool_name": "list_agents"})
        if answer["status"] != "success":
            raise RuntimeError(f"the tool answered {answer}")

    plain_rate, plain_server, plain_postgres = await timed(lambda person: person.get("/api/agents"))
    rate, in_server, in_postgres = await timed(call)
    return [
        Figure("tool calls admitted, counted and done", rate, "calls/s"),
        Figure("the same list without gate and count", plain_rate, "requests/s"),
        Figure("CPU of the server per tool call, against that without", in_server / plain_server, "×"),
        Figure("CPU of PostgreSQL per tool call, beyond that without", in_postgres - plain_postgres, "ms"),
    ]


async def idle(server: Process, person: Person, connections: int) -> list[Figure]:
    """Resident memory of a signed-in connection that follows one thread and is quiet."""
    thread = await person.thread()

    async def open_one() -> Watch:
        return await Watch(lambda frame: None).open(server, person, thread)

    # The first ones pay for what is shared (pools, caches, code that is imported late).
    watches = [await open_one() for _ in range(50)]
    before = server.resident()
    for _ in range(connections // 50):
        watches += await asyncio.gather(*(open_one() for _ in range(50)))
    grown = server.resident() - before
    for watch in watches:
        watch.socket.close()
    return [Figure(f"idle WebSocket connection, {connections:,} of them", grown / connections / 1024, "KB", 30)]


async def storm(server: Process, person: Person, clients: int, events: int) -> list[Figure]:
    """Many clients come back at once, each missing the same number of events."""
    thread = await person.thread()
    ready = asyncio.Event()

    def note_end(frame: bytes) -> None:
        if frame.startswith(TERMINAL_STARTS):
            ready.set()

    watch = await Watch(note_end).open(server, person, thread)
    await person.run(thread, "burst", events=events, at_once=1)
    async with asyncio.timeout(30):
        await ready.wait()
    watch.socket.close()
    head = (await person.get(f"/api/threads/{thread}/events?limit=1"))["head"]
    gate = asyncio.Semaphore(500)
    wrong = 0

    async def come_back() -> None:
        nonlocal wrong
        got: list[int] = []
        full = asyncio.Event()

        def note(frame: bytes) -> None:
            got.append(int(frame.split(b'"seq":', 1)[1].split(b",", 1)[0]))
            if len(got) >= events:
                full.set()

        async with gate:
            back = await Watch(note).open(server, person, thread, after=head - events)
            await full.wait()
            back.socket.close()
        wrong += got != list(range(head - events + 1, head + 1))

    start = time.perf_counter()
    async with asyncio.timeout(300):
        await asyncio.gather(*(come_back() for _ in range(clients)))
    return [
        Figure(f"{clients:,} clients reconnect and resume {events} events each", time.perf_counter() - start, "s", 30),
        Figure("of them with an event lost, doubled or out of order", wrong, "clients", 0),
    ]


async def start_up(data_dir: Path, serve: Callable[..., Any]) -> list[Figure]:
    """From the command to ready, with a database that exists; and what `import netra` costs."""
    begin = time.perf_counter()
    with serve(data_dir) as server:
        await until_ready(server, "/health/ready")
        cold = time.perf_counter() - begin
    imports = []
    for statement in ("pass", "import netra") * 5:
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-c", statement], cwd=ROOT, check=True)
        imports.append(time.perf_counter() - begin)
    return [
        Figure("cold start to ready, database initialised", cold, "s", 2.0),
        Figure("import netra", statistics.median(imports[1::2]) - statistics.median(imports[::2]), "s", 0.15),
    ]
