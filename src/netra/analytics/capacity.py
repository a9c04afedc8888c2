"""How long requests would wait for a server: M/M/c (`netra.analytics.queueing`) at the rate of a log, times a factor.

What a server is depends on who asks: a replica that answers one request at a time, or one of the requests that a replica
takes at once. The model's assumptions stand beside its figures, and where the log departs from them it is said.
"""

from typing import Annotated, Final, Literal

from pydantic import Field, model_validator

from netra.analytics import measure, workload
from netra.analytics.figures import Figure, Measurement, ReportPart, RowSelection, as_number
from netra.analytics.queueing import MOST_SERVERS, ServerQueue, fewest_servers
from netra.datasets.query import DatasetQuery
from netra.db.sql import NamedQueries
from netra.errors import InvalidInput

SQL: Final = NamedQueries("netra.analytics", "capacity.sql")

BURSTY: Final = 1.5
"""An index of dispersion above which arrivals are called bursty; chance alone strays from 1 by a few tenths."""
Positive = Annotated[float, Field(gt=0, le=1e9)]

SERVICE_TIME: Final = "A server works on a request, mean"


class Throughput(ReportPart):
    """How fast one server works, as somebody knows it who has measured it."""

    output_tokens_per_second: Positive
    input_tokens_per_second: Positive | None = None
    """None: reading the input takes no time worth counting."""


class Capacity(ReportPart):
    """What to compute a queue for."""

    servers: int | None = Field(default=None, ge=1, le=MOST_SERVERS)
    """None: as many as the target takes."""
    traffic: Positive = 1.0
    """The factor by which the log's requests are multiplied."""
    arrivals: Literal["mean", "busiest_minute", "busiest_hour"] = "mean"
    throughput: Throughput | None = None
    """None: a request takes what the log has as its latency."""
    target_wait_ms: float | None = Field(default=None, ge=0, le=1e9)
    target_share: float = Field(default=0.95, gt=0, lt=1)
    """The share of the requests that is to begin within the target."""

    @model_validator(mode="after")
    def _asks_something(self) -> "Capacity":
        if self.servers is None and self.target_wait_ms is None:
            raise ValueError("a queue needs the number of servers, or the wait that it is to be found for")
        return self


class QueuePrediction(ReportPart):
    """The queue, when the log has what it takes, and its figures."""

    arrival_rate: float | None = None
    """Requests a second that the queue was computed for."""
    service_seconds: float | None = None
    measurement: Measurement

    def queue(self, servers: int) -> ServerQueue | None:
        """The queue of so many servers."""
        if self.arrival_rate is None or self.service_seconds is None:
            return None
        return ServerQueue(servers, self.arrival_rate, self.service_seconds)


async def predict_queue(query: DatasetQuery, capacity: Capacity) -> QueuePrediction:
    """How long requests would wait for one of the servers.

    Raises `LoadTooLarge` for a target that no number of servers meets, and `InvalidInput` when the log is too short to have
    the busiest window that is asked for.
    """
    span = await workload.time_span(query)
    service = await _service(query, capacity.throughput)
    if span is None or span[1] == span[2] or service is None:
        missing = (("at",) if span is None else ()) + (("latency_ms",) if service is None else ())
        notes = []
        if service is None:
            notes.append("No row has a latency: bring one, or say how many tokens a second a server makes.")
        if span is None or span[1] == span[2]:
            notes.append("The rows have no two different times, so there is no rate at which they came.")
        return QueuePrediction(measurement=Measurement(missing=missing, notes=tuple(notes)))
    timed, *_ = span
    came = await workload.arrivals(query)
    rate = _arrival_rate(timed, came, capacity)
    seconds = float(service.figures[0].value) / 1000
    fewest = _fewest(timed, float(rate.value), seconds, capacity)
    servers = capacity.servers if fewest is None else capacity.servers or int(fewest.value)
    assert servers is not None, "a capacity has servers, or a target that they are found for"
    queue = ServerQueue(servers, float(rate.value), seconds)
    measured = Measurement(figures=(rate,)) + service + _wait(timed, queue)
    measured += Measurement(figures=() if fewest is None else (fewest,))
    measured += _assumptions(came)
    return QueuePrediction(arrival_rate=queue.arrival_rate, service_seconds=seconds, measurement=measured)


def _arrival_rate(timed: RowSelection, came: Measurement, capacity: Capacity) -> Figure:
    name, label = "queue_arrival_rate", "Requests a second that come"
    if capacity.arrivals == "mean":
        rate, formula = float(came.values()["arrival_rate"]), "count(*) / (max(at) − min(at))"
    else:
        seconds = {"busiest_minute": 60, "busiest_hour": 3600}[capacity.arrivals]
        peaks = next((table.column("peak") for table in came.breakdowns if table.id == "burstiness"), {})
        if seconds not in peaks:
            raise InvalidInput(
                f"The log spans fewer than {workload.FEWEST_WINDOWS} windows of {seconds} s, too few to name the busiest.",
                field="arrivals",
            )
        rate, formula = peaks[seconds] / seconds, f"most requests in a window of {seconds} s from min(at) on / {seconds} s"
    return timed.figure(name, label, as_number(rate * capacity.traffic), "requests/s", f"{formula} × {capacity.traffic:g}")


async def _service(query: DatasetQuery, throughput: Throughput | None) -> Measurement | None:
    """How long a server works on a request in the mean, as the first figure."""
    with_latency, mean, spread, count, inputs, outputs = await query.fetch_one(
        SQL["describe_service"], longest=measure.LONGEST_LATENCY
    )
    if throughput is not None:
        rows = measure.select_rows(query, "all rows", count)
        seconds = int(outputs) / count / throughput.output_tokens_per_second
        formula = f"mean of output_tokens / {throughput.output_tokens_per_second:g}"
        if throughput.input_tokens_per_second is not None:
            seconds += int(inputs) / count / throughput.input_tokens_per_second
            formula += f" + mean of input_tokens / {throughput.input_tokens_per_second:g}"
        formula = f"1000 × ({formula}), at the stated throughput"
        value = as_number(seconds * 1000)
        return Measurement(figures=(rows.figure("service_time", SERVICE_TIME, value, "ms", formula),))
    if not with_latency:
        return None
    rows = measure.select_rows(query, "rows with a latency", with_latency)
    figures = [rows.figure("service_time", SERVICE_TIME, as_number(mean), "ms", "sum(latency_ms) / count(*)")]
    if mean:
        figures.append(
            rows.figure(
                "service_variation",
                "How much that varies",
                as_number(spread / mean),
                "ratio",
                "standard deviation of latency_ms / its mean; the model takes it to be 1",
            )
        )
    note = "The latency of a log contains what requests waited already, so the time that a server works is at most this."
    return Measurement(figures=tuple(figures), notes=(note,))


def _fewest(timed: RowSelection, rate: float, service: float, capacity: Capacity) -> Figure | None:
    """How many servers the target takes."""
    if capacity.target_wait_ms is None:
        return None
    fewest = fewest_servers(rate, service, capacity.target_wait_ms / 1000, capacity.target_share)
    formula = (
        f"the smallest number of servers with which {capacity.target_share:g} of the requests wait at most "
        f"{capacity.target_wait_ms:g} ms by the same model"
    )
    return timed.figure("fewest_servers", "Servers that meet the target", fewest, "servers", formula)


def _wait(timed: RowSelection, queue: ServerQueue) -> Measurement:
    figures = [
        timed.figure(
            "offered_load",
            "Servers at work, mean",
            as_number(queue.load),
            "servers",
            "queue_arrival_rate × service_time / 1000",
        ),
        timed.figure(
            "utilisation",
            f"Utilisation of {queue.servers} servers",
            as_number(queue.utilisation),
            "share",
            f"offered_load / {queue.servers}",
        ),
    ]
    notes = []
    if queue.is_stable:
        figures += [
            timed.figure(
                "waiting_probability",
                "Requests that wait",
                as_number(queue.waiting_probability()),
                "share",
                f"Erlang's C of {queue.servers} servers and offered_load",
            ),
            timed.figure(
                "mean_wait",
                "Wait for a server, mean",
                as_number(queue.mean_wait() * 1000),
                "ms",
                f"waiting_probability × service_time / ({queue.servers} − offered_load)",
            ),
            timed.figure(
                "wait_p95",
                "Wait for a server, p95",
                as_number(queue.wait_at(0.95) * 1000),
                "ms",
                f"ln(waiting_probability / 0.05) × service_time / ({queue.servers} − offered_load), at least 0",
            ),
            timed.figure(
                "mean_response",
                "Wait and work together, mean",
                as_number((queue.mean_wait() + queue.service) * 1000),
                "ms",
                "mean_wait + service_time",
            ),
        ]
    else:
        notes.append("More work comes than these servers can do: the queue grows without bound, so there is no wait to give.")
    return Measurement(figures=tuple(figures), notes=tuple(notes))


def _assumptions(came: Measurement) -> Measurement:
    """What the model takes for granted, and where this log departs from it."""
    notes = ["The model is M/M/c: independent arrivals, exponential service times, one line, first come first served."]
    bursts = tuple(table for table in came.breakdowns if table.id == "burstiness")
    if any(value > BURSTY for table in bursts for value in table.column("dispersion").values()):
        notes.append("The log's requests come in bursts (see burstiness), so real waits are longer than the model's.")
    return Measurement(breakdowns=bursts, notes=tuple(notes))
