"""What could be saved, against the same bills in plain Python, request by request."""

import asyncio
import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netra.analytics.capability import CASES
from netra.analytics.costs import costs
from netra.analytics.figures import Figure
from netra.analytics.savings import Savings, find_savings
from netra.analytics.terms import SavingTerms, Span
from tests.analytics.recomputation import ORDER, Call, Recomputation
from tests.analytics.test_costs import BY_HOUR, STEPPED
from tests.analytics.test_measure import EXAMPLES, MOMENT, opened
from tests.datasets.traces import Trace, trace  # noqa: F401 - a fixture

EXAMPLE = Path(__file__).parents[2] / "examples/data/generated-usage.csv"
HEADER = (
    *("at", "input_tokens", "output_tokens", "cached_input_tokens", "model", "feature", "session", "requests"),
    *("prompt", "user", "status", "cost_usd"),
)
TERMS = (
    SavingTerms(commitment_days=0.01, cache_shortest=100),
    SavingTerms(
        commitment_days=0.01,
        cache_shortest=0,
        tolerant_features=("jobs",),
        feature_classes={"chat": "small"},
        quiet_hours=(16, 17),
        answer_seconds=Span(low=600, expected=1800, high=2700),
        cache_seconds=Span(low=60, expected=1200, high=7200),
        commitment_discount=Span(low=0.2, expected=0.5, high=0.9),
    ),
)


def written(calls: Sequence[Call]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(HEADER)
    for call in calls:
        at = call.at.isoformat() if call.at else ""
        writer.writerow(
            (
                *(at, call.input_tokens, call.output_tokens, call.cached),
                *(call.model, call.feature, call.session, call.requests),
                *(call.prompt, call.user, call.status, call.cost_usd),
            )
        )
    return text.getvalue().encode()


def dollars(figure: Figure) -> float:
    """A figure that is a sum of money."""
    assert figure.unit == "USD"
    assert not isinstance(figure.value, str)
    return figure.value


def totals_of(found: Savings) -> list[float]:
    """From nothing to the spend, in the order in which they have to be."""
    return [0, *map(dollars, (found.combined_low, found.combined, found.combined_high, found.spend))]


async def found_in(content: bytes, terms: SavingTerms | None = None, model: str | None = None) -> Savings:
    async with opened(content) as (query, _):
        return await find_savings(query, MOMENT, terms=terms, default_model=model)


BEGINNING = datetime(2026, 1, 1, 15, tzinfo=UTC)
CALLS = st.lists(
    st.builds(
        Call,
        st.none() | st.integers(0, 8 * 3600).map(lambda seconds: BEGINNING + timedelta(seconds=seconds)),
        st.integers(0, 5000) | st.integers(199_000, 201_000),
        st.integers(0, 2000),
        st.sampled_from([0, 0, 50, 4000]),
        st.sampled_from(["gpt-4o", "claude-haiku-4-5", STEPPED, BY_HOUR, "our-own-7b"]),
        st.sampled_from(["chat", "jobs", None]),
        st.sampled_from(["first", "second", None]),
        st.sampled_from([1, 1, 1, 7]),
        st.sampled_from(["what?", "what?", "why?", None]),
        st.sampled_from(["ann", "ben", None]),
        st.sampled_from(["ok", "ok", None, "failed"]),
        st.sampled_from([None, None, 0.0]),
    ),
    min_size=1,
    max_size=40,
)
MANY = st.lists(
    st.builds(
        Call,
        st.integers(0, 3 * 3600).map(lambda seconds: BEGINNING + timedelta(seconds=seconds)),
        st.integers(0, 20_000),
        st.integers(0, 2000),
        st.just(0),
        st.sampled_from(["gpt-4o", "claude-haiku-4-5"]),
        st.just("chat"),
        st.sampled_from(["first", "second"]),
        st.just(1),
        st.none() | st.integers(0, 30).map(lambda number: f"question {number}"),
        st.sampled_from(["ann", "ben"]),
    ),
    min_size=50,
    max_size=70,
)


# Fewer than elsewhere: one example is some seventy statements, and its recomputation as many bills of every row.
@settings(EXAMPLES, max_examples=8)
@given(calls=CALLS | MANY, terms=st.sampled_from(TERMS))
def test_every_saving_is_what_billing_each_changed_request_by_itself_gives(calls: list[Call], terms: SavingTerms) -> None:
    found = asyncio.run(found_in(written(calls), terms))
    again = Recomputation(calls, terms)
    spend = again.cost(again.calls, "expected", set())
    assert found.spend.value == pytest.approx(spend, rel=1e-12)
    assert found.spend.rows.count == len(again.calls)
    levers = {lever.id: lever for lever in found.levers}
    assert {*levers, *(lever.id for lever in found.uncomputed)} == set(ORDER)
    possible = [lever for lever in ORDER if not any(lever == each.id and each.missing for each in found.uncomputed)]

    def near(value: float) -> object:
        return pytest.approx(value, rel=1e-9, abs=1e-12 + 1e-12 * spend)

    added = {case: again.combined(case, possible) for case in CASES}
    for name in possible:
        alone = [max(0.0, again.saving(case, {name})) for case in CASES]
        if name not in levers:
            assert max(alone) == near(0)
            continue
        lever = levers[name]
        assert [lever.low.value, lever.saving.value, lever.high.value] == [near(each) for each in alone]
        assert lever.added.value == near(added["expected"].get(name, 0.0))
    totals = [sum(added[case].values()) for case in CASES]
    assert found.combined.value == near(totals[1])
    assert [found.combined_low.value, found.combined_high.value] == [near(min(totals)), near(max(totals))]
    assert totals_of(found) == sorted(totals_of(found))


async def test_what_is_spent_is_what_the_cost_analysis_says_and_no_saving_is_more() -> None:
    async with opened(EXAMPLE.read_bytes()) as (query, _):
        found = await find_savings(query, MOMENT)
        spent = (await costs(query, MOMENT)).values()["cost_total"]
    assert found.spend.value == pytest.approx(spent, rel=1e-12)
    assert [lever.id for lever in found.levers] == ["model_substitution", "prompt_length", "batching", "output_cap"]
    for lever in found.levers:
        assert lever.breakdown is not None
        span = [0, *map(dollars, (lever.low, lever.saving, lever.high, found.spend))]
        assert span == sorted(span)
        assert lever.saving.rows.count == sum(lever.breakdown.column("changed").values()) <= found.spend.rows.count
        assert sum(lever.breakdown.column("saving").values()) == pytest.approx(lever.saving.value)
    assert dollars(found.combined) == pytest.approx(sum(dollars(lever.added) for lever in found.levers))
    assert dollars(found.combined) < sum(dollars(lever.saving) for lever in found.levers)
    assert found.missing == ("prompt", "session")
    assert len({figure.id for figure in found.figures()}) == 4 + 4 * len(found.levers)


ASKED = "at,input_tokens,output_tokens,model,user,session,prompt\n"


def asked(minute: int, user: str, prompt: str, session: str = "") -> str:
    """A request of 2,000 tokens to gpt-4o, which costs $0.005, and an answer of 100, which costs $0.001."""
    return f"2026-01-01T{minute // 60:02d}:{minute % 60:02d}:00Z,2000,100,gpt-4o,{user},{session},{prompt}\n"


async def test_an_answer_is_kept_for_the_one_who_got_it_and_shared_in_the_high_case_alone() -> None:
    same = [asked(0, "ann", "what?"), asked(30, "ann", "what?"), asked(150, "ann", "what?"), asked(151, "ben", "what?")]
    found = await found_in("".join((ASKED, *same, asked(152, "ben", "why?"))).encode())
    (lever,) = [each for each in found.levers if each.id == "answer_cache"]
    assert [dollars(each) for each in (lever.low, lever.saving, lever.high)] == [pytest.approx(n * 0.006) for n in (1, 2, 3)]
    assert [each.rows.count for each in (lever.low, lever.saving, lever.high)] == [1, 2, 3]
    assert lever.added.value == lever.saving.value


async def test_what_stands_for_a_prompt_that_was_not_logged_is_not_taken_for_the_same_prompt() -> None:
    same = "".join(asked(minute, "ann", text) for minute, text in enumerate(["", "", "{}", "{}", "[]", "[]", "17", "17"]))
    found = await found_in((ASKED + same).encode())
    assert {lever.id: lever.missing for lever in found.uncomputed}["answer_cache"] == ("prompt",)


async def test_a_conversation_of_which_a_part_was_never_sent_reads_nothing_of_it_from_the_providers_cache() -> None:
    # The second request asks what ann asked already, in another conversation; the third goes on from it.
    turns = asked(0, "ann", "a", "one") + asked(1, "ann", "a", "two") + asked(2, "ann", "b", "two")
    levers = {lever.id: lever for lever in (await found_in((ASKED + turns).encode())).levers}
    # Alone, the third reads the second's 2,000 tokens at half their price; together there is nothing to read.
    assert dollars(levers["prompt_caching"].saving) == pytest.approx(0.0025)
    assert dollars(levers["answer_cache"].saving) == pytest.approx(0.006)
    assert levers["prompt_caching"].added.value == 0


async def test_a_trace_says_of_each_lever_what_it_would_need(trace: Trace) -> None:  # noqa: F811
    found = await found_in(trace.path.read_bytes(), model="openai:gpt-4o")
    assert {lever.id: lever.missing for lever in found.uncomputed}["prompt_caching"] == ("session",)
    (commitment,) = [lever for lever in found.uncomputed if lever.kind == "commitment"]
    assert "The log touches" in commitment.reason
    assert {lever.id for lever in found.levers} >= {"prompt_length", "output_cap", "model_substitution"}
    assert 0 < dollars(found.combined) < dollars(found.spend)


async def test_a_log_without_prices_has_nothing_to_save_and_says_why() -> None:
    found = await found_in(b"input_tokens,output_tokens\n10,1\n")
    assert (found.spend.value, found.combined.value, found.levers) == (0, 0, ())
    assert {lever.reason for lever in found.uncomputed} == {"No row has a list price, so there is no cost to lower."}
    assert "model" in found.missing
