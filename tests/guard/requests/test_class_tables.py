"""An object that is made by way of a table of classes is one of each of them."""

import pytest

from netra.guard.requests.class_tables import made_by_table
from tests.guard.programs import analysed

TEXT = """
class Text: ...
class Table: ...

KINDS = {{".md": Text, ".csv": Table}}
NAMES = {{".md": "text"}}


def make(suffix):
    {lines}
"""


@pytest.mark.parametrize(
    "lines",
    [
        "return KINDS[suffix]()",
        "return KINDS.get(suffix, Text)()",
        "kind = KINDS[suffix]; return kind()",
        "kind = KINDS.get(suffix); return kind()",
    ],
)
def test_each_class_of_the_table_may_be_made(lines: str) -> None:
    found = made_by_table(analysed(TEXT.format(lines=lines)))
    assert {kind.name: [scope.name for scope, _ in made] for kind, made in found.items()} == {
        "Text": ["make"],
        "Table": ["make"],
    }


@pytest.mark.parametrize("lines", ["return KINDS[suffix]", "return NAMES[suffix]()", "return suffix()"])
def test_nothing_is_made(lines: str) -> None:
    assert made_by_table(analysed(TEXT.format(lines=lines))) == {}
