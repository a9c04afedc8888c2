"""The frontier against brute force, and its costs against the price list over the real mix of tokens."""

import asyncio
import itertools
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra.analytics.frontier import FEWEST_TIMED, Candidate, Frontier, Weights, dominators, frontier, scores
from netra.analytics.prices import UnknownModel, price_list
from netra.errors import InvalidInput
from tests.analytics.test_latency import Answer, written
from tests.analytics.test_measure import EXAMPLES, MOMENT, opened
from tests.datasets.traces import Trace, trace  # noqa: F401 - a fixture

# Priced so that the second costs about twice the third, and the first far less.
MODELS = ("openai:gpt-4o-mini", "anthropic:claude-sonnet-4-5", "openai:gpt-4o")
POINTS = st.integers(1, 3).flatmap(
    lambda width: st.lists(st.tuples(*[st.integers(0, 4)] * width), min_size=1, max_size=12)  # small numbers meet often
)


async def compared(content: bytes, candidates: Sequence[Candidate], **weights: float) -> Frontier:
    async with opened(content) as (query, _):
        return await frontier(query, candidates, MOMENT, Weights(**weights))


@given(points=POINTS)
def test_a_point_is_dominated_by_just_those_that_brute_force_finds(points: list[tuple[int, ...]]) -> None:
    for point, by in zip(points, dominators(points), strict=True):
        better = [
            place
            for place, other in enumerate(points)
            if other != point and all(other[axis] <= point[axis] for axis in range(len(point)))
        ]
        assert list(by) == better


@given(points=POINTS)
def test_the_frontier_is_never_empty_and_beats_all_the_rest(points: list[tuple[int, ...]]) -> None:
    beaten = dominators(points)
    best = {place for place, by in enumerate(beaten) if not by}
    assert best
    for place, by in enumerate(beaten):
        assert (place in best) or best & set(by)


@given(points=POINTS, weights=st.lists(st.integers(1, 5), min_size=3, max_size=3))
def test_what_any_positive_weights_choose_of_the_frontier_no_other_candidate_scores_below(
    points: list[tuple[int, ...]], weights: list[int]
) -> None:
    used = weights[: len(points[0])]
    best = [points[place] for place, by in enumerate(dominators(points)) if not by]
    chosen = best[scores(best, used).index(min(scores(best, used)))]
    # Every point of the frontier, tried one by one, in exact arithmetic.
    spans = [(min(column), max(column)) for column in zip(*best, strict=True)]

    def distance(point: tuple[int, ...]) -> Decimal:
        return sum(
            (
                Decimal(weight) * (Decimal(value - least) / (most - least) if most > least else 0)
                for value, (least, most), weight in zip(point, spans, used, strict=True)
            ),
            Decimal(0),
        )

    assert float(distance(chosen)) == pytest.approx(float(min(map(distance, best))))


NUMBERS = st.none() | st.integers(1, 9)


@EXAMPLES
@given(
    declared=st.lists(st.tuples(st.sampled_from(MODELS), NUMBERS, NUMBERS), min_size=1, max_size=8),
    weights=st.tuples(*[st.integers(0, 3)] * 3).filter(lambda each: each[0] > 0),
)
def test_candidates_are_compared_on_what_all_of_them_have(
    declared: list[tuple[str, int | None, int | None]], weights: tuple[int, int, int]
) -> None:
    candidates = [
        Candidate(model=model, name=f"{number}", latency_ms=latency, quality=quality)
        for number, (model, latency, quality) in enumerate(declared)
    ]
    content = b"input_tokens,output_tokens\n1000,100\n250000,10\n"
    found = asyncio.run(compared(content, candidates, cost=weights[0], latency=weights[1], quality=weights[2]))
    has_latency = all(latency is not None for _, latency, _ in declared)
    has_quality = all(quality is not None for _, _, quality in declared)
    assert ("latency" in found.objectives, "quality" in found.objectives) == (has_latency, has_quality)
    costs = {}
    for model in MODELS:
        (tariff,) = price_list(model, MOMENT).tariffs
        costs[model] = float(tariff.price(1, 1000, 100, 1000) + tariff.price(1, 250_000, 10, 250_000))
    for one, point in enumerate(found.points):
        assert point.cost_usd == pytest.approx(costs[declared[one][0]], rel=1e-12)
        expected = []
        for other in range(len(declared)):
            pairs = [(costs[declared[other][0]], costs[declared[one][0]])]
            if has_latency:
                pairs.append((float(declared[other][1] or 0), float(declared[one][1] or 0)))
            if has_quality:
                pairs.append((-float(declared[other][2] or 0), -float(declared[one][2] or 0)))
            if all(a <= b for a, b in pairs) and any(a < b for a, b in pairs):
                expected.append(f"{other}")
        assert list(point.dominated_by) == expected
        assert (point.score is None) == bool(expected)
    chosen = next(point for point in found.points if point.name == found.choice)
    assert chosen.score == min(point.score for point in found.points if point.score is not None)
    assert any("quality out" in note for note in found.measurement.notes) == (not has_quality)


async def test_candidates_are_priced_over_the_real_mix_of_a_trace(trace: Trace) -> None:  # noqa: F811
    found = await compared(trace.path.read_bytes(), [Candidate(model=model) for model in MODELS])
    for point in found.points:
        prices = await asyncio.to_thread(price_list, point.model, MOMENT)
        (tariff,) = prices.tariffs
        pairs = zip(trace.input_tokens, trace.output_tokens, strict=True)
        expected = sum((tariff.price(1, i, o, i) for i, o in pairs), Decimal(0))
        assert point.cost_usd == float(expected)
    assert found.objectives == ("cost",)
    assert found.choice == MODELS[0]
    assert [point.name for point in found.points if not point.dominated_by] == [MODELS[0]]
    assert found.measurement.values()["choice_cost"] == found.points[0].cost_usd


def mixed(slow: int, quick: int) -> bytes:
    slow_rows = [Answer(900.0 + row, model="gpt-4o") for row in range(slow)]
    return written([*slow_rows, *(Answer(100.0 + row, model="gpt-4o-mini-2024-07-18") for row in range(quick))])


async def test_a_latency_is_measured_on_the_rows_of_that_model_by_whatever_name() -> None:
    candidates = [Candidate(model="openai:gpt-4o", latency_ms=1), Candidate(model="gpt-4o-mini")]
    found = await compared(mixed(31, 21), candidates)
    assert [(p.latency_ms, p.latency_source, p.latency_rows) for p in found.points] == [
        (915, "measured", 31),
        (110, "measured", 21),
    ]
    assert found.objectives == ("cost", "latency")


async def test_too_few_rows_leave_what_was_declared_and_say_so() -> None:
    candidates = [Candidate(model="gpt-4o"), Candidate(model="gpt-4o-mini", latency_ms=500)]
    found = await compared(mixed(FEWEST_TIMED, FEWEST_TIMED - 1), candidates)
    assert [(p.latency_source, p.latency_rows) for p in found.points] == [("measured", FEWEST_TIMED), ("declared", 0)]
    assert any("declared" in note for note in found.measurement.notes)


async def test_weights_move_the_choice_along_the_frontier() -> None:
    candidates = [
        Candidate(model=MODELS[0], latency_ms=900, quality=60),
        Candidate(model=MODELS[2], latency_ms=300, quality=80),
        Candidate(model=MODELS[1], latency_ms=600, quality=95),
    ]
    content = b"input_tokens,output_tokens\n" + b"1000,100\n" * 5
    choices = {}
    for weights in itertools.product((0, 1), repeat=3):
        if any(weights):
            found = await compared(content, candidates, cost=weights[0], latency=weights[1], quality=weights[2])
            choices[weights] = found.choice
    assert (choices[1, 0, 0], choices[0, 1, 0], choices[0, 0, 1]) == (MODELS[0], MODELS[2], MODELS[1])


@pytest.mark.parametrize(
    ("candidates", "weights", "refusal"),
    [
        ([Candidate(model="gpt4o")], {}, UnknownModel),
        ([Candidate(model="gpt-4o")] * 2, {}, InvalidInput),
        ([Candidate(model="gpt-4o")], {"cost": 0, "latency": 1}, InvalidInput),
    ],
    ids=["unknown", "twice", "weights"],
)
async def test_what_cannot_be_compared_is_refused(
    candidates: list[Candidate], weights: dict[str, float], refusal: type[InvalidInput]
) -> None:
    with pytest.raises(refusal) as refused:
        await compared(b"input_tokens,output_tokens\n1,1\n", candidates, **weights)
    field: Any = refused.value.extra["field"]
    assert field in {"model", "candidates", "weights"}
