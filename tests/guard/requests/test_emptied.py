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


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("return model.ask(messages=[first, *given])", False),
        ("return [each for each in given if each] + given[-3:]", False),
        ("return further(given, first)", False),
        ("given.append(1)", False),
        ("if given: print(f'{len(given)}')", False),
        ("given.pop()", True),
        ("del given[0]", True),
        ("given += [1]", True),
        ("other = given", True),
        ("other = given or []", True),
        ("return given", True),
        ("yield given", True),
        ("return lambda: given", True),
        ("return further(first, given)", True),
        ("return unknown(given)", True),
        ("return model.each(given, further)", True),
        ("return hand(first, given)", True),
    ],
)
def test_what_a_function_of_the_program_is_given_it_may_only_read(body: str, expected: bool) -> None:
    text = f"""
    import model
    lines = []
    def further(read, cut):
        cut.clear()
        return read[-1]
    def hand(first, given):
        {body}
    def route():
        hand(1, given=lines)
    """
    assert ("lines" in analysed(text).once(Emptied)) is expected


def test_a_method_below_the_one_that_is_called_may_take_something_out() -> None:
    text = """
    class Agent:
        def read(self, rows): return rows[-1]
        def keep(self, rows): return rows[-1]
        def run(self): self.read(seen), self.keep(kept)
    class Short(Agent):
        def keep(self, rows): rows.clear()
    """
    emptied = analysed(text).once(Emptied)
    assert ("seen" in emptied, "kept" in emptied) == (False, True)
