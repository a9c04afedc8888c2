from netra.guard.members.members import MemberNames, is_bound_once
from tests.guard.programs import analysed, of_class

TEXT = """
import abc
from elsewhere import Base

class Plain:
    __slots__ = ("a", "b")
    c = 1
    def __init__(self): self.d = 2
    def e(self): ...

class Below(Plain):
    f: int

class Unknown(Base): ...

class Waiting(abc.ABC): ...

class Left:
    def run(self): raise NotImplementedError

class OrderMixin: ...

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


def test_bases_outside_the_program_have_their_names_in_full() -> None:
    analysis = analysed(TEXT)
    members = analysis.once(MemberNames)
    assert members.outside(of_class(analysis.program, "example.Waiting")) == ["abc.ABC"]
    assert members.above(of_class(analysis.program, "example.Waiting"), frozenset({"abc.ABC"}))
    assert not members.above(of_class(analysis.program, "example.Plain"), frozenset({"abc.ABC"}))


def test_a_class_that_leaves_something_to_others_is_known_by_its_name_or_its_methods() -> None:
    analysis = analysed(TEXT)
    members = analysis.once(MemberNames)
    parts = ["Waiting", "Left", "OrderMixin"]
    assert all(members.is_part_of_others(of_class(analysis.program, f"example.{name}")) for name in parts)
    assert not members.is_part_of_others(of_class(analysis.program, "example.Plain"))


def test_a_name_that_two_classes_have_is_not_bound_once() -> None:
    analysis = analysed(TEXT)
    (module,) = analysis.modules
    assert [is_bound_once(each) for each in module.classes if each.name in ("Twice", "Plain")] == [True, False, False]


def test_a_name_set_on_something_unknown_may_be_set_on_any_class() -> None:
    analysis = analysed(
        TEXT
        + "def f(x, y: Plain, z: Below):\n    x.one = 1\n    z.two = 2\n    setattr(y, 'three', 3)\n    OrderMixin().four = 4\n"
    )
    members = analysis.once(MemberNames)
    plain = of_class(analysis.program, "example.Plain")
    assert [members.is_written(plain, name) for name in ("one", "two", "three", "four", "five")] == [
        True,
        True,
        True,
        False,
        False,
    ]


def test_a_module_lacks_what_neither_it_nor_its_folder_holds() -> None:
    analysis = analysed({"shop/__init__.py": "a = 1", "shop/b.py": "", "shop/lazy.py": "def __getattr__(name): ..."})
    members = analysis.once(MemberNames)
    shop, lazy = analysis.program.modules["shop"], analysis.program.modules["shop.lazy"]
    assert [members.lacks(shop, name) for name in ("a", "b", "c", "__path__")] == [False, False, True, False]
    assert not members.lacks(lazy, "c")
    assert members.named_in(shop) == ["a"]


def test_a_name_imported_from_two_places_has_rivals() -> None:
    analysis = analysed("try:\n    from a import C\nexcept ImportError:\n    from b import C\nimport d.e\nimport d.f\n")
    assert analysis.once(MemberNames).rivals == {"C"}
