"""What each preset of the run factory costs and gains: one server after the other, each with the same work.

Start, memory and connections are measured before anybody asks for anything. Then somebody runs an agent that does nothing, once
after the other: what the phases of these runs took comes from the histograms of `/metrics`, between whose bounds a percentile
is interpolated. Then several people run the team at once, each over a log of their own.
"""

import asyncio
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import httpx

from bench.measures import Figure, run_start
from bench.people import sign_up
from bench.processes import Process, data_folder, lift_limits, netra_server, until_ready
from bench.team import Asker
from netra.settings.model import PRESETS, Settings

PHASES: Final = ("context", "agent", "cleanup")
WITHIN: Final = 300.0
"""Seconds after which it is no use to wait any longer."""
PEOPLE: Final = 5


@dataclass(frozen=True, slots=True)
class Scrape:
    """What `/metrics` said at a moment: each sample by its name and labels, as they are written."""

    samples: dict[str, float]

    @classmethod
    async def take(cls, client: httpx.AsyncClient) -> "Scrape":
        answer = await client.get("/metrics")
        answer.raise_for_status()
        found = re.findall(r"(?m)^(\w+(?:\{[^}]*\})?) (\S+)$", answer.text)
        return cls({name: float(value) for name, value in found})

    def buckets(self, phase: str) -> list[tuple[float, float]]:
        """The bounds of a phase's histogram in seconds, and how many runs took no longer."""
        return sorted(self._buckets(phase))

    def _buckets(self, phase: str) -> Iterator[tuple[float, float]]:
        for name, value in self.samples.items():
            if name.startswith("netra_factory_phase_seconds_bucket{") and f'phase="{phase}"' in name:
                bound = re.search(r'le="([^"]+)"', name)
                assert bound is not None, "a bucket has a bound"
                yield float(bound[1]), value


def percentile(buckets: Sequence[tuple[float, float]], share: float) -> float:
    """The value below which so many are, in the unit of the bounds; the last finite bound where it lies beyond."""
    wanted, below, before = share * buckets[-1][1], 0.0, 0.0
    for bound, count in buckets:
        if count >= wanted and count > before:
            return below if bound == float("inf") else below + (bound - below) * (wanted - before) / (count - before)
        below, before = bound if bound != float("inf") else below, count
    return below


async def presets(runs: int, asked: int) -> list[Figure]:
    """Each preset with so many runs that do nothing, and so many of the team."""
    figures: list[Figure] = []
    for name in PRESETS:
        with data_folder() as folder:
            with netra_server(folder) as server:  # the database is initialised, so that each preset starts alike
                await until_ready(server, "/health/ready")
            begin = time.perf_counter()
            with netra_server(folder, NETRA_FACTORY_PRESET=name) as server:
                await until_ready(server, "/health/ready")
                started = time.perf_counter() - begin
                await asyncio.to_thread(lift_limits, folder)
                figures += [Figure(f"{name}: start, to ready", started, "s"), *await _worked(name, server, runs, asked)]
    return figures


async def _worked(name: str, server: Process, runs: int, asked: int) -> list[Figure]:
    async with httpx.AsyncClient(base_url=server.url, timeout=60) as client, asyncio.timeout(WITHIN):
        idle = await _filled(client, Settings.model_validate({"factory_preset": name}).factory_pool_initial_size)
        memory = await asyncio.to_thread(server.footprint)
        people = await sign_up(client, PEOPLE)
        await run_start(server, people[0], runs)
        alone = await Scrape.take(client)
        askers = [Asker(people[nth % PEOPLE]) for nth in range(asked)]
        await asyncio.gather(*(asker.prepare(server) for asker in askers))
        begin = time.perf_counter()
        await asyncio.gather(*(asker.ask() for asker in askers))
        took = time.perf_counter() - begin
        after = await Scrape.take(client)
    opened = {how: after.samples.get(f'netra_factory_connections_total{{how="{how}"}}', 0.0) for how in ("ready", "late")}
    return [
        Figure(f"{name}: connections of DuckDB that wait after the start", idle, "connections"),
        Figure(f"{name}: memory of the server and PostgreSQL then", memory / 2**20, "MiB"),
        *(
            Figure(f"{name}: {phase}, {label}", percentile(alone.buckets(phase), share) * 1e3, "ms")
            for phase in PHASES
            for label, share in (("p50", 0.5), ("p99", 0.99))
        ),
        Figure(f"{name}: {asked} runs of the team by {PEOPLE} people, to the last", took, "s"),
        Figure(f"{name}: datasets opened on a connection that was ready", opened["ready"] / sum(opened.values()), "share"),
    ]


async def _filled(client: httpx.AsyncClient, wanted: int) -> float:
    """Wait until so many connections wait; give how many do."""
    while True:
        count = (await Scrape.take(client)).samples.get("netra_factory_connections_waiting", 0.0)
        if count >= wanted:
            return count
        await asyncio.sleep(0.2)
