import pytest

from netra.guard.signatures import Signatures, of_parameters
from tests.guard.programs import analysed, function, of_class, understood


@pytest.mark.parametrize(
    ("parameters", "arguments", "expected"),
    [
        ("a, b=1", "1", ""),
        ("a, b=1", "", "is not given `a`"),
        ("a, b, c, d", "", "is not given `a` and `b` and `c` and more"),
        ("a", "1, 2", "takes 1 argument by position, and is given 2"),
        ("", "1", "takes nothing by position, and is given 1"),
        ("*, a", "a=1", ""),
        ("*, a", "1", "takes nothing by position, and is given 1"),
        ("a", "b=1", "takes no `b`"),
        ("a", "1, a=2", "is given `a` twice"),
        ("a, /, **b", "1, a=2", ""),
        ("a, **b", "1, c=2", ""),
        ("*a", "1, 2, 3", ""),
        ("a, b", "*x", ""),
        ("a, b", "**x", ""),
        ("a, b", "c=1, **x", "takes no `c`"),
    ],
)
def test_a_call_is_refused_as_python_refuses_it(parameters: str, arguments: str, expected: str) -> None:
    top, declared = understood(f"def f({parameters}): ...\nf({arguments})\n").functions
    assert of_parameters(declared.parameters, "f.py", 1).refuses(top.calls[0]) == expected


def test_a_method_takes_its_object_first() -> None:
    analysis = analysed("class A:\n    def m(self, a): ...\n")
    method = function(analysis.program, "example.A.m")
    signatures = analysis.once(Signatures)
    bound, unbound = signatures.of_function(method, bound=True), signatures.of_function(method, bound=False)
    assert bound is not None and bound.positional == ("a",)
    assert unbound is not None and unbound.positional == ("self", "a")


def test_of_a_function_under_an_unknown_decorator_nothing_is_known() -> None:
    analysis = analysed("from elsewhere import d\n@d\ndef f(a): ...\n")
    assert analysis.once(Signatures).of_function(function(analysis.program, "example.f"), bound=False) is None


def test_a_constructor_is_the_first_that_a_base_writes() -> None:
    analysis = analysed("class A:\n    def __init__(self, a): ...\nclass B(A): ...\nclass C(B):\n    def __init__(self): ...\n")
    signatures = analysis.once(Signatures)
    found = [signatures.of_constructor(of_class(analysis.program, f"example.{name}")) for name in "BC"]
    assert [each and each.positional for each in found] == [("a",), ()]


def test_a_model_takes_its_fields_by_name_and_by_alias() -> None:
    analysis = analysed("from pydantic import BaseModel, Field\nclass A(BaseModel):\n    x: int = Field(alias='y')\n")
    taken = analysis.once(Signatures).of_model(of_class(analysis.program, "example.A"))
    assert taken is not None and taken.keywords == {"x", "y"}
