"""`netra.health.catalogue`: names that Prometheus users expect, and a page that is the table."""

import re
from pathlib import Path

import pytest

from netra.health.catalogue import CATALOGUE, Metric, render

PAGE = Path(__file__).parents[2] / "docs/reference/metrics.md"


def test_the_page_is_what_the_catalogue_says_now() -> None:
    assert PAGE.read_text("utf-8") == render(), "run: python -m netra.health.catalogue > docs/reference/metrics.md"


def test_no_two_metrics_share_a_name() -> None:
    assert len({metric.name for metric in CATALOGUE}) == len(CATALOGUE)


@pytest.mark.parametrize("metric", CATALOGUE, ids=lambda metric: metric.name)
def test_a_name_tells_the_kind_and_the_unit(metric: Metric) -> None:
    assert re.fullmatch(r"netra(_[a-z]+)+", metric.name)
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    assert (metric.kind == "histogram") == bool(metric.bounds)
    assert metric.kind != "histogram" or metric.name.endswith("_seconds")
    assert metric.meaning.endswith(".")


def test_no_label_names_a_person_or_an_id() -> None:
    labels = {label for metric in CATALOGUE for label in metric.labels}
    assert not [label for label in labels if re.search(r"id$|user|thread|run|email|address|session", label)]


def test_what_the_contract_names_is_in_the_catalogue() -> None:
    names = {metric.name for metric in CATALOGUE}
    assert names >= {
        "netra_connections",
        "netra_events_appended_total",
        "netra_events_delivered_total",
        "netra_events_replayed_total",
        "netra_delivery_lag_seconds",
        "netra_append_seconds",
        "netra_resets_total",
        "netra_runs",
        "netra_tool_calls_total",
        "netra_quota_refusals_total",
        "netra_queue_wait_seconds",
        "netra_event_loop_lag_seconds",
        "netra_never_awaited_coroutines_total",
        "netra_blocking_calls_total",
        "netra_cross_user_attempts_total",
        "netra_factory_phase_seconds",
    }
