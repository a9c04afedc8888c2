"""The agent team run by many users at once, each on a log of their own: how long, at what cost, what is seen of others."""

import asyncio
import time
import uuid
from typing import Any, Final

import httpx

from bench.imports import watch_memory
from bench.measures import TERMINAL_STARTS, Figure, Watch
from bench.people import Person
from bench.processes import Process

ROWS: Final = 40
WITHIN: Final = 600.0
"""Seconds after which it is no use to wait any longer."""
QUESTION: Final = {"question": "Who spends our money?", "approval": "later"}


class Asker:
    """Somebody who has uploaded a log, and runs the team on it. Their mark stands in every row."""

    def __init__(self, person: Person) -> None:
        self._person = person
        self.mark = f"mark-{uuid.uuid4().hex}"
        self.seen: list[bytes] = []
        self.ended = asyncio.Event()
        self.took = 0.0

    async def prepare(self, server: Process) -> None:
        rows = [f"2026-05-04T{row % 24:02d}:00:00Z,{1000 + row},{10 + row},gpt-4o,{self.mark}" for row in range(ROWS)]
        log = "\n".join(["at,input_tokens,output_tokens,model,user", *rows])
        headers = {"Authorization": f"Bearer {self._person.token}"}
        async with httpx.AsyncClient(base_url=server.url, headers=headers, timeout=60) as client:
            answer = await client.post("/api/datasets", content=log.encode(), params={"name": "log.csv"})
            answer.raise_for_status()
        self._thread = await self._person.thread()
        self._watch = await Watch(self._see).open(server, self._person, self._thread)

    def _see(self, frame: bytes) -> None:
        self.seen.append(frame)
        if frame.startswith(TERMINAL_STARTS) and b'"agent":"supervisor"' in frame:
            self.ended.set()

    async def ask(self) -> dict[str, Any]:
        """Run the team to its end. Returns the run."""
        begin = time.perf_counter()
        accepted = await self._person.run(self._thread, "supervisor", **QUESTION)
        await self.ended.wait()
        self.took = time.perf_counter() - begin
        self._watch.socket.close()
        return await self._person.get(f"/api/runs/{accepted['run_id']}")


async def team(server: Process, people: list[Person]) -> list[Figure]:
    """Everybody runs the team at once. Raises `RuntimeError` when a run does not complete, or somebody sees another's mark."""
    askers = [Asker(person) for person in people]
    await asyncio.gather(*(asker.prepare(server) for asker in askers))
    peaks: list[int] = []
    watch = asyncio.create_task(watch_memory(server, peaks))
    before, begin = server.cost(), time.perf_counter()
    try:
        async with asyncio.timeout(WITHIN):
            runs = await asyncio.gather(*(asker.ask() for asker in askers))
    finally:
        watch.cancel()
    seconds, cost = time.perf_counter() - begin, server.cost() - before
    told = [(run["state"], (run["result"] or {}).get("report_type")) for run in runs]
    if unlike := [each for each in told if each != ("completed", "full_analysis")]:
        raise RuntimeError(f"{len(unlike)} of {len(runs)} runs of the team ended otherwise: {unlike[:3]}")
    for asker in askers:
        shown = b"".join(asker.seen)
        if asker.mark.encode() not in shown:
            raise RuntimeError("a report says nothing of its own log")
        if any(other.mark.encode() in shown for other in askers if other is not asker):
            raise RuntimeError("somebody has seen what is another's")
    what = f"{len(people)} users run the team at once"
    return [
        Figure(f"{what}: until the last has their report", seconds, "s"),
        Figure("the same, each: CPU of the server", cost.server / len(people), "s"),
        Figure("the same, each: CPU of PostgreSQL", cost.postgres / len(people), "s"),
        Figure("the same: memory of the server and PostgreSQL", max(peaks) / 2**20, "MiB"),
    ]
