"""Cost row by row, against the same in plain Python with the price list's own arithmetic."""

import asyncio
import csv
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from genai_prices.data import providers
from genai_prices.data_snapshot import DataSnapshot
from genai_prices.types import Usage
from hypothesis import given
from hypothesis import strategies as st

from netra.analytics.costs import costs
from netra.analytics.figures import Measurement
from netra.analytics.prices import PriceList, UnknownModel, find_prices, price_list
from tests.analytics.test_measure import EXAMPLES, MOMENT, opened
from tests.datasets.traces import Trace, trace  # noqa: F401 - a fixture

EXAMPLE = Path(__file__).parents[2] / "examples/data/generated-usage.csv"
HEADER = ("at", "input_tokens", "output_tokens", "model", "user", "feature", "cost_usd")
STEPPED = "google:gemini-2.5-pro"
BY_HOUR = "deepseek:deepseek-chat"


@dataclass(frozen=True)
class Call:
    at: datetime | None
    input_tokens: int
    output_tokens: int
    model: str | None = "gpt-4o"
    user: str | None = None
    cost_usd: float | None = None


def written(calls: Sequence[Call]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(HEADER)
    for call in calls:
        at = call.at.isoformat() if call.at else ""
        writer.writerow([at, call.input_tokens, call.output_tokens, call.model, call.user, "", call.cost_usd])
    return text.getvalue().encode()


async def measured(content: bytes, **options: Any) -> Measurement:
    async with opened(content) as (query, _):
        return await costs(query, MOMENT, **options)


@cache
def prices_of(model: str) -> PriceList | None:
    return find_prices(model, MOMENT)


def price(call: Call, default: str | None = None) -> Decimal | None:
    """What a call costs, tariff by tariff and step by step, in exact decimals."""
    model = call.model or default
    prices = prices_of(model) if model else None
    if prices is None:
        return None
    clock = call.at.time() if call.at else datetime.min.time()
    tariff = [tariff for tariff in prices.tariffs if tariff.begins <= clock][-1]
    return tariff.price(1, call.input_tokens, call.output_tokens, call.input_tokens)


TIMES = st.timedeltas(timedelta(0), timedelta(days=2)).map(lambda passed: datetime(2026, 1, 1, tzinfo=UTC) + passed)
CALLS = st.lists(
    st.builds(
        Call,
        st.none() | TIMES,
        st.integers(0, 1000) | st.integers(199_000, 201_000),
        st.integers(0, 500),
        st.none() | st.sampled_from(["gpt-4o", "claude-sonnet-4-5", STEPPED, BY_HOUR, "our-own-7b"]),
        st.none() | st.sampled_from(["Ada", "Grace"]),
        st.none() | st.floats(0, 5).map(lambda dollars: round(dollars, 4)),
    ),
    min_size=1,
    max_size=50,
)


@EXAMPLES
@given(calls=CALLS, default=st.none() | st.just("gpt-4o-mini"))
def test_every_cost_equals_the_price_list_row_by_row(calls: list[Call], default: str | None) -> None:
    found = asyncio.run(measured(written(calls), default_model=default))
    each = {call: price(call, default) for call in calls}
    priced = [call for call in calls if each[call] is not None]
    values = found.values()
    if not priced:
        assert "cost_total" not in values
        assert values["unpriced_rows"] == len(calls)
        return

    def cost(some: Sequence[Call]) -> float:
        return float(sum((each[call] or Decimal(0) for call in some), Decimal(0)))

    assert values["cost_total"] == pytest.approx(cost(priced), rel=1e-12)
    assert float(values["cost_input"]) + float(values["cost_output"]) == pytest.approx(cost(priced), rel=1e-12)
    assert values["cost_mean"] == pytest.approx(cost(priced) / len(priced), rel=1e-12)
    assert values.get("unpriced_rows", 0) == len(calls) - len(priced)
    recorded = [call for call in priced if call.cost_usd is not None]
    if recorded:
        assert values["cost_recorded"] == pytest.approx(math.fsum(call.cost_usd or 0 for call in recorded))
        assert values["cost_recomputed"] == pytest.approx(cost(recorded), rel=1e-12)

    keys: dict[str, Callable[[Call], Any]] = {
        "model": lambda call: call.model,
        "user": lambda call: call.user,
        "hour": lambda call: call.at and call.at.hour,
    }
    for kind, key in keys.items():
        groups = {key(call) for call in calls}
        if kind != "model" and groups == {None}:
            assert {"hour": "at"}.get(kind, kind) in found.missing
            continue
        table = found.breakdown(f"cost_by_{kind}")
        expected = {key(call) for call in priced} if kind == "model" else groups
        assert {entry.key for entry in table.entries} == expected
        for entry in table.entries:
            theirs = [call for call in calls if key(call) == entry.key]
            assert entry.count == len(theirs)
            assert table.column("cost")[entry.key] == pytest.approx(cost(theirs), rel=1e-12)
            assert table.column("priced")[entry.key] == sum(each[call] is not None for call in theirs)
    shares = found.breakdown("cost_by_model").column("share").values()
    if cost(priced):
        assert sum(shares) == pytest.approx(1)
    strangers = sum(call.model == "our-own-7b" for call in calls)
    if strangers:
        (entry,) = found.breakdown("unknown_models").entries
        assert (entry.key, entry.count) == ("our-own-7b", strangers)


async def test_the_generated_log_costs_what_the_price_library_says_request_by_request() -> None:
    found = await measured(EXAMPLE.read_bytes())
    snapshot = DataSnapshot(providers=providers, from_auto_update=False)
    by_model: dict[str, Decimal] = {}
    with EXAMPLE.open() as lines:
        for row in csv.DictReader(lines):
            usage = Usage(input_tokens=int(row["input_tokens"]), output_tokens=int(row["output_tokens"]))
            paid = snapshot.calc(usage, row["model"], None, None, MOMENT).total_price
            by_model[row["model"]] = by_model.get(row["model"], Decimal(0)) + paid
    assert found.values()["cost_total"] == pytest.approx(float(sum(by_model.values())), rel=1e-12)
    assert found.breakdown("cost_by_model").column("cost") == pytest.approx(
        {model: float(paid) for model, paid in by_model.items()}, rel=1e-12
    )
    assert found.missing == ()
    ranked = [float(cost) for cost in found.breakdown("cost_by_user").column("cost").values()]
    assert ranked == sorted(ranked, reverse=True)
    assert found.breakdown("cost_by_user").of == 40


async def test_a_trace_without_models_costs_nothing_until_a_model_is_named(trace: Trace) -> None:  # noqa: F811
    unnamed = await measured(trace.path.read_bytes())
    assert unnamed.values() == {"unpriced_rows": len(trace.times)}
    assert "model" in unnamed.missing
    named = await measured(trace.path.read_bytes(), default_model="openai:gpt-4o")
    prices = await asyncio.to_thread(price_list, "openai:gpt-4o", MOMENT)
    (tariff,) = prices.tariffs
    expected = tariff.price(len(trace.times), sum(trace.input_tokens), sum(trace.output_tokens), 0)
    assert named.values()["cost_total"] == pytest.approx(float(expected), rel=1e-12)
    each = sorted(
        (tariff.price(1, i, o, i) for i, o in zip(trace.input_tokens, trace.output_tokens, strict=True)), reverse=True
    )
    tenth = float(sum(each[: math.ceil(len(each) / 10)]) / sum(each))
    assert named.values()["cost_top_10_percent"] == pytest.approx(tenth, rel=1e-9)
    (entry,) = named.breakdown("cost_by_model").entries
    assert (entry.key, entry.values[-2:]) == (None, ("openai:gpt-4o", prices.formula()))


async def test_an_unknown_model_is_listed_with_near_names_and_never_guessed() -> None:
    calls = [Call(MOMENT, 10, 10, "gpt4o"), Call(MOMENT, 10, 10, "gpt-4o")]
    found = await measured(written(calls))
    assert found.breakdown("cost_by_model").column("cost").keys() == {"gpt-4o"}
    assert "openai:gpt-4o" in found.breakdown("unknown_models").column("near")["gpt4o"]
    told = await measured(written(calls), aliases={"gpt4o": "openai:gpt-4o"})
    assert told.breakdown("cost_by_model").column("cost").keys() == {"gpt-4o", "gpt4o"}
    assert "unpriced_rows" not in told.values()


@pytest.mark.parametrize("options", [{"default_model": "gpt4o"}, {"aliases": {"a": "gpt4o"}}], ids=["default", "alias"])
async def test_a_model_of_the_callers_that_has_no_price_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UnknownModel):
        await measured(written([Call(MOMENT, 1, 1, "a")]), **options)


async def test_only_the_most_expensive_are_shown_and_all_are_counted() -> None:
    found = await measured(written([Call(MOMENT, 10 * number, 0, user=f"user {number}") for number in range(1, 31)]), top=3)
    table = found.breakdown("cost_by_user")
    assert [entry.key for entry in table.entries] == ["user 30", "user 29", "user 28"]
    assert table.of == 30


async def test_what_was_paid_is_compared_on_the_same_rows_only() -> None:
    calls = [Call(MOMENT, 1_000_000, 0, cost_usd=1.25), Call(MOMENT, 1_000_000, 0), Call(MOMENT, 1, 1, "ours", cost_usd=99)]
    found = (await measured(written(calls))).values()
    assert (found["cost_recorded"], found["cost_recomputed"], found["recorded_to_list"]) == (1.25, 2.5, 0.5)


async def test_a_recorded_cost_beyond_belief_is_left_out() -> None:
    calls = [Call(MOMENT, 1, 1, cost_usd=1.5), *[Call(MOMENT, 1, 1, cost_usd=1e308)] * 2]
    assert (await measured(written(calls))).values()["cost_recorded"] == 1.5


async def test_what_a_cache_gave_has_its_own_price_and_a_row_of_several_requests_the_size_of_the_mean_one() -> None:
    header = b"input_tokens,output_tokens,cached_input_tokens,requests,model\n"
    # gpt-4o: $2.50 a million input tokens, $1.25 from the cache, $10 output; gemini-2.5-pro: $1.25 and $10 up to 200,000.
    found = await measured(header + b"1000,100,400,1,gpt-4o\n400000,0,0,4,google:gemini-2.5-pro\n")
    assert found.breakdown("cost_by_model").column("cost") == {
        "gpt-4o": pytest.approx((600 * 2.5 + 400 * 1.25 + 1000) / 1e6),
        "google:gemini-2.5-pro": pytest.approx(0.5),
    }
    assert found.breakdown("cost_by_model").column("prices")["gpt-4o"] == (
        "((input_tokens − cached_input_tokens) × $2.5 + cached_input_tokens × $1.25 + output_tokens × $10) / 1,000,000"
    )
    assert len(found.notes) == 2
