"""Every metric that Netra shows: its name, kind, labels and meaning, in one table.

No label holds an id or anything that a user wrote: metrics are read by people who may not read users' data. The page
`docs/reference/metrics.md` is written from this table by `python -m netra.health.catalogue`.
"""

import sys
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["counter", "gauge", "histogram"]

# From a tenth of a millisecond, where a group commit on a fast disk is, to ten seconds, where a user has left.
LATENCY: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
# A run may wait in the queue for minutes.
WAITING: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. A counter's name ends with `_total`, a time's with `_seconds`; `bounds` are a histogram's buckets."""

    name: str
    kind: Kind
    meaning: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()


CATALOGUE: Final = (
    # Sockets
    Metric("netra_connections", "gauge", "WebSocket connections that are open."),
    Metric("netra_users_connected", "gauge", "Users with an open WebSocket connection."),
    Metric("netra_connections_opened_total", "counter", "WebSocket connections that were ever opened."),
    Metric("netra_connection_closes_total", "counter", "WebSocket connections that were closed, by close code.", ("code",)),
    # The log
    Metric("netra_events_appended_total", "counter", "Events committed to the log by this process."),
    Metric("netra_events_delivered_total", "counter", "Events handed to readers' sockets and streams."),
    Metric("netra_events_replayed_total", "counter", "Events read from the log for a reader who had missed them."),
    Metric("netra_append_seconds", "histogram", "From queueing an event to its commit.", bounds=LATENCY),
    Metric("netra_delivery_lag_seconds", "histogram", "From an event's commit to its hand-over to a socket.", bounds=LATENCY),
    Metric("netra_resets_total", "counter", "Readers who were told to start over, by reason.", ("reason",)),
    # Runs and tools
    Metric("netra_runs", "gauge", "Runs in the database, by state.", ("state",)),
    Metric("netra_queue_wait_seconds", "histogram", "From accepting a run to starting it.", bounds=WAITING),
    Metric("netra_tool_calls_total", "counter", "Tool calls that ended, by tool and status.", ("tool", "status")),
    Metric("netra_quota_refusals_total", "counter", "Tool calls and runs refused because an allowance is used up.", ("tool",)),
    Metric(
        "netra_factory_phase_seconds",
        "histogram",
        "Making a run's context, its agent ready, and cleaning up.",
        ("phase",),
        LATENCY,
    ),
    Metric("netra_factory_target_seconds", "gauge", "What each of those phases is meant to take.", ("phase",)),
    Metric(
        "netra_factory_connections_total",
        "counter",
        "Connections of DuckDB that were ready when a dataset was opened, had to be made then (late), or were refused as used.",
        ("how",),
    ),
    Metric("netra_factory_connections_waiting", "gauge", "Connections of DuckDB that nobody has used and that wait."),
    Metric(
        "netra_model_calls_total",
        "counter",
        "Requests to language models that ended, those of hosted agents included.",
        ("model", "status"),
    ),
    Metric(
        "netra_model_tokens_total",
        "counter",
        "Tokens that language models have counted; `cached` are part of `input`.",
        ("model", "kind"),
    ),
    Metric("netra_model_call_seconds", "histogram", "From sending a request to a language model to its end.", bounds=WAITING),
    # Isolation
    Metric(
        "netra_cross_user_attempts_total",
        "counter",
        "Attempts to reach another user's data that were stopped, by where they were stopped.",
        ("where",),
    ),
    # This process
    Metric("netra_database_waiting", "gauge", "Callers that wait for a database connection."),
    Metric("netra_event_loop_lag_seconds", "histogram", "How late the event loop runs what is due.", bounds=LATENCY),
    Metric(
        "netra_never_awaited_coroutines_total",
        "counter",
        "Coroutines that were dropped without being awaited, by the function that made them. Each is work that silently did "
        "not happen.",
        ("coroutine",),
    ),
    Metric(
        "netra_blocking_calls_total",
        "counter",
        "Calls that held the event loop beyond the threshold, by the stack that is guilty, innermost last.",
        ("stack",),
    ),
    Metric(
        "netra_scrape_failures_total", "counter", "Metrics that could not be read for a scrape and were left out.", ("metric",)
    ),
    Metric("netra_build_info", "gauge", "Always 1; the version is in the label.", ("version",)),
)

PREFACE: Final = """\
# Health and metrics

- `GET /health/live` answers 200 as long as the event loop answers. It asks nothing outside of the process, so that an outage
  of the database does not restart the servers too.
- `GET /health/ready` answers 200 `ready`, or 503 `not_ready` when a critical check fails. `failed` names what fails, and
  `degraded` says that it is nothing critical.
- `GET /health` sums both up with a score: 1 when nothing that matters fails, 0.5 when something important does, 0 when
  something critical does.
- `GET /metrics` shows the metrics below, in the text format of Prometheus.

Each check takes at most 2 seconds, all together at most 6; they run in parallel, and an answer is shared for a second.
A failing check says why in a plain sentence, without addresses, paths or secrets.

## Metrics

Each process answers for itself; `netra_runs` is read from the database and is the same everywhere. No label holds an id or
anything that a user wrote, and a metric shows at most 100 label values, the rest as `other`. `process_*` and `python_*` are
those of every Python program.

| name | kind | labels | meaning |
|---|---|---|---|
"""


def render() -> str:
    """Return the whole page."""
    rows = [
        f"| `{metric.name}` | {metric.kind} | {', '.join(f'`{label}`' for label in metric.labels)} | {metric.meaning} |"
        for metric in CATALOGUE
    ]
    return PREFACE + "\n".join(rows) + "\n"


if __name__ == "__main__":
    sys.stdout.write(render())
