import time

import pytest

from netra.tools.pattern import PatternRefused
from netra.tools.synthesis.judge import MOST_PATTERNS, Patterns, judge_of
from tests.tools.synthesis.making import recipe, row_of


def test_a_pattern_that_would_take_for_ever_to_match_takes_no_time() -> None:
    member = {"enum": ["a" * 60 + "!", "aaa"], "pattern": "^(a+)+$"}
    begun = time.process_time()
    assert [row["x"] for row in recipe(row_of(member)).rows(5, 1)] == ["aaa"] * 5
    assert time.process_time() - begun < 10  # `re` would need a hundred years


def test_a_pattern_is_looked_for_anywhere_in_a_text_and_in_nothing_else() -> None:
    judge = judge_of({"pattern": "b+"}, Patterns())
    assert judge.is_valid("abc")
    assert judge.is_valid(7)
    assert not judge.is_valid("ac")


def test_a_format_is_judged() -> None:
    judge = judge_of({"format": "date"}, Patterns())
    assert judge.is_valid("2024-02-29")
    assert not judge.is_valid("2023-02-29")


def test_each_pattern_is_compiled_once_and_there_are_not_many() -> None:
    patterns = Patterns()
    first = patterns["a{0}"]
    for nth in range(1, MOST_PATTERNS):
        patterns[f"a{{{nth}}}"]
    assert patterns["a{0}"] is first
    with pytest.raises(PatternRefused, match=str(MOST_PATTERNS)):
        patterns["b"]


def test_a_pattern_that_cannot_be_matched_in_linear_time_is_refused_and_not_kept() -> None:
    patterns = Patterns()
    for pattern in ("^(a)\\1$", "^(?=a)b$", "("):
        with pytest.raises(PatternRefused):
            patterns[pattern]
    assert patterns == {}
