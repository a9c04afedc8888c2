import pytest

from netra.guard.meaning.arguments import given_back, of_argument
from netra.guard.meaning.receivers import Receivers
from netra.guard.values import CoroutineOf, Instance, Plain
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


REPOSITORIES = """
    from typing import Generic, TypeVar
    T = TypeVar("T")
    class Order: ...
    class Repository(Generic[T]):
        async def get(self, number) -> T | None: ...
        def all(self) -> list[T]: ...
        def count(self) -> int: ...
    class Orders(Repository[Order]): ...
    class Recent(Orders): ...
    class Unknown(Repository): ...
    """


@pytest.mark.parametrize("kind", ["Orders", "Recent"])
def test_what_a_method_gives_is_what_the_class_below_names(kind: str) -> None:
    found = program({"example.py": REPOSITORIES})
    receivers, order = Receivers(found), of_class(found, "example.Order")
    repository, asked = of_class(found, "example.Repository"), of_class(found, f"example.{kind}")
    got = given_back(repository.methods["get"][0], asked, (), receivers)
    assert got == CoroutineOf(Instance(order), repository.methods["get"][0])
    assert given_back(repository.methods["all"][0], asked, (), receivers) == Plain("list", Instance(order))
    assert given_back(repository.methods["count"][0], asked, (), receivers) is None


def test_what_a_method_gives_is_not_known_where_nobody_says_of_what_the_class_is() -> None:
    found = program({"example.py": REPOSITORIES})
    repository = of_class(found, "example.Repository")
    method = repository.methods["all"][0]
    assert given_back(method, of_class(found, "example.Unknown"), (), Receivers(found)) is None
    assert given_back(method, repository, (Plain("str"),), Receivers(found)) == Plain("list", Plain("str"))
