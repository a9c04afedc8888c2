"""`/metrics`: what the parts of Netra count, read when somebody asks.

The layers below know nothing of metrics. They count in plain integers of their own (`writer.stats.appended += 1`), and
whoever assembles the server says where the number is: `metrics.watch("netra_events_appended_total", lambda:
writer.stats.appended)`. For a time there is an observer, a plain function of seconds, to hand to the layer that measures it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from inspect import isawaitable
from typing import Final

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from netra.health.catalogue import CATALOGUE, Metric
from netra.health.distribution import Distribution

MAX_SERIES: Final = 100
"""Label values of one metric that are shown; the rest are added up as `other`, so that no fault can fill a dashboard."""

SOURCE_LIMIT: Final = 2.0
"""Seconds that an asynchronous source may take."""

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST

Samples = float | Mapping[str, float] | Mapping[tuple[str, str], float]
"""A number, or a number for each value of the label, or for each pair of values where there are two labels."""

Source = Callable[[], Samples | Awaitable[Samples]]

_log = structlog.get_logger(__name__)


class Metrics:
    """The metrics of one process. What is neither watched nor observed is not shown."""

    def __init__(self, version: str) -> None:
        self._metrics = {metric.name: metric for metric in CATALOGUE}
        self._sources: dict[str, Source] = {}
        self._distributions: dict[str, dict[tuple[str, ...], Distribution]] = {}
        self._failures: dict[str, int] = {}
        self._process = CollectorRegistry()
        ProcessCollector(registry=self._process)
        PlatformCollector(registry=self._process)
        self.watch("netra_build_info", lambda: {version: 1})
        self.watch("netra_scrape_failures_total", lambda: self._failures)

    def watch(self, name: str, source: Source) -> None:
        """Read the counter or gauge `name` from `source` at every scrape.

        A source that is asynchronous has two seconds; one that fails is left out of that scrape and counted. Raises
        KeyError for a name that is not in the catalogue, ValueError for one that is watched already or is a histogram.
        """
        if self._metrics[name].kind == "histogram" or name in self._sources:
            raise ValueError(f"{name} is a histogram or has a source already")
        self._sources[name] = source

    def observer(self, name: str, **labels: str) -> Callable[[float], None]:
        """Return the function that counts one value, in seconds, into the histogram `name` with these labels.

        Ask once and keep it. Raises KeyError for an unknown name, ValueError for a wrong label or another kind.
        """
        metric = self._metrics[name]
        if metric.kind != "histogram" or labels.keys() != set(metric.labels):
            raise ValueError(f"{name} is no histogram with the labels {sorted(labels)}")
        key = tuple(labels[label] for label in metric.labels)
        distribution = self._distributions.setdefault(name, {}).setdefault(key, Distribution(metric.bounds))
        return distribution.observe

    def unfed(self) -> list[str]:
        """Return the names in the catalogue that nobody feeds, which a test of the whole server holds empty."""
        return sorted(self._metrics.keys() - self._sources.keys() - self._distributions.keys())

    async def scrape(self) -> bytes:
        """Return all metrics in the text format of Prometheus (`CONTENT_TYPE`)."""
        read = await asyncio.gather(*(self._read(name, source) for name, source in self._sources.items()))
        families = [family for family in read if family is not None]
        families += [self._histogram(self._metrics[name]) for name in self._distributions]
        # In a thread: the process's own metrics are files under /proc, and the text is a millisecond's work.
        return await asyncio.to_thread(generate_latest, _Page(families, self._process))

    async def _read(self, name: str, source: Source) -> Family | None:
        """Return the family of one watched metric; None where its source failed."""
        reading = asyncio.ensure_future(_samples(source))
        try:
            await asyncio.wait([reading], timeout=SOURCE_LIMIT)
        finally:
            reading.cancel()  # of no effect on what has ended
        error = reading.exception() if reading.done() else TimeoutError()
        if error is not None:
            self._failures[name] = self._failures.get(name, 0) + 1
            _log.warning("metric could not be read", metric=name, error=type(error).__name__)
            return None
        return _family(self._metrics[name], reading.result())

    def _histogram(self, metric: Metric) -> Family:
        family = HistogramMetricFamily(metric.name, metric.meaning, labels=metric.labels)
        for key, distribution in self._distributions[metric.name].items():
            family.add_metric(key, distribution.buckets(), distribution.total)
        return family


class _Page(Collector):
    """What one scrape shows: values that were read on the event loop, and those of the process."""

    def __init__(self, families: list[Family], process: CollectorRegistry) -> None:
        self._families = families
        self._process = process

    def collect(self) -> Iterable[Family]:
        yield from self._families
        yield from self._process.collect()


async def _samples(source: Source) -> Samples:
    samples = source()
    return await samples if isawaitable(samples) else samples


def _family(metric: Metric, samples: Samples) -> Family:
    make = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    family = make(metric.name, metric.meaning, labels=metric.labels)
    for key, value in _series(metric, samples):
        family.add_metric(key, value)
    return family


def _series(metric: Metric, samples: Samples) -> list[tuple[tuple[str, ...], float]]:
    """Return each combination of label values with its number, the largest first where there are too many."""
    if not isinstance(samples, Mapping):
        return [((), samples)]
    series: list[tuple[tuple[str, ...], float]] = [
        (key if isinstance(key, tuple) else (key,), value) for key, value in samples.items()
    ]
    if len(series) <= MAX_SERIES:
        return series
    series.sort(key=lambda item: item[1], reverse=True)
    rest = sum(value for _, value in series[MAX_SERIES - 1 :])
    return [*series[: MAX_SERIES - 1], (("other",) * len(metric.labels), rest)]
