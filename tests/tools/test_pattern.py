import re
import subprocess
import sys
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra.tools.dice import Dice
from netra.tools.pattern import LONGEST_PATTERN, PatternRefused, PatternText

PATTERNS = [
    "^[A-Z]{2}-\\d{4}$",
    "^(red|green|blue)$",
    "^[^a-z\\d]{3}$",
    "^\\W\\S\\D?$",
    "^(a|b+)*c$",
    "^.{2,5}$",
    "^[\\w.-]+@[\\w-]+\\.(com|org)$",
    "^a{120}$",
    "^(?:x(?:y(?:z)*)*)*$",
    "^[^,]$",
]


@pytest.mark.parametrize("pattern", PATTERNS, ids=range(len(PATTERNS)))
def test_what_is_made_matches(pattern: str) -> None:
    dice, text = Dice(1), PatternText(pattern)
    for _ in range(50):
        assert re.search(pattern, text.make(dice))


def test_the_same_draws_give_the_same_text_in_every_process() -> None:
    # Sets of characters come in another order in each process; nothing may depend on it.
    code = (
        "from netra.tools.dice import Dice; from netra.tools.pattern import PatternText\n"
        f"dice = Dice(3); print([PatternText(p).make(dice) for p in {PATTERNS!r}])"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True, timeout=60
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(said) == 1
    assert said != {b""}


def test_a_text_is_as_long_as_is_asked_for_where_the_pattern_has_room() -> None:
    dice, text = Dice(1), PatternText("^[a-z]+$")
    assert max(len(text.make(dice, 300)) for _ in range(50)) > 250


@pytest.mark.parametrize(
    "pattern", ["(", "[a", "*", "a" * (LONGEST_PATTERN + 1), "a{501}", "(a{30}){30}", "(" * 400 + ")" * 400], ids=range(7)
)
def test_what_cannot_be_read_or_is_too_large_is_refused(pattern: str) -> None:
    with pytest.raises(PatternRefused):
        PatternText(pattern)


def test_nested_repeats_are_given_up_before_they_fill_the_memory() -> None:
    text = PatternText("^(((((((a+)+)+)+)+)+)+)+$")
    for seed in range(20):
        try:
            assert len(text.make(Dice(seed), 10_000)) <= 20_000
        except PatternRefused:
            continue


@given(pattern=st.text(alphabet="ab[]()*+?{}|^$.\\dw-,12", max_size=20))
def test_whatever_the_pattern_a_text_or_a_refusal_comes_out(pattern: str) -> None:
    with suppress(PatternRefused):
        assert isinstance(PatternText(pattern).make(Dice(1)), str)
