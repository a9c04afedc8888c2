import pytest

from netra.guard.members.parameters import Signature, of_class, of_function, of_parameters
from tests.guard.programs import function, program, understood
from tests.guard.programs import of_class as class_of


def signature(text: str, *, bound: bool = False) -> Signature:
    found = of_function(function(program({"a.py": text}), "a.f"), bound=bound)
    assert found is not None
    return found


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


@pytest.mark.parametrize(
    ("now", "expected"),
    [("b, a", "takes as `b` what was `a`, and is given by position"), ("a, b", ""), ("c, b", "")],
)
def test_an_argument_by_position_may_land_in_another_parameter(now: str, expected: str) -> None:
    top, was, declared = understood(f"def f(a, b): ...\ndef g({now}): ...\nf(1, 2)\n").functions
    assert of_parameters(declared.parameters).displaces(of_parameters(was.parameters), top.calls[0]) == expected


def test_where_it_stands_makes_no_other_signature() -> None:
    (_, one) = understood("def f(a, *, b=1): ...\n").functions
    assert of_parameters(one.parameters, "here.py", 1) == of_parameters(one.parameters, "there.py", 2)


def test_self_is_not_for_the_caller() -> None:
    assert signature("def f(self, a): ...\n", bound=True).positional == ("a",)


def test_a_decorator_that_is_not_known_may_change_everything() -> None:
    assert of_function(function(program({"a.py": "@wrapped\ndef f(a): ...\n"}), "a.f"), bound=False) is None


@pytest.mark.parametrize(
    ("text", "required"),
    [
        ("class A:\n    def __init__(self, a, b=1): ...\n", {"a"}),
        ("class B:\n    def __init__(self, a): ...\nclass A(B): ...\n", {"a"}),
        ("@dataclass\nclass B:\n    a: int\n@dataclass\nclass A(B):\n    b: int = 1\n    c: ClassVar[int]\n", {"a"}),
        ("class A(NamedTuple):\n    a: int\n    b: int = 1\n", {"a"}),
        ("class A(BaseModel):\n    a: int\n    b: int = Field(default=1)\n    c: int = Field(...)\n", {"a", "c"}),
    ],
)
def test_a_constructor_takes_what_its_class_says(text: str, required: set[str]) -> None:
    whole = program({"a.py": text})
    found = of_class(whole, class_of(whole, "a.A"))
    assert found is not None
    assert set(found.required) == required


@pytest.mark.parametrize(
    "text",
    [
        "from elsewhere import B\nclass A(B): ...\n",
        "class A:\n    def __new__(cls, a): ...\n",
        "class A(BaseModel):\n    a: int = Field(alias='b')\n",
        "class A(BaseModel):\n    a: int\n    @model_validator(mode='before')\n    def fill(cls, given): ...\n",
        "@registered\nclass A:\n    def __init__(self, a): ...\n",
    ],
)
def test_a_constructor_that_is_not_understood_is_none(text: str) -> None:
    whole = program({"a.py": text})
    assert of_class(whole, class_of(whole, "a.A")) is None
