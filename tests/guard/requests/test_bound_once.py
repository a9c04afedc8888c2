"""`netra.guard.requests.bound_once`: what a `partial` binds for all of its calls."""

import pytest

from netra.guard.requests.bound_once import bound_once
from tests.guard.programs import analysed

TEXT = """
from functools import partial

LINES = []

def collect(word, lines):
    {body}
    return lines

report = partial({given})

def say(word):
    return report(word{more})
"""


@pytest.mark.parametrize(
    ("given", "body", "more", "expected"),
    [
        ("collect, lines=[]", "lines.append(word)", "", True),
        ("collect, 'a', []", "lines.append(word)", "", True),
        ("collect, lines={}", "lines[word] = 1", "", True),
        ("collect, lines=[]", "print(lines)", "", False),
        ("collect, lines=()", "lines.append(word)", "", False),
        ("collect, lines=LINES", "lines.append(word)", "", False),
        ("collect, lines=[]", "lines = [*lines, word]", "", False),
        ("collect, lines=[]", "lines.append(word)", ", lines=[]", False),
        ("print, lines=[]", "lines.append(word)", "", False),
    ],
)
def test_a_container_that_is_bound_once_and_changed_is_shared(given: str, body: str, more: str, expected: bool) -> None:
    found = [each.name for each in bound_once(analysed(TEXT.format(given=given, body=body, more=more)))]
    assert found == (["lines"] if expected else [])


def test_what_a_function_binds_for_itself_is_its_own() -> None:
    text = TEXT.format(given="collect, lines=[]", body="lines.append(word)", more="")
    assert list(bound_once(analysed(text.replace("report = ", "def once():\n    report = ")))) == []
