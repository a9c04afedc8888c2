from collections.abc import Callable
from typing import Any

import pytest

from netra.tools.synthesis.texts import LONGEST_TEXT
from tests.tools.synthesis.making import refused_at, row_of, values


@pytest.mark.parametrize(
    ("member", "holds"),
    [
        ({"minLength": 5, "maxLength": 5}, lambda x: len(x) == 5),
        ({"type": "string", "maxLength": 0}, lambda x: x == ""),
        ({"type": "string", "pattern": "^[a-z]+$", "minLength": 30}, lambda x: len(x) >= 30),
        ({"type": "string", "pattern": "^[a-z]*$", "maxLength": 2}, lambda x: len(x) <= 2),
        ({"type": "string", "format": "email", "pattern": "[.]org$"}, lambda x: x.endswith("example.org")),
        ({"allOf": [{"type": "string", "pattern": "^[a-f]{2}$"}, {"pattern": "^[a-c]"}]}, lambda x: x[0] in "abc"),
    ],
    ids=range(6),
)
def test_a_keyword_means_what_json_schema_says(member: Any, holds: Callable[[Any], bool]) -> None:
    assert all(map(holds, values(member)))


def test_a_text_that_nothing_is_said_about_is_neither_empty_nor_long() -> None:
    lengths = {*map(len, values({"type": "string"}, 500))}
    assert lengths == {*range(1, 21)}


@pytest.mark.parametrize(
    "member",
    [
        {"type": "string", "minLength": 5, "maxLength": 4},
        {"type": "string", "minLength": LONGEST_TEXT + 1},
        {"type": "string", "format": "duration"},
        {"type": "string", "format": "klingon"},
        {"allOf": [{"type": "string", "format": "date"}, {"format": "uuid"}]},
        {"type": "string", "pattern": "("},
        {"type": "string", "pattern": "^(a)\\1$"},
        {"type": "string", "pattern": "^(?=a)b$"},
        {"type": "string", "pattern": "^a$", "minLength": 2},
    ],
    ids=range(9),
)
def test_a_text_that_cannot_be_is_refused(member: Any) -> None:
    assert refused_at(row_of(member)) == "#/properties/x"
