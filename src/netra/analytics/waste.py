"""What is paid for nothing: requests that failed, requests that were sent again, rows and requests that are there twice.

A request failed when its row has a status other than `ok`. What it cost is what its tokens cost at list prices: a request that
was refused has none and costs nothing. Rows that stand for several requests (`requests`) count for all of them among the
failures; in what goes by the order of single requests they are left out.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from netra.analytics import measure
from netra.analytics.bills import SECOND, price_rows
from netra.analytics.figures import Measurement, Quantity, as_number, as_shown
from netra.analytics.prices import PriceList
from netra.datasets.query import DatasetQuery
from netra.db.sql import NamedQueries

SQL: Final = NamedQueries("netra.analytics", "waste.sql")

RETRY: Final = 60.0
"""Seconds after a failure within which the next request of the same user and session to the same model is taken for a retry.
The clients of OpenAI and Anthropic wait at most 8 s before one, those of queues longer."""
COST: Final = "sum of the cost at list prices"


async def waste(query: DatasetQuery, lists: Mapping[str, PriceList], *, top: int = measure.LARGEST_NAMES) -> Measurement:
    """Failures, retries, repeated rows, requests that are alike, and what the provider's cache gave.

    `lists` holds the price list of each name of a model that has one (`costs.lists_of`); `top` bounds each breakdown.
    """
    await price_rows(query, lists)
    measured = await _failures(query, top)
    timed, called = await query.fetch_one(SQL["count_callers"])
    if not timed:
        note = "No row has a time, so nothing is said of what was sent again."
        measured += Measurement(missing=("at",), notes=(note,))
    else:
        measured += await _repeated_rows(query)
    if called:
        measured += await _alike(query)
    elif timed:
        note = "No row has a user or a session, so nothing is said of who sent something again."
        measured += Measurement(missing=("user", "session"), notes=(note,))
    return measured + await _cached(query, top)


async def _failures(query: DatasetQuery, top: int) -> Measurement:
    known, requests, rows, failed, tokens, priced, cost, spend, lines = await query.fetch_one(
        SQL["sum_outcomes"], named=measure.NAMED
    )
    if not known:
        return Measurement(missing=("status",), notes=("No row says whether its request went well.",))
    said = measure.select_rows(query, "rows with a status", known)
    bad = measure.select_rows(query, "rows with a status other than ok", rows).model_copy(update={"lines": tuple(lines or ())})
    figures = [
        bad.figure("failed_requests", "Requests that failed", int(failed), "requests", "sum(requests)"),
        said.figure(
            "failed_share",
            "Share of requests that failed",
            int(failed) / int(requests),
            "share",
            "failed_requests / sum(requests)",
        ),
        bad.figure(
            "failed_tokens", "Tokens of requests that failed", int(tokens), "tokens", "sum(input_tokens + output_tokens)"
        ),
    ]
    if priced:
        figures.append(bad.figure("failed_cost", "Cost of requests that failed", as_number(cost), "USD", COST))
        if spend:
            label = "Share of the cost that went into requests that failed"
            formula = "failed_cost / cost of all rows at list prices"
            figures.append(bad.figure("failed_cost_share", label, cost / spend, "share", formula))
    measured = Measurement(figures=tuple(figures))
    quantities = (
        Quantity(id="requests", unit="requests", formula="sum(requests)"),
        Quantity(id="tokens", unit="tokens", formula="sum(input_tokens + output_tokens)"),
        Quantity(id="cost", unit="USD", formula=COST),
    )
    found = await query.fetch(SQL["group_failures"], limit=top)
    for kind, by in (("status", "what went wrong"), ("model", "model"), ("feature", "feature")):
        theirs = [each for each in found if each[0] == kind]
        if theirs:
            entries = [
                (key and as_shown(key), count, (int(several), int(each), as_number(dollars)))
                for _, key, count, several, each, dollars, _ in theirs
            ]
            title = f"Requests that failed, by {by}"
            table = bad.breakdown(f"failures_by_{kind}", title, kind, quantities, entries, of=theirs[0][-1])
            measured += Measurement(breakdowns=(table,))
    return measured + (await _retries(query) if rows else Measurement())


async def _retries(query: DatasetQuery) -> Measurement:
    count, cost, again, lines = await query.fetch_one(SQL["sum_retries"], within=round(RETRY * SECOND), named=measure.NAMED)
    words = f"rows at most {RETRY:g} s after a failed one of the same user, session and model, with nothing between"
    rows = measure.select_rows(query, words, count).model_copy(update={"lines": tuple(lines or ())})
    return Measurement(
        figures=(
            rows.figure("retries", "Requests that look like retries", count, "requests", "count(*)"),
            rows.figure("retries_cost", "Cost of what looks like retries", as_number(cost), "USD", COST),
            rows.figure(
                "retries_failed", "Retries that failed again", again, "requests", "count(*) where the status is not ok"
            ),
        )
    )


async def _repeated_rows(query: DatasetQuery) -> Measurement:
    count, cost, lines = await query.fetch_one(SQL["sum_repeated_rows"], named=measure.NAMED)
    words = "rows that are the same as an earlier one in every column, the time to the microsecond"
    rows = measure.select_rows(query, words, count).model_copy(update={"lines": tuple(lines or ())})
    notes = ("Rows that are the same in every column may be a request that was logged twice and billed once.",) if count else ()
    return Measurement(
        figures=(
            rows.figure("repeated_rows", "Rows that are there twice", count, "rows", "count(*)"),
            rows.figure("repeated_rows_cost", "Cost of rows that are there twice", as_number(cost), "USD", COST),
        ),
        notes=notes,
    )


async def _alike(query: DatasetQuery) -> Measurement:
    count, cost, lines = await query.fetch_one(SQL["sum_alike"], within=round(RETRY * SECOND), named=measure.NAMED)
    words = (
        f"rows at most {RETRY:g} s after one of the same user, session, model and feature with as many input and output tokens"
    )
    rows = measure.select_rows(query, words, count).model_copy(update={"lines": tuple(lines or ())})
    return Measurement(
        figures=(
            rows.figure("alike_requests", "Requests that look like the one before", count, "requests", "count(*)"),
            rows.figure("alike_requests_cost", "Cost of requests that look like the one before", as_number(cost), "USD", COST),
        ),
        notes=("Whether requests of the same size are the same, only their prompts could say.",) if count else (),
    )


async def _cached(query: DatasetQuery, top: int) -> Measurement:
    found: list[Sequence[Any]] = list(await query.fetch(SQL["sum_cached"], limit=top + 1))
    if not found:
        return Measurement(missing=("cached_input_tokens",), notes=("No row says what a provider's cache gave.",))
    (_, _, count, inputs, cached, reading, groups), *by_model = found
    rows = measure.select_rows(query, "rows with a number of cached input tokens", count)
    formula = "sum(cached_input_tokens) / sum(input_tokens)"
    figures = [
        rows.figure("cached_input", "Input tokens that a cache gave", int(cached), "tokens", "sum(cached_input_tokens)"),
        rows.figure("cached_rows", "Rows that read a cache", reading, "rows", "count(*) where cached_input_tokens > 0"),
    ]
    if inputs:
        share = int(cached) / int(inputs)
        figures.append(rows.figure("cached_input_share", "Share of the input that a cache gave", share, "share", formula))
    quantities = (
        Quantity(id="input_tokens", unit="tokens", formula="sum(input_tokens)"),
        Quantity(id="cached_input_tokens", unit="tokens", formula="sum(cached_input_tokens)"),
        Quantity(id="share", unit="share", formula=formula),
    )
    entries = [
        (
            model and as_shown(model),
            number,
            (int(sent), int(given), int(given) / int(sent) if sent else None),
        )
        for _, model, number, sent, given, *_ in by_model
    ]
    title = "What the provider's cache gave, by model"
    table = rows.breakdown("cached_input_by_model", title, "model", quantities, entries, of=groups - 1)
    return Measurement(figures=tuple(figures), breakdowns=(table,))
