from netra.guard.members.signatures import Signatures
from tests.guard.programs import analysed, function, of_class


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
