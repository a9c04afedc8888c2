import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra.protocols.value import DEEPEST, objection

KEEPABLE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(KEEPABLE)
def test_nothing_is_said_against_ordinary_json(value: Any) -> None:
    assert objection(value) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('"a\\u0000b"', "U+0000"),
        ('{"a": {"b": ["", "\\u0000"]}}', "U+0000 at a.b.1"),
        ('{"a\\u0000": 1}', "a name that holds the character U+0000"),
        ('"\\ud800"', "surrogate"),
        ("NaN", "not finite"),
        ("[1, -Infinity]", "not finite at 1"),
        ("9" * 20, "64 bits"),
        ("[" * 100 + "]" * 100, "nested"),
    ],
)
def test_what_cannot_be_kept_is_named_with_its_place(text: str, words: str) -> None:
    said = objection(json.loads(text))
    assert said is not None
    assert words in said


def test_the_deepest_nesting_that_is_allowed_is_allowed() -> None:
    value: Any = 1
    for _ in range(DEEPEST):
        value = [value]
    assert objection(value) is None
    assert objection([value]) is not None
