"""The sample to judge: drawn evenly, the same for a seed, and never without a verdict that somebody has given."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.guard.accuracy.judged import (
    FALSE,
    TRUE,
    Judgement,
    VerdictUnknown,
    drawn,
    interval,
    precision,
    read,
    with_verdicts,
    write,
)

ROW = Judgement("letta", "1.0", "A101", "letta/a.py", 3, 'says "x", y', "f1")


def test_a_small_stratum_is_not_drowned_by_a_large_one() -> None:
    items = [("large", number) for number in range(1000)] + [("small", -1), ("small", -2)]
    assert {-1, -2} <= set(drawn(items, 6, 7))


def test_the_draw_is_the_same_whatever_the_order() -> None:
    items = [(number % 3, number) for number in range(50)]
    assert drawn(items, 10, 7) == drawn(reversed(items), 10, 7)
    assert drawn(items, 10, 7) != drawn(items, 10, 8)


def test_all_are_drawn_when_there_are_few() -> None:
    assert sorted(drawn([(1, "a"), (2, "b")], 25, 7)) == ["a", "b"]


def test_a_verdict_stays_with_its_finding_when_lines_move() -> None:
    before = [ROW._replace(verdict=FALSE, why="told apart before")]
    (kept,) = with_verdicts([ROW._replace(line=9)], before)
    assert (kept.line, kept.verdict, kept.why) == (9, FALSE, "told apart before")
    assert with_verdicts([ROW._replace(fingerprint="f2")], before)[0].verdict == ""


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "judged" / "A.csv"
    rows = [ROW, ROW._replace(line=2, verdict=TRUE)]
    write(file, rows)
    assert read(file) == sorted(rows)
    assert read(tmp_path / "none.csv") == []


def test_a_verdict_that_is_none_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "A.csv", [ROW._replace(verdict="maybe")])
    with pytest.raises(VerdictUnknown, match="'maybe'"):
        read(tmp_path / "A.csv")


def test_the_interval_is_that_of_the_literature() -> None:
    # 24 of 25 and 8 of 10 by Wilson's formula without correction for continuity, worked out by hand.
    assert [round(each, 3) for each in interval(24, 25)] == [0.805, 0.993]
    assert [round(each, 3) for each in interval(8, 10)] == [0.490, 0.943]
    assert interval(0, 0) == (0.0, 1.0)


@given(st.integers(1, 200).flatmap(lambda count: st.tuples(st.integers(0, count), st.just(count))))
def test_the_share_lies_in_its_interval(given_: tuple[int, int]) -> None:
    true, count = given_
    low, high = interval(true, count)
    assert 0 <= low <= true / count + 1e-9
    assert true / count - 1e-9 <= high <= 1


def test_only_what_has_a_verdict_counts() -> None:
    assert precision([ROW]) == "none judged"
    assert precision([ROW, ROW._replace(verdict=TRUE)]).startswith("1 of 1, ")
