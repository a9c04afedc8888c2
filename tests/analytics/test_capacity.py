"""A queue over real arrivals, against Erlang's formula at the rate that plain Python finds."""

import math
import statistics
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from netra.analytics.capacity import Capacity, QueuePrediction, Throughput, predict_queue
from netra.analytics.queueing import ServerQueue
from netra.errors import InvalidInput
from tests.analytics.test_latency import Answer, written
from tests.analytics.test_measure import MOMENT, opened
from tests.datasets.traces import Trace, trace  # noqa: F401 - a fixture


async def queued(content: bytes, **changes: Any) -> QueuePrediction:
    async with opened(content) as (query, _):
        return await predict_queue(query, Capacity(**{"servers": 4, **changes}))


def at(second: float) -> datetime:
    return MOMENT + timedelta(seconds=second)


async def test_the_queue_of_an_azure_trace_is_erlangs_at_its_rate(trace: Trace) -> None:  # noqa: F811
    throughput = Throughput(output_tokens_per_second=50, input_tokens_per_second=5000)
    found = await queued(trace.path.read_bytes(), servers=60, traffic=1.5, throughput=throughput, target_wait_ms=100)
    times = trace.times
    rate = 1.5 * len(times) / (max(times) - min(times)).total_seconds()
    service = statistics.fmean(trace.output_tokens) / 50 + statistics.fmean(trace.input_tokens) / 5000
    queue = ServerQueue(60, rate, service)
    values = found.measurement.values()
    assert values["offered_load"] == pytest.approx(queue.load)
    assert values["utilisation"] == pytest.approx(queue.load / 60)
    assert values["waiting_probability"] == pytest.approx(queue.waiting_probability(), abs=1e-12)
    assert values["mean_wait"] == pytest.approx(queue.mean_wait() * 1000, abs=1e-9)
    assert values["wait_p95"] == pytest.approx(queue.wait_at(0.95) * 1000, abs=1e-9)
    assert values["mean_response"] == pytest.approx((queue.mean_wait() + service) * 1000)
    fewest = int(values["fewest_servers"])
    assert ServerQueue(fewest, rate, service).wait_at(0.95) <= 0.1 < ServerQueue(fewest - 1, rate, service).wait_at(0.95)
    assert any("bursts" in note for note in found.measurement.notes) or not trace.is_whole
    assert found.measurement.missing == ()


async def test_the_busiest_minute_is_the_fullest_window_of_a_minute(trace: Trace) -> None:  # noqa: F811
    found = await queued(trace.path.read_bytes(), arrivals="busiest_minute", throughput=Throughput(output_tokens_per_second=50))
    first, last = min(trace.times), max(trace.times)
    whole = (last - first) // timedelta(minutes=1)
    minutes = Counter((time - first) // timedelta(minutes=1) for time in trace.times)
    assert found.arrival_rate == pytest.approx(max(minutes[number] for number in range(whole)) / 60)
    with pytest.raises(InvalidInput, match="busiest"):  # the trace is shorter than ten hours
        await queued(trace.path.read_bytes(), arrivals="busiest_hour", throughput=Throughput(output_tokens_per_second=50))


async def test_the_time_of_a_server_is_the_latency_of_the_log_unless_it_is_stated() -> None:
    content = written([Answer(2000.0, 100, 50, at(second)) for second in range(61)])
    measured = await queued(content)
    assert measured.service_seconds == 2
    assert measured.measurement.values()["service_variation"] == 0
    stated = await queued(content, throughput=Throughput(output_tokens_per_second=10))
    assert stated.service_seconds == 5
    assert "service_variation" not in stated.measurement.values()


async def test_more_work_than_the_servers_can_do_gives_no_wait_but_what_would_be_enough() -> None:
    content = written([Answer(5000.0, at=at(second)) for second in range(61)])
    found = await queued(content, servers=2, target_wait_ms=0, target_share=0.5)
    values = found.measurement.values()
    assert float(values["utilisation"]) > 1
    assert "mean_wait" not in values
    assert any("without bound" in note for note in found.measurement.notes)
    assert found.arrival_rate is not None
    enough = found.queue(int(values["fewest_servers"]))
    assert enough is not None
    assert enough.waiting_probability() <= 0.5


async def test_a_queue_without_times_or_latency_says_what_is_missing() -> None:
    assert (await queued(b"input_tokens,output_tokens\n1,2\n")).measurement.missing == ("at", "latency_ms")
    together = await queued(written([Answer(5.0)] * 3))
    assert together.queue(3) is None
    assert together.measurement.missing == ()
    assert "two different times" in together.measurement.notes[0]


async def test_every_figure_of_a_queue_is_finite() -> None:
    content = written([Answer(0.0, at=at(second)) for second in range(61)])
    found = await queued(content, target_wait_ms=0)
    for value in found.measurement.values().values():
        assert math.isfinite(float(value))


async def test_servers_that_nobody_states_are_found_for_the_target() -> None:
    content = written([Answer(5000.0, at=at(second)) for second in range(61)])
    found = (await queued(content, servers=None, target_wait_ms=500)).measurement.values()
    stated = (await queued(content, servers=int(found["fewest_servers"]), target_wait_ms=500)).measurement.values()
    assert found == stated
    assert float(found["wait_p95"]) <= 500


def test_a_queue_that_asks_nothing_is_refused() -> None:
    with pytest.raises(ValidationError):
        Capacity()
