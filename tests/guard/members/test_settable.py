"""`netra.guard.members.settable`: which attributes of an object can be set."""

from netra.guard.members.settable import Settable
from tests.guard.programs import analysed


def refused(text: str, *names: str) -> set[str]:
    analysis = analysed(text)
    settable = analysis.once(Settable)
    kinds = [kind for module in analysis.modules for kind in module.classes]
    return {f"{kind.name}.{name}" for kind in kinds for name in names if settable.refused(kind, name) is not None}


def test_fields_of_frozen_classes_are_refused_below_them_too() -> None:
    text = """
        from dataclasses import dataclass
        from typing import NamedTuple

        @dataclass(frozen=True)
        class Plan:
            name: str

        @dataclass(frozen=True)
        class Long(Plan):
            years: int

        class Point(NamedTuple):
            name: int

        @dataclass
        class Open:
            name: str
    """
    assert refused(text, "name", "years") == {"Plan.name", "Long.name", "Long.years", "Point.name"}


def test_a_model_takes_its_fields_and_those_of_the_models_below() -> None:
    text = """
        from pydantic import BaseModel

        class User(BaseModel):
            name: str

        class Admin(User):
            rights: list[str]

        class Loose(BaseModel, extra="allow"):
            name: str
    """
    assert refused(text, "name", "rights", "mail", "_seen") == {"User.mail", "Admin.mail"}
