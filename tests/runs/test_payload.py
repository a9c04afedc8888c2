"""What can be kept in a log, and the words for what cannot."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra.runs.payload import LARGEST, NotStorable, as_json, as_text

NUMBERS = st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text("ab\n"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=3), inner, max_size=3),
    max_leaves=8,
)


@dataclass
class Point:
    x: int
    at: datetime


@given(JSON)
def test_json_stays_as_it_is(value: Any) -> None:
    assert as_json(value, "it") == value


def test_values_of_richer_types_become_json() -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert as_json((Point(1, noon), {UUID(int=7)}), "it") == [
        {"x": 1, "at": "2026-01-01T12:00:00Z"},
        ["00000000-0000-0000-0000-000000000007"],
    ]


def loop() -> list[Any]:
    inner: list[Any] = []
    inner.append(inner)
    return inner


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (object(), "is not JSON"),
        (float("nan"), "is not JSON"),
        ((1.0, float("inf")), "is not JSON"),
        ({"a": ["b\0"]}, "U+0000 at a.0"),
        ("\ud800", "surrogate"),
        (2**64, "64 bits"),
        ("x" * LARGEST, "bytes as JSON"),
    ],
)
def test_what_cannot_be_kept_is_refused_by_name(value: Any, words: str) -> None:
    with pytest.raises(NotStorable, match=words.replace("+", r"\+")) as caught:
        as_json(value, "the result")
    assert caught.value.extra == {"field": "the result"}


def test_a_value_that_holds_itself_is_refused() -> None:
    with pytest.raises(NotStorable):
        as_json(loop(), "it")


def test_text_is_text_of_a_length_that_can_be_kept() -> None:
    assert as_text("fine", "it", 4) == "fine"
    for refused in ("too long", "\0", "\udfff", 7):
        with pytest.raises(NotStorable):
            as_text(refused, "it", 4)  # type: ignore[arg-type]  # an agent's code may hand over anything
