"""`netra.health.metrics`: what a scrape shows, read back with Prometheus's own parser."""

import asyncio
from collections.abc import Mapping

import pytest
from prometheus_client.parser import text_string_to_metric_families

from netra.health import metrics as module
from netra.health.catalogue import CATALOGUE
from netra.health.metrics import MAX_SERIES, Metrics, Samples


async def scrape(metrics: Metrics) -> dict[tuple[str, tuple[str, ...]], float]:
    """Scrape, parse, and return the number of each series under its name and label values."""
    async with asyncio.timeout(10):
        text = (await metrics.scrape()).decode()
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_a_number_is_read_when_it_is_asked_for() -> None:
    appended = 0
    metrics = Metrics("1.2.3")
    metrics.watch("netra_events_appended_total", lambda: appended)
    assert (await scrape(metrics))["netra_events_appended_total", ()] == 0
    appended = 7
    assert (await scrape(metrics))["netra_events_appended_total", ()] == 7


async def test_numbers_with_labels_are_shown_one_by_one() -> None:
    metrics = Metrics("1.2.3")
    metrics.watch("netra_connection_closes_total", lambda: {"1001": 2, "4408": 1})
    metrics.watch("netra_tool_calls_total", lambda: {("list_agents", "success"): 3, ("list_agents", "error"): 1})
    shown = await scrape(metrics)
    assert shown["netra_connection_closes_total", ("1001",)] == 2
    assert shown["netra_connection_closes_total", ("4408",)] == 1
    assert shown["netra_tool_calls_total", ("success", "list_agents")] == 3  # label names are sorted
    assert shown["netra_build_info", ("1.2.3",)] == 1


async def test_a_source_may_have_to_ask_the_database() -> None:
    async def count() -> Mapping[str, float]:
        await asyncio.sleep(0)
        return {"running": 4, "queued": 9}

    metrics = Metrics("1.2.3")
    metrics.watch("netra_runs", count)
    shown = await scrape(metrics)
    assert (shown["netra_runs", ("running",)], shown["netra_runs", ("queued",)]) == (4, 9)


async def test_a_source_that_fails_or_hangs_is_left_out_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SOURCE_LIMIT", 0.05)

    async def hang() -> Samples:
        await asyncio.Event().wait()
        return 1

    def fail() -> Samples:
        raise ZeroDivisionError

    metrics = Metrics("1.2.3")
    metrics.watch("netra_runs", hang)
    metrics.watch("netra_connections", fail)
    metrics.watch("netra_users_connected", lambda: 5)
    shown = await scrape(metrics)
    assert shown["netra_users_connected", ()] == 5
    assert not {name for name, _ in shown} & {"netra_runs", "netra_connections"}
    shown = await scrape(metrics)
    assert shown["netra_scrape_failures_total", ("netra_connections",)] >= 1
    assert shown["netra_scrape_failures_total", ("netra_runs",)] >= 1


async def test_more_label_values_than_fit_are_added_up_and_none_is_lost() -> None:
    metrics = Metrics("1.2.3")
    counts = {f"stack {number}": number for number in range(MAX_SERIES * 3)}
    metrics.watch("netra_blocking_calls_total", lambda: counts)
    shown = {labels[0]: value for (name, labels), value in (await scrape(metrics)).items() if "blocking" in name}
    assert len(shown) == MAX_SERIES
    assert sum(shown.values()) == sum(counts.values())
    assert shown[f"stack {MAX_SERIES * 3 - 1}"] == MAX_SERIES * 3 - 1


async def test_observed_times_are_a_histogram() -> None:
    metrics = Metrics("1.2.3")
    observe = metrics.observer("netra_append_seconds")
    for seconds in (0.0004, 0.004, 40.0):
        observe(seconds)
    metrics.observer("netra_factory_phase_seconds", phase="context")(0.002)
    shown = await scrape(metrics)
    assert shown["netra_append_seconds_bucket", ("0.0005",)] == 1
    assert shown["netra_append_seconds_bucket", ("0.005",)] == 2
    assert shown["netra_append_seconds_bucket", ("+Inf",)] == shown["netra_append_seconds_count", ()] == 3
    assert shown["netra_append_seconds_sum", ()] == pytest.approx(40.0044)
    assert shown["netra_factory_phase_seconds_count", ("context",)] == 1


async def test_two_observers_of_one_series_count_together() -> None:
    metrics = Metrics("1.2.3")
    for _ in range(2):
        metrics.observer("netra_append_seconds")(0.001)
    assert (await scrape(metrics))["netra_append_seconds_count", ()] == 2


async def test_label_values_cannot_forge_a_line() -> None:
    metrics = Metrics("1.2.3")
    forged = 'x"} 1\nnetra_connections 99\n'
    metrics.watch("netra_resets_total", lambda: {forged: 1})
    shown = await scrape(metrics)
    assert shown["netra_resets_total", (forged,)] == 1
    assert ("netra_connections", ()) not in shown


async def test_the_process_itself_is_shown() -> None:
    assert (await scrape(Metrics("1.2.3")))["process_resident_memory_bytes", ()] > 1_000_000


def test_a_name_outside_of_the_catalogue_is_refused() -> None:
    metrics = Metrics("1.2.3")
    with pytest.raises(KeyError):
        metrics.watch("netra_events_append_total", lambda: 0)
    with pytest.raises(KeyError):
        metrics.observer("netra_apend_seconds")


def test_a_metric_has_one_source_of_its_own_kind() -> None:
    metrics = Metrics("1.2.3")
    metrics.watch("netra_connections", lambda: 0)
    for name in ("netra_connections", "netra_append_seconds"):
        with pytest.raises(ValueError, match=name):
            metrics.watch(name, lambda: 0)
    for name, labels in (("netra_connections", {}), ("netra_factory_phase_seconds", {}), ("netra_append_seconds", {"a": "b"})):
        with pytest.raises(ValueError, match=name):
            metrics.observer(name, **labels)


def test_what_nobody_feeds_can_be_listed() -> None:
    metrics = Metrics("1.2.3")
    assert {"netra_connections", "netra_append_seconds"} <= set(metrics.unfed())
    for metric in CATALOGUE:
        if metric.name in metrics.unfed() and metric.kind != "histogram":
            metrics.watch(metric.name, lambda: 0)
        elif metric.kind == "histogram":
            metrics.observer(metric.name, **dict.fromkeys(metric.labels, "x"))
    assert metrics.unfed() == []
