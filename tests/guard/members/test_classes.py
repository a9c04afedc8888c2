import pytest

from netra.guard.members.classes import HeldClasses
from tests.guard.programs import analysed, function

CLASSES = """
class Slip: ...
class Bonus(Slip): ...

KINDS = {"plain": Slip, "bonus": Bonus}
ALL = (Slip, Bonus)
OPEN = {"plain": Slip, "other": None}

def kind_of(row):
    if row:
        return Bonus
    return Slip

def anything(row):
    return row if row else Slip
"""


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("x = Slip", "Slip"),
        ("x = Bonus if row else Slip", "Bonus Slip"),
        ("x = KINDS[row]", "Slip Bonus"),
        ("x = KINDS.get(row, Slip)", "Slip Bonus"),
        ("x = OPEN[row]", ""),
        ("x = kind_of(row)", "Bonus Slip"),
        ("x = anything(row)", ""),
        ("x = Slip()", ""),
        ("x = type(Slip())", "Slip"),
        ("for x in ALL: ...", "Slip Bonus"),
        ("for x in KINDS.values(): ...", "Slip Bonus"),
        ("x = given", "Bonus"),
        ("x = row", ""),
    ],
)
def test_a_name_holds_a_class_however_it_has_got_it(line: str, names: str) -> None:
    analysis = analysed(f"{CLASSES}\ndef f(row, given: type[Bonus]):\n    {line}\n")
    found = HeldClasses(analysis).of(("name", "x"), function(analysis.program, "example.f"))
    assert [each.name for each in found] == names.split()
