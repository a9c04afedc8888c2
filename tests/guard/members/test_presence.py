import pytest

from netra.guard.members.presence import class_has, is_enum, is_model, is_record, members, module_has
from tests.guard.programs import of_class, program


@pytest.mark.parametrize(
    "text",
    [
        "def x(): ...\n",
        "x = 1\n",
        "from elsewhere import x\n",
        "from elsewhere import *\n",
        "def __getattr__(name): ...\n",
        "def make():\n    globals()['x'] = 1\n",
        "def make():\n    global x\n    x = 1\n",
        "def broken(:\n",
    ],
)
def test_a_module_that_may_have_the_name_has_it(text: str) -> None:
    whole = program({"a.py": text})
    assert module_has(whole, whole.modules["a"], "x")


@pytest.mark.parametrize("text", ["y = 1\n", "def f():\n    x = 1\n", "class A:\n    x = 1\n", "from b import *\n"])
def test_a_module_that_cannot_have_the_name_has_it_not(text: str) -> None:
    whole = program({"a.py": text, "b.py": "y = 1\n"})
    assert not module_has(whole, whole.modules["a"], "x")


@pytest.mark.parametrize(
    "text",
    [
        "class A:\n    x = 1\n",
        "class A:\n    def f(self):\n        self.x = 1\n",
        "class B:\n    x = 1\nclass A(B): ...\n",
        "class A: ...\nclass B(A):\n    x = 1\n",
        "class M:\n    x = 1\nclass A: ...\nclass B(A, M): ...\n",
        "from elsewhere import B\nclass A(B): ...\n",
        "class A:\n    def __getattr__(self, name): ...\n",
        "@registered\nclass A: ...\n",
        "class A(metaclass=Made): ...\n",
        "class A:\n    def f(self, **given):\n        self.__dict__.update(given)\n",
    ],
)
def test_an_object_that_may_have_the_attribute_has_it(text: str) -> None:
    whole = program({"a.py": text})
    assert class_has(whole, of_class(whole, "a.A"), "x")


@pytest.mark.parametrize(
    "text",
    [
        "class A:\n    y = 1\n",
        "from enum import Enum\nclass A(Enum):\n    y = 1\n",
        "from pydantic import BaseModel\nclass A(BaseModel):\n    y: int\n",
        "from dataclasses import dataclass\n@dataclass\nclass A:\n    y: int\n",
        "class A(Exception): ...\n",
    ],
)
def test_an_object_that_cannot_have_the_attribute_has_it_not(text: str) -> None:
    whole = program({"a.py": text})
    assert not class_has(whole, of_class(whole, "a.A"), "x")


def test_what_a_known_base_gives_is_there() -> None:
    whole = program({"a.py": "from enum import Enum\nclass A(Enum): ...\nclass B(Exception): ...\n"})
    assert class_has(whole, of_class(whole, "a.A"), "value")
    assert class_has(whole, of_class(whole, "a.B"), "args")


def test_members_come_with_their_lines() -> None:
    whole = program({"a.py": "class A:\n    x = 1\n    def f(self):\n        self.y = 2\n    class C: ...\n"})
    assert members(of_class(whole, "a.A")) == {"x": 2, "f": 3, "y": 4, "C": 5}


def test_what_makes_a_constructor_out_of_names() -> None:
    text = "class E(StrEnum): ...\nclass M(BaseModel): ...\n@dataclass(frozen=True)\nclass D: ...\nclass N(NamedTuple): ...\n"
    whole = program({"a.py": text})
    kinds = {name: of_class(whole, f"a.{name}") for name in "EMDN"}
    assert [name for name, kind in kinds.items() if is_enum(whole, kind)] == ["E"]
    assert [name for name, kind in kinds.items() if is_model(whole, kind)] == ["M"]
    assert [name for name, kind in kinds.items() if is_record(kind.facts)] == ["D", "N"]
