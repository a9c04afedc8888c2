import pytest

from netra.guard.parameters import Signature, of_class, of_function
from tests.guard.programs import function, program
from tests.guard.programs import of_class as class_of


def signature(text: str, *, bound: bool = False) -> Signature:
    found = of_function(function(program({"a.py": text}), "a.f"), bound=bound)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("parameters", "arguments", "expected"),
    [
        ("a, b", "1, 2", ""),
        ("a, b", "1, b=2", ""),
        ("a, b", "1", "does not give `b`"),
        ("a, *, b, c", "1", "does not give `b`, `c`"),
        ("a", "1, 2", "gives 2 by position where 1 is taken"),
        ("a, b=1", "1, c=2", "gives `c`, which is not taken"),
        ("a, b=1", "1, a=2", "gives `a` twice"),
        ("*a, **b", "1, 2, c=3", ""),
        ("a, b", "*given", ""),
        ("a, b", "**given", ""),
    ],
)
def test_what_a_signature_refuses(parameters: str, arguments: str, expected: str) -> None:
    whole = program({"a.py": f"def f({parameters}): ...\nf({arguments})\n"})
    found = of_function(function(whole, "a.f"), bound=False)
    assert found is not None
    (call,) = whole.modules["a"].top.facts.calls
    assert found.refuses(call) == expected


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
    assert found.required == required


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
