import pytest

from netra.guard.meaning.composed import composed
from tests.guard.programs import analysed, function, shown

TEXT = """
class Thing: ...
def opened(store=None):
    store or Thing()
def f(things: list[Thing], number):
    made = Thing()
"""
MADE = ("name", "made")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (("none",), "None"),
        (("string", "x"), "str"),
        (("constant", "int", 1), "int"),
        (("list", (MADE, MADE)), "list of Thing"),
        (("tuple", (MADE, ("constant", "int", 1))), "tuple"),
        (("list", (("star", ("name", "things")),)), "list"),
        (("dict", ((("string", "a"), MADE),)), "dict of Thing"),
        (("comprehension", "ListComp", MADE), "list of Thing"),
        (("comprehension", "GeneratorExp", MADE), ""),
        (("subscript", ("name", "things"), ("constant", "int", 0)), "Thing"),
        (("subscript", ("name", "things"), ("other",)), ""),
        (("compare", (MADE, ("none",)), ("Is",)), "bool"),
        (("compare", (MADE, ("none",)), ("Lt",)), ""),
        (("not", ("name", "number")), "bool"),
        (("choice", (MADE, ("name", "number"))), ""),
        (("other",), ""),
    ],
)
def test_what_is_put_together(expression: tuple[object, ...], expected: str) -> None:
    analysis = analysed(TEXT)
    assert shown(composed(expression, function(analysis.program, "example.f"), analysis.receivers)) == expected


def test_of_a_parameter_that_may_be_left_out_what_is_made_without_it_tells() -> None:
    analysis = analysed(TEXT)
    choice = ("choice", (("name", "store"), ("call", 0)))
    assert shown(composed(choice, function(analysis.program, "example.opened"), analysis.receivers)) == "Thing"
