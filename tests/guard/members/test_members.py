from netra.guard.members.members import MemberNames, is_bound_once
from tests.guard.programs import analysed, of_class

TEXT = """
from elsewhere import Base

class Plain:
    __slots__ = ("a", "b")
    c = 1
    def __init__(self): self.d = 2
    def e(self): ...

class Below(Plain):
    f: int

class Unknown(Base): ...

def twice():
    class Twice: ...
    class Twice: ...
"""


def test_a_class_holds_what_it_and_all_below_it_hold() -> None:
    analysis = analysed(TEXT)
    members = analysis.once(MemberNames)
    held = members.of(of_class(analysis.program, "example.Plain"))
    assert held is not None and {"a", "b", "c", "d", "e", "f", "__init__", "__class__"} <= held
    assert "x" not in held


def test_of_a_class_with_an_unknown_base_nothing_is_known() -> None:
    analysis = analysed(TEXT)
    assert analysis.once(MemberNames).of(of_class(analysis.program, "example.Unknown")) is None


def test_a_name_that_two_classes_have_is_not_bound_once() -> None:
    analysis = analysed(TEXT)
    (module,) = analysis.modules
    assert [is_bound_once(each) for each in module.classes if each.name in ("Twice", "Plain")] == [True, False, False]


def test_names_are_together_where_one_class_has_them_all() -> None:
    members = analysed(TEXT).once(MemberNames)
    assert members.are_together({"c", "e"}) and members.are_together({"f"})
    assert not members.are_together({"c", "f"})
