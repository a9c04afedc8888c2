import statistics
from collections import Counter
from typing import Any

import pytest

from netra.tools.synthesis.distributions import CURVES, MOST_RANKS, PARAMETERS, POSITIVE, ranks, read_distribution
from tests.tools.synthesis.making import refused_at, row_of, values


def spread(kind: str, member: dict[str, Any], **parameters: Any) -> list[Any]:
    return values({**member, "x-distribution": {"kind": kind, **parameters}}, 2000)


def test_a_normal_distribution_has_its_mean_and_deviation() -> None:
    normal = spread("normal", {"type": "number"}, mean=100, deviation=10)
    assert abs(statistics.fmean(normal) - 100) < 1.5
    assert abs(statistics.stdev(normal) - 10) < 1
    whole = spread("normal", {"type": "integer", "minimum": 0, "maximum": 10, "multipleOf": 2}, mean=5, deviation=3)
    assert {*whole} == {0, 2, 4, 6, 8, 10}


def test_a_lognormal_distribution_has_its_median() -> None:
    lognormal = spread("lognormal", {"type": "number"}, median=20, sigma=0.5)
    assert abs(statistics.median(lognormal) - 20) < 1.5


def test_of_a_zipf_distribution_the_first_comes_most_often() -> None:
    counts = Counter(spread("zipf", {"enum": ["a", "b", "c"]}, exponent=1))
    assert counts["a"] > counts["b"] > counts["c"] > 0
    ranked = Counter(spread("zipf", {"type": "integer", "minimum": 1, "maximum": 50}, exponent=1.5))
    assert ranked[1] > ranked[2] > ranked[4]


def test_a_uniform_distribution_is_what_there_is_without_one() -> None:
    member = {"type": "integer", "minimum": 1, "maximum": 3}
    assert {*spread("uniform", member)} == {1, 2, 3}
    assert spread("uniform", member) == values(member, 2000)
    assert ranks({}, 3) is ranks({"kind": "uniform"}, 3) is None


def test_of_several_the_last_counts() -> None:
    given = [("#/a", {"x-distribution": {"kind": "odd"}}), ("#/b", {"x-distribution": {"kind": "uniform"}}), ("#/c", {})]
    assert read_distribution(given) == {"kind": "uniform"}


def test_every_curve_and_every_bound_is_of_a_known_parameter() -> None:
    assert CURVES.keys() <= PARAMETERS.keys()
    assert frozenset().union(*PARAMETERS.values()) >= POSITIVE


@pytest.mark.parametrize(
    ("member", "place"),
    [
        ({"type": "integer", "x-distribution": {"kind": "odd"}}, "#/properties/x"),
        ({"type": "integer", "x-distribution": "normal"}, "#/properties/x"),
        ({"type": "integer", "x-distribution": {"kind": "normal", "mean": 1}}, "#/properties/x"),
        ({"type": "integer", "x-distribution": {"kind": "normal", "mean": 1, "deviation": 0}}, "#/properties/x"),
        ({"type": "integer", "x-distribution": {"kind": "normal", "mean": True, "deviation": 1}}, "#/properties/x"),
        ({"type": "number", "x-distribution": {"kind": "zipf", "exponent": 1}}, "#/properties/x"),
        (
            {"type": "integer", "minimum": 0, "maximum": MOST_RANKS, "x-distribution": {"kind": "zipf", "exponent": 1}},
            "#/properties/x",
        ),
        ({"enum": [1], "x-distribution": {"kind": "normal", "mean": 1, "deviation": 1}}, "#"),
        (
            {"type": "integer", "minimum": 900, "x-distribution": {"kind": "normal", "mean": 0, "deviation": 1}},
            "#/properties/x",
        ),
    ],
    ids=range(9),
)
def test_what_is_no_distribution_of_these_values_is_refused(member: Any, place: str) -> None:
    assert refused_at(row_of(member)) == place
