import pytest

from netra.guard.meaning.assigned import AssignedValues, made_for_class
from tests.guard.programs import analysed, function, of_class, shown

TEXT = """
from typing import ClassVar
class Thing:
    def __enter__(self) -> "Thing": return self
class Refused(Exception): ...
class Row:
    state: int = column()
    shared: ClassVar[int] = column()
    plain = column()
_kept = None
def set_up():
    global _kept
    _kept = Thing()
def f(things: list[Thing], pairs: dict[str, Thing]):
    said: Thing = unknown()
    for each in things: ...
    with Thing() as opened: ...
    one, other = Thing(), 1
    later = []
    later.append(Thing())
    for name, held in pairs.items(): ...
    try:
        unknown()
    except Refused as error:
        raise
    twice = Thing()
    twice = 1
"""


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("said", "Thing"),
        ("each", "Thing"),
        ("opened", "Thing"),
        ("one", "Thing"),
        ("other", "int"),
        ("later", "list of Thing"),
        ("held", "Thing"),
        ("name", ""),
        ("error", "Refused"),
        ("twice", ""),
    ],
)
def test_what_a_name_is_by_what_is_put_there(name: str, expected: str) -> None:
    analysis = analysed(TEXT)
    assert shown(AssignedValues(analysis.receivers).variable(function(analysis.program, "example.f"), name)) == expected


def test_a_name_of_a_module_is_also_what_its_functions_put_there() -> None:
    analysis = analysed(TEXT)
    assert shown(AssignedValues(analysis.receivers).variable(analysis.modules[0].top, "_kept")) == "Thing"


def test_a_call_beside_an_annotation_in_a_class_makes_what_its_objects_have() -> None:
    body = of_class(analysed(TEXT).program, "example.Row").body
    assert [made_for_class(body, name) for name in ("state", "shared", "plain", "absent")] == [("call", 0), None, None, None]
