from netra.guard.members.outside import OutsideWrites
from tests.guard.programs import analysed, of_class

TEXT = """
class Plain:
    a = 1

class Below(Plain): ...

class OrderMixin: ...

"""


def test_a_name_set_on_something_unknown_may_be_set_on_any_class() -> None:
    analysis = analysed(
        TEXT
        + "def f(x, y: Plain, z: Below):\n    x.one = 1\n    z.two = 2\n    setattr(y, 'three', 3)\n    OrderMixin().four = 4\n"
    )
    outside = analysis.once(OutsideWrites)
    plain = of_class(analysis.program, "example.Plain")
    assert [outside.is_written(plain, name) for name in ("one", "two", "three", "four", "five")] == [
        True,
        True,
        True,
        False,
        False,
    ]


def test_a_name_imported_from_two_places_has_rivals() -> None:
    analysis = analysed("try:\n    from a import C\nexcept ImportError:\n    from b import C\nimport d.e\nimport d.f\n")
    assert analysis.once(OutsideWrites).rivals == {"C"}


def test_a_name_that_another_file_gives_another_meaning_has_rivals() -> None:
    analysis = analysed({"prices.py": "class Price: ...\n", "fast.py": "import prices\nprices.Price = print\n"})
    assert analysis.once(OutsideWrites).rivals == {"Price"}


def test_computed_names_are_given_to_the_class_and_to_all_below_it() -> None:
    analysis = analysed(TEXT + "def f(x: Plain, name: str):\n    setattr(x, name, 1)\n")
    outside = analysis.once(OutsideWrites)
    kinds = [of_class(analysis.program, f"example.{name}") for name in ("Plain", "Below", "OrderMixin")]
    assert [outside.is_given_computed(kind) for kind in kinds] == [True, True, False]
    assert outside.written_into == {kinds[0]}


def test_a_constructor_that_is_replaced_is_another() -> None:
    analysis = analysed(TEXT + "Plain.__init__ = print\n")
    outside = analysis.once(OutsideWrites)
    assert [outside.is_remade(of_class(analysis.program, f"example.{name}")) for name in ("Plain", "Below")] == [True, False]


def test_a_name_that_stands_at_the_top_of_a_module_is_known() -> None:
    analysis = analysed(TEXT + "ROWS = '_rows'\ndef f(x: Plain):\n    setattr(x, ROWS, 1)\n")
    outside, plain = analysis.once(OutsideWrites), of_class(analysis.program, "example.Plain")
    assert not outside.is_given_computed(plain)
    assert [outside.is_written(plain, name) for name in ("_rows", "other")] == [True, False]
