"""What the run factory's settings cost and gain: connections of DuckDB that wait, and types that are kept.

In CPU time of this process, which a busy machine does not lengthen, and its memory.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil

from bench import logs
from bench.measures import Figure
from netra.agents.shape import Shape, ShapeCache
from netra.clock import SystemClock
from netra.datasets.engine import blank_connection
from netra.datasets.importer import import_file
from netra.datasets.pool import EnginePool
from netra.datasets.query import open_query
from netra.ids import DatasetId, new_uuid

CONNECTIONS = 20


async def factory(times: int) -> list[Figure]:
    """Open a dataset so often without the pool and with it, and look at a type without the cache and with it."""
    with tempfile.TemporaryDirectory(prefix="netra-bench-") as folder:
        log, rows = Path(folder) / "log", Path(folder) / "rows"
        await asyncio.to_thread(logs.write, "csv", 1000, log)
        await import_file(log, rows)
        dataset = DatasetId(new_uuid())
        pool = EnginePool(SystemClock(), size=times, keep=3600)

        async def open_once(source: EnginePool | None) -> None:
            async with open_query(dataset, rows, source) as query:
                await query.fetch("SELECT sum(input_tokens) FROM usage")

        await open_once(None)
        late = await _cpu(times, lambda: open_once(None))
        for _ in range(times):
            pool.put(await asyncio.to_thread(blank_connection))
        ready = await _cpu(times, lambda: open_once(pool))
        if pool.counts.ready != times:
            raise RuntimeError(f"the pool had {pool.counts.ready} of {times} connections ready")
    before = psutil.Process().memory_info().rss
    held = [blank_connection() for _ in range(CONNECTIONS)]
    grown = psutil.Process().memory_info().rss - before
    for connection in held:
        connection.close()
    cache = ShapeCache(SystemClock(), size=10, lifetime=3600)
    return [
        Figure("open a dataset and sum a column, connection made for it: CPU", late, "ms"),
        Figure("the same with one that was ready, its proof included: CPU", ready, "ms"),
        Figure("memory of a connection that waits", grown / CONNECTIONS / 2**20, "MiB"),
        Figure("look at the type of a step's result: CPU", await _cpu(times, lambda: _look(Shape)), "ms"),
        Figure("the same with the type kept: CPU", await _cpu(times, lambda: _look(cache.of)), "ms"),
    ]


async def _look(shape: Callable[[object], Shape]) -> None:
    shape(dict[str, list[tuple[int, float | None]]])


async def _cpu(times: int, work: Callable[[], Awaitable[None]]) -> float:
    """Milliseconds of CPU, the median."""
    taken = []
    for _ in range(times):
        begin = time.process_time()
        await work()
        taken.append((time.process_time() - begin) * 1e3)
    return statistics.median(taken)
