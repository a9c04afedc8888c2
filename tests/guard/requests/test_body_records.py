from netra.guard.requests.body_records import Records
from netra.guard.requests.taking import TakenBody
from tests.guard.programs import analysed, of_class

CLASSES = """
from dataclasses import dataclass, field
from typing import NamedTuple, NotRequired, TypedDict

import attrs
import msgspec

@dataclass
class Above:
    place: str

@dataclass
class Ride(Above):
    seats: int
    goal: str = ""
    tags: list = field(default_factory=list)

class Row(NamedTuple):
    name: str
    size: int = 1

class Told(TypedDict):
    name: str
    size: NotRequired[int]

class Partly(TypedDict, total=False):
    name: str

class Strict(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    size: int = 0

class Renamed(msgspec.Struct, rename="camel"):
    long_name: str

@attrs.define
class Made:
    name: str

@dataclass
class Changed:
    name: str
    def __post_init__(self): ...

class Other:
    name: str
"""


def taken(name: str) -> TakenBody | None:
    analysis = analysed(CLASSES)
    return Records(analysis).taken(of_class(analysis.program, f"example.{name}"))


def test_the_fields_of_a_record_are_what_a_body_has() -> None:
    for name, names, required in (
        ("Ride", {"place", "seats", "goal", "tags"}, ("place", "seats")),
        ("Row", {"name", "size"}, ("name",)),
        ("Told", {"name", "size"}, ("name",)),
        ("Partly", {"name"}, ()),
        ("Strict", {"name", "size"}, ("name",)),
        ("Made", {"name"}, ("name",)),
    ):
        found = taken(name)
        assert found is not None, name
        assert set(found.names) == names and found.required == required, name


def test_one_that_forbids_other_names_says_so() -> None:
    strict, plain = taken("Strict"), taken("Row")
    assert strict is not None and plain is not None
    assert (strict.extra, plain.extra) == ("forbid", "ignore")


def test_what_changes_its_input_or_is_no_record_is_not_known() -> None:
    assert taken("Renamed") is None
    assert taken("Changed") is None
    assert taken("Other") is None
