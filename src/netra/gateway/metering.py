"""Where each metric of `health.catalogue` comes from in a running server.

The parts count in plain numbers of their own, and know nothing of metrics. What they measure lies in bounded queues, which
are emptied into histograms when somebody asks; nothing here is on the path of an event.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Final

from netra.datasets.pool import EnginePool
from netra.db.database import Database
from netra.gateway.presence import Presence
from netra.gateway.trespass import Trespass
from netra.health.blocking import BlockingCalls
from netra.health.coroutines import NeverAwaited
from netra.health.metrics import Metrics
from netra.models.calls import CallTally
from netra.runs.runs import Runs
from netra.runs.state import State
from netra.runs.worker import Worker
from netra.streams.streams import Streams
from netra.tools.toolbox import Toolbox

COUNT_RUNS: Final = "SELECT state, count(*) FROM run WHERE state IN ('queued', 'running', 'waiting') GROUP BY state"
"""Live runs only: the others grow for ever, and a scrape must not read them all."""


@dataclass(slots=True)
class Meter:
    """The metrics of one process, and the queues that are emptied into them."""

    metrics: Metrics
    _queues: list[tuple[deque[float], Callable[[float], None], float]] = field(default_factory=list)

    async def scrape(self) -> bytes:
        """All metrics, in the text format of Prometheus."""
        for queue, observe, unit in self._queues:
            while queue:
                observe(queue.popleft() * unit)
        return await self.metrics.scrape()

    def pour(self, queue: deque[float], metric: str, *, unit: float = 1.0, **labels: str) -> None:
        """Empty `queue`, whose values are of so many seconds each, into a histogram at every scrape."""
        self._queues.append((queue, self.metrics.observer(metric, **labels), unit))

    def streams(self, streams: Streams) -> None:
        self.metrics.watch("netra_events_appended_total", lambda: streams.counts.appended)
        self.metrics.watch("netra_events_replayed_total", lambda: streams.counts.replayed)
        self.pour(streams.lags, "netra_append_seconds")

    def database(self, database: Database) -> None:
        async def count_runs() -> Mapping[str, float]:
            async with database.system().transaction() as connection:
                cursor = await connection.execute(COUNT_RUNS)
                found = dict(await cursor.fetchall())
            return {state: found.get(state, 0) for state in State if state.live}

        self.metrics.watch("netra_runs", count_runs)
        self.metrics.watch("netra_database_waiting", database.waiting)

    def presence(self, presence: Presence, trespass: Trespass) -> None:
        tally = presence.tally
        self.metrics.watch("netra_connections", lambda: presence.sockets)
        self.metrics.watch("netra_users_connected", lambda: presence.users)
        self.metrics.watch("netra_connections_opened_total", lambda: tally.opened)
        self.metrics.watch("netra_connection_closes_total", lambda: dict(tally.closes))
        self.metrics.watch("netra_events_delivered_total", lambda: tally.delivered)
        self.metrics.watch("netra_resets_total", lambda: dict(tally.resets))
        self.metrics.watch("netra_cross_user_attempts_total", lambda: {**trespass.counts, "identity": tally.identity_swaps})
        presence.observe_lag = self.metrics.observer("netra_delivery_lag_seconds")

    def factory(self, worker: Worker | None, **targets: float) -> None:
        """What making runs ready takes, against what it is meant to take: a target in milliseconds for each phase."""
        self.metrics.watch("netra_factory_target_seconds", lambda: {phase: ms / 1000 for phase, ms in targets.items()})
        if worker is not None:
            counts = worker.counts
            self.pour(counts.queue_waits, "netra_queue_wait_seconds")
            phases = {"context": counts.context_ms, "agent": counts.agent_ms, "cleanup": counts.cleanup_ms}
            for phase, queue in phases.items():
                self.pour(queue, "netra_factory_phase_seconds", unit=0.001, phase=phase)

    def engines(self, engines: EnginePool) -> None:
        self.metrics.watch("netra_factory_connections_total", lambda: asdict(engines.counts))
        self.metrics.watch("netra_factory_connections_waiting", lambda: engines.waiting)

    def tools(self, toolbox: Toolbox, runs: Runs) -> None:
        self.metrics.watch("netra_tool_calls_total", lambda: dict(toolbox.calls))

        def refused() -> dict[str, float]:
            counts = {tool: count for (tool, status), count in toolbox.calls.items() if status == "rate_limited"}
            return {**counts, "start_run": runs.refused}

        self.metrics.watch("netra_quota_refusals_total", refused)

    def models(self, tally: CallTally) -> None:
        self.metrics.watch("netra_model_calls_total", lambda: dict(tally.calls))
        self.metrics.watch("netra_model_tokens_total", lambda: dict(tally.tokens))
        self.pour(tally.latencies, "netra_model_call_seconds")

    def sentinels(self, dropped: NeverAwaited, blocking: BlockingCalls) -> None:
        self.metrics.watch("netra_never_awaited_coroutines_total", lambda: dropped.counts)
        self.metrics.watch("netra_blocking_calls_total", lambda: blocking.counts)
