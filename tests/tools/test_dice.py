"""Chance that is the same everywhere. The figures below were drawn once; another Python or platform has to draw them again."""

import itertools
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra.tools.dice import Dice, Ranks, exponential


def test_a_seed_gives_what_it_has_always_given() -> None:
    dice = Dice(7)
    assert [dice.below(1000) for _ in range(5)] == [323, 150, 650, 72, 535]
    assert [dice.below(2**100) for _ in range(2)] == [927131549693107268217823943873, 1099422422178040988265177086509]
    assert [dice.normal() for _ in range(3)] == [0.0753105070705576, -1.278548399646208, 0.6102137234815914]
    letters = list("abcdef")
    dice.shuffle(letters)
    assert "".join(letters) == "bdfaec"
    assert exponential(0.1) == 1.1051709180756477


def test_seeds_that_differ_in_their_sign_alone_differ() -> None:
    assert Dice(5).below(2**64) != Dice(-5).below(2**64)


@given(seed=st.integers(-(2**63), 2**63 - 1), end=st.integers(1, 2**130))
def test_a_draw_is_below_its_end(seed: int, end: int) -> None:
    dice = Dice(seed)
    assert all(0 <= dice.below(end) < end for _ in range(5))
    assert all(1 <= dice.randint(1, end) <= end for _ in range(5))


@pytest.mark.parametrize("end", [6, 6 * 2**40])
def test_each_outcome_is_as_likely(end: int) -> None:
    dice, count = Dice(1), 6000
    sixths = [dice.below(end) * 6 // end for _ in range(count)]
    # A thousand expected of each; four deviations are 115.
    assert all(885 < sixths.count(face) < 1115 for face in range(6))


def test_the_normal_distribution_is_one() -> None:
    dice = Dice(2)
    drawn = [dice.normal() for _ in range(5000)]
    assert abs(statistics.fmean(drawn)) < 0.06
    assert abs(statistics.stdev(drawn) - 1) < 0.05
    assert 0.66 < sum(abs(value) < 1 for value in drawn) / len(drawn) < 0.71


def test_a_rank_is_drawn_in_proportion_to_its_weight() -> None:
    ranks, dice = Ranks(4, 1.0), Dice(3)
    drawn = [ranks.draw(dice) for _ in range(5000)]
    total = sum(1 / rank for rank in range(1, 5))
    for rank in range(4):
        assert abs(drawn.count(rank) / len(drawn) - 1 / (rank + 1) / total) < 0.03


def test_a_power_without_end_is_infinite_or_nothing() -> None:
    assert (exponential(1e9), exponential(-1e9)) == (float("inf"), 0.0)


def test_shuffling_reaches_every_order() -> None:
    dice, seen = Dice(4), set()
    for _ in range(500):
        letters = list("abc")
        dice.shuffle(letters)
        seen.add("".join(letters))
    assert seen == {"".join(order) for order in itertools.permutations("abc")}
