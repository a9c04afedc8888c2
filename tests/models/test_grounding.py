"""A text may state what some result holds, and nothing else."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra.models.grounding import Known, check, sentences, unfounded

RESULTS: dict[str, Any] = {
    "figures": [
        {"id": "requests", "value": 12_345, "unit": "requests"},
        {"id": "input_p95", "value": 2048, "unit": "tokens"},
        {"id": "cost_total", "value": 1234.5678, "unit": "USD"},
        {"id": "cost_top_10_percent", "value": 0.4217, "unit": "share"},
        {"id": "ratio", "value": 2.04, "unit": "ratio"},
        {"id": "first_at", "value": "2024-05-11 14:00", "unit": "UTC"},
    ],
    "models": ["gpt-4o", "gpt-4o-mini", "claude-3-5-sonnet"],
    "of_three": 2,
    "saving_usd": 88.2,
}
KNOWN = Known(RESULTS)


@pytest.mark.parametrize(
    "text",
    [
        "There were 12,345 requests.",
        "There were about 12,300 requests, or 12 thousand.",
        "They cost $1,234.57, roughly $1,230 in all.",
        "The largest tenth causes 42.17% of it, 42% or so.",
        "The most expensive 10 percent cause 42 percent.",
        "At p95, the 95th percentile, a request has 2,048 tokens.",
        "Two of three models are cheaper: gpt-4o-mini and GPT-4o.",
        "There are three models.",
        "Output is twice as long as input.",
        "It begins on May 11, 2024, at 14:00; that is in 2024.",
        "You would save $88.",
        "There were thousands of requests.",
        "It is one of the first things to do.",
        "Nothing is said here.",
    ],
)
def test_what_a_result_holds_may_be_said(text: str) -> None:
    assert unfounded(text, KNOWN) == ()


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("There were 12,346 requests.", ("12,346",)),
        ("There were 12 million requests.", ("12 million",)),
        ("They cost $1,243.57.", ("$1,243.57",)),
        ("It causes 43% of it.", ("43%",)),
        ("There were 12,345 tokens.", ("12,345",)),
        ("They cost $12,345.", ("$12,345",)),
        ("They cost €88.", ("€88",)),
        ("It was gpt-5 that asked.", ("gpt-5",)),
        ("Four of five users agree.", ("Four of five",)),
        ("You would save half of it.", ("half",)),
        ("It is ten times as much, three-fold.", ("ten", "three-fold")),
        ("It began on May 12, 2024.", ("May 12, 2024",)),
        ("It was at 15:00.", ("15:00",)),
        ("At p99 it is longer.", ("p99",)),
        ("The 99th percentile is longer.", ("99th",)),
        ("It is three times the median.", ("three",)),  # there are three models, and nothing is three times anything
        ("You would save ½ of it, or 五百.", ("½", "五百")),
        ("It costs 88 euros, or 1,234.57 EUR.", ("88 euros", "1,234.57 EUR")),
        ("It costs 1.234,57 dollars, or 88,2 $; 1 235 dollars.", ("1.234,57", "88,2", "1 235")),  # no English notation
        ("There were millions of requests, a few hundred tokens.", ("millions", "few hundred")),
        ("It was halved, and is an order of magnitude less.", ("halved", "order of magnitude")),
        ("Together they cost $1,322.77.", ("$1,322.77",)),  # a sum that is right, and that nobody computed
    ],
)
def test_what_no_result_holds_is_refused(text: str, wrong: tuple[str, ...]) -> None:
    assert unfounded(text, KNOWN) == wrong


def test_a_percentage_that_was_measured_as_a_percentage_is_known_as_one() -> None:
    assert unfounded("It is 42%.", Known({"cached": 42})) == ()
    assert unfounded("It is 42%.", Known({"value": 42, "unit": "requests"})) == ("42%",)


def test_a_number_in_a_text_is_no_share_and_no_money() -> None:
    known = Known({"note": "Line 90 of the file was read.", "input_p90": {"value": 7, "unit": "tokens"}, "sum": "$12"})
    assert unfounded("It is line 90, at p90, for $12.", known) == ()
    assert unfounded("You save 90%, or $90.", known) == ("90%", "$90")


def test_a_time_is_known_in_whatever_unit_it_was_measured_and_is_no_other() -> None:
    known = Known({"value": 250, "unit": "ms"}, {"took_ms": 90_000}, "No more than 2 hours.", {"patience": 7})
    assert unfounded("It took 250 ms, 0.25 seconds, 1.5 minutes, 120 minutes, two hours, 7 days.", known) == ()
    assert unfounded("It took 250 seconds, 250 hours, 90 minutes, 2 days.", known) == ("250", "250", "90", "2")


def test_what_somebody_found_out_later_is_known_from_then_on() -> None:
    known = Known({"requests": 7})
    assert unfounded("7 of 9 failed.", known) == ("7 of 9",)
    known.add([{"failed": 9}])
    assert unfounded("7 of 9 failed.", known) == ()


def test_an_identifier_may_be_repeated_and_its_digits_are_no_figures() -> None:
    known = Known({"run_id": "0192f7a6-6f61-7a30-9d0c-3f2a9b8c7d6e", "sha256": "1234 5678"})
    assert unfounded("It was 0192f7a6-6f61-7a30-9d0c-3f2a9b8c7d6e.", known) == ()
    assert unfounded("It was 1234.", known) == ("1234",)


@given(st.floats(min_value=0.001, max_value=1e9), st.integers(min_value=0, max_value=3))
def test_every_rounding_of_a_known_figure_to_two_digits_or_more_holds(value: float, places: int) -> None:
    shown = f"{value:,.{places}f}"
    digits = shown.replace(",", "").replace(".", "").lstrip("0")
    if len(digits) >= 2:
        assert unfounded(f"It is {shown}.", Known({"value": value, "unit": "tokens"})) == ()


@given(st.integers(min_value=100, max_value=10**9))
def test_no_number_a_tenth_away_holds(value: int) -> None:
    assert unfounded(f"It is {value + value // 10 + 1:,}.", Known({"value": value, "unit": "tokens"})) != ()


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("One. Two!  Three", ["One. ", "Two!  ", "Three"]),
        ("It costs $1.50 a day. Next", ["It costs $1.50 a day. ", "Next"]),
        ("First, e.g. this. Then that.", ["First, e.g. this. ", "Then that."]),
        ("- a line\n- another\n\nText", ["- a line\n", "- another\n\n", "Text"]),
        ("1. Shorten.\n2. Cache.", ["1. Shorten.\n", "2. Cache."]),
        ('He said "so." And left', ['He said "so." ', "And left"]),
        ("", []),
    ],
)
def test_a_text_is_cut_after_its_sentences_and_lines(text: str, pieces: list[str]) -> None:
    assert list(sentences(text)) == pieces


@given(st.text(alphabet="ab .!?\n1-\"'", max_size=60), st.integers(min_value=0, max_value=60))
def test_cut_as_it_comes_a_text_has_the_same_sentences(text: str, at: int) -> None:
    assert "".join(sentences(text)) == text
    told, held = [], ""
    for piece in (text[:at], text[at:]):
        held += piece
        *whole, held = sentences(held) if held else [""]
        told += whole
    assert told == list(sentences(text))[: len(told)]


def test_each_sentence_is_judged_by_itself() -> None:
    found = check("There were 12,345 requests. They cost $5. That is all.", KNOWN)
    assert [sentence.unfounded for sentence in found] == [(), ("$5",), ()]
