"""What is counted in a shared place, or only leaves it, keeps nothing of a request."""

import pytest

from netra.guard.requests.amounts import is_number, keeps_nothing
from netra.guard.requests.sharing import Sharing
from tests.guard.programs import analysed, function, program

TEXT = """
from fastapi import FastAPI
app = FastAPI()
class Kept:
    def __init__(self):
        self.total = 0
        self.text = ""
        self.rows = []
    def keep(self, word, sizes):
        {line}
kept = Kept()
@app.get("/a")
def a(word: str, sizes: dict):
    kept.keep(word, sizes)
    return kept.total, kept.text, kept.rows
"""


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("self.total += len(word)", True),
        ("self.total -= sizes.pop(word, 0)", True),
        ("self.text += word", False),
        ("self.total = word", False),
        ("self.rows = [each for each in self.rows if each > 3]", True),
        ("self.rows = [word for each in self.rows]", False),
        ("self.rows = [each for each in sizes]", False),
        ("self.rows = self.rows[-20:]", True),
        ("self.rows = sorted(filter(lambda each: each, self.rows))", True),
        ("left = [each for each in self.rows if each > 3]; self.rows = left", True),
        ("self.rows = list(sizes)", False),
    ],
)
def test_a_number_and_a_part_of_what_was_there_keep_nothing(line: str, expected: bool) -> None:
    analysis = analysed(TEXT.replace("{line}", line))
    sharing = analysis.once(Sharing)
    (write,) = (each for each in sharing.writes if each.how in ("slot", "augmented"))
    assert keeps_nothing(write, sharing) is expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [("0", True), ("len(rows) / 2", True), ("time.monotonic()", True), ("rows[0]", False), ("''", False)],
)
def test_a_number_is_told_by_what_gives_it(written: str, expected: bool) -> None:
    scope = function(program({"example.py": f"def show(rows):\n    return {written}\n"}), "example.show")
    assert is_number(scope.facts.returned[0].value, scope) is expected
