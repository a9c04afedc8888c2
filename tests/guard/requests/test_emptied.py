"""Which containers get shorter again, by their names."""

import pytest

from netra.guard.requests.emptied import Emptied
from tests.guard.programs import analysed

TEXT = """
from fastapi import FastAPI
import model
app = FastAPI()
lines = []
def trim(what): ...
def given(): return held
def shown(): return seen
@app.get("/seen")
def seen_by_all(): return shown()
@app.get("/lines")
def route():
    {line}
"""


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("lines.append(1)", False),
        ("lines.pop()", True),
        ("lines[:] = lines[-3:]", True),
        ("del lines[0]", True),
        ("trim(lines)", True),
        ("print(lines)", False),
        ("model.ask(messages=lines)", False),
        ("model.each(lines, trim)", True),
        ("model.each(lines, lambda each: each.pop())", True),
        ("heapq.heappop(lines)", True),
        ("return lines", False),
        ("other = lines", True),
    ],
)
def test_a_list_is_emptied_or_handed_to_where_it_may_be(line: str, expected: bool) -> None:
    assert ("lines" in analysed(TEXT.format(line=line)).once(Emptied)) is expected


def test_what_a_route_returns_is_written_out_and_what_a_function_returns_may_be_emptied_by_its_caller() -> None:
    emptied = analysed(TEXT.format(line="given()")).once(Emptied)
    assert ("held" in emptied, "seen" in emptied) == (True, False)
