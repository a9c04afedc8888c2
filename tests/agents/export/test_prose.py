"""The little of Markdown that reports are written in."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netra.agents.export.prose import Phrase, read_prose


def shapes(text: str) -> list[tuple[str, list[str]]]:
    return [(block.kind, ["".join(phrase.text for phrase in item) for item in block.items]) for block in read_prose(text)]


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("one\ntwo\n\nthree", [("paragraph", ["one two"]), ("paragraph", ["three"])]),
        (
            "said:\n- a\n- b\n  more\n1. c\n2) d",
            [("paragraph", ["said:"]), ("bullets", ["a", "b more"]), ("numbers", ["c", "d"])],
        ),
        ("# a\n## b\ntext", [("heading", ["a"]), ("heading", ["b"]), ("paragraph", ["text"])]),
        ("    a\n      b", [("verbatim", ["a", "  b"])]),
        ("-5 degrees\n1.5 times", [("paragraph", ["-5 degrees 1.5 times"])]),
        ("", []),
    ],
)
def test_blocks(text: str, blocks: list[tuple[str, list[str]]]) -> None:
    assert shapes(text) == blocks


def test_what_is_marked_is_a_phrase_of_its_own() -> None:
    (block,) = read_prose("a **b c** `d*` ** e ** [f](g) <i>")
    assert block.items[0] == (
        Phrase("a "),
        Phrase("b c", "strong"),
        Phrase(" "),
        Phrase("d*", "code"),
        Phrase(" ** e ** [f](g) <i>"),
    )


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="ab *`-#1.\n", max_size=60))
def test_no_letter_is_lost(text: str) -> None:
    said = "".join("".join(items) for _, items in shapes(text))
    assert [letter for letter in said if letter in "ab"] == [letter for letter in text if letter in "ab"]
