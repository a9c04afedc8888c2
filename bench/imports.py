"""What loading a usage log takes: memory of the server and everything that it started, and time, by format."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Final

import httpx

from bench import logs
from bench.measures import Figure
from bench.people import Person
from bench.processes import Process

LARGE: Final = ("csv", "jsonl")
"""The formats that are measured with all rows; the others with a fiftieth, for a call in OTLP takes ten times as long."""
MEMORY: Final = 2 * 1024
"""MiB within which a dataset of five million rows has to load."""
CHUNK: Final = 1 << 20
LOOK_EVERY: Final = 0.25
"""Seconds between two looks at the memory; what comes and goes in between is not seen."""


async def imports(server: Process, person: Person, rows: Mapping[str, int]) -> list[Figure]:
    """Upload a log of so many rows in each format, and look at the server meanwhile."""
    figures = []
    for name, count in rows.items():
        with tempfile.TemporaryDirectory(prefix="netra-bench-") as folder:
            log = Path(folder) / name
            await asyncio.to_thread(logs.write, name, count, log)
            peaks: list[int] = []
            watch = asyncio.create_task(watch_memory(server, peaks))
            begin = time.perf_counter()
            try:
                made = await _upload(server, person, log)
            finally:
                watch.cancel()
            seconds = time.perf_counter() - begin
        bad = count // logs.BAD_EVERY
        if (made["rows"], made["rejected"]) != (count - bad, bad):
            raise RuntimeError(f"of {count} rows {made['rows']} were taken and {made['rejected']} not")
        what = f"{name}, {count:,} rows, {made['bytes'] / 2**20:,.0f} MiB"
        figures += [
            Figure(f"{what}: memory of the server and PostgreSQL", max(peaks) / 2**20, "MiB", MEMORY),
            Figure(f"{what}: uploaded and loaded", seconds, "s"),
        ]
    return figures


async def _upload(server: Process, person: Person, log: Path) -> dict[str, int]:
    async def chunks() -> AsyncIterator[bytes]:
        with log.open("rb") as file:
            while chunk := await asyncio.to_thread(file.read, CHUNK):
                yield chunk

    headers = {"Authorization": f"Bearer {person.token}"}
    async with httpx.AsyncClient(base_url=server.url, timeout=None, headers=headers) as client:
        answer = await client.post("/api/datasets", content=chunks(), params={"name": log.name})
        answer.raise_for_status()
        made: dict[str, int] = answer.json()
        (await client.delete(f"/api/datasets/{made['id']}")).raise_for_status()
        return made


async def watch_memory(server: Process, peaks: list[int]) -> None:
    """Add what the server takes, in bytes, until cancelled."""
    while True:
        peaks.append(await asyncio.to_thread(server.footprint))
        await asyncio.sleep(LOOK_EVERY)
