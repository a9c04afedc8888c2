import pytest

from netra.guard.members.made_without import made_without
from tests.guard.programs import analysed, function

HEAD = """
class Bell:
    def __init__(self, tower):
        self.tower = tower
    def ring(self):
        self.tower.sound(self.tone)
class Large(Bell):
    tone = "dong"
"""


@pytest.mark.parametrize(
    ("below", "lacking"),
    [
        ("class Small(Bell): ...", "Small"),
        ("class Small(Bell):\n    tone = 'ding'", ""),
        ("class Small(Bell):\n    def ring(self): ...", ""),
        ("class Small(Bell):\n    def __init__(self):\n        self.tone = 'ding'", ""),
        ("class Small(Bell):\n    def __getattr__(self, name): ...", ""),
        ("class Small(Bell, Unknown): ...", ""),
    ],
)
def test_a_class_that_is_made_lacks_what_another_has(below: str, lacking: str) -> None:
    analysis = analysed(f"{HEAD}{below}\ndef f(tower):\n    Small(tower).ring()\n    Large(tower).ring()\n")
    found = made_without("tone", function(analysis.program, "example.Bell.ring"), analysis)
    assert ("" if found is None else found.name) == lacking


def test_a_class_that_nobody_makes_is_for_others() -> None:
    analysis = analysed(f"{HEAD}def f(tower):\n    Large(tower).ring()\n")
    assert made_without("tone", function(analysis.program, "example.Bell.ring"), analysis) is None
