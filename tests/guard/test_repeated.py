"""One cause that shows in many places is one finding."""

from netra.guard.faults import Sighting
from netra.guard.repeated import MOST_OTHERS, together
from netra.guard.values import Step
from tests.guard.programs import analysed


def test_the_first_is_told_and_names_the_others() -> None:
    top = analysed("x = 1").program.own[0].top
    found = [Sighting(top, line, 0, line, f"line {line}", (Step("a.py", 1, "proof"),)) for line in (7, 3, 5)]
    one = together(found, ", as in 2 more lines", lambda each: f"and so {each.message}")
    assert (one.line, one.message) == (3, "line 3, as in 2 more lines")
    assert one.why == (Step("a.py", 1, "proof"), Step("example.py", 5, "and so line 5"), Step("example.py", 7, "and so line 7"))


def test_of_very_many_only_some_are_named() -> None:
    top = analysed("x = 1").program.own[0].top
    found = [Sighting(top, line, 0, line, "again") for line in range(1, 60)]
    assert len(together(found, "", lambda each: each.message).why) == MOST_OTHERS
