import pytest

from netra.guard.meaning.arguments import of_argument
from netra.guard.values import Plain
from tests.guard.programs import of_class, program

PAIR = """
    from typing import Generic, TypeVar
    T = TypeVar("T")
    U = TypeVar("U")
    class Pair(Generic[T, U]):
        left: T
        right: U
        size: int
    class Bare:
        left: T
    """


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        ("Pair", "left", Plain("str")),
        ("Pair", "right", Plain("int")),
        ("Pair", "size", None),
        ("Pair", "x", None),
        ("Bare", "left", None),
    ],
)
def test_an_attribute_is_what_its_type_parameter_is_given(kind: str, name: str, expected: Plain | None) -> None:
    found = of_class(program({"example.py": PAIR}), f"example.{kind}")
    assert of_argument(found, (Plain("str"), Plain("int")), name) == expected


def test_what_is_not_given_is_not_known() -> None:
    found = of_class(program({"example.py": PAIR}), "example.Pair")
    assert of_argument(found, (Plain("str"),), "right") is None
