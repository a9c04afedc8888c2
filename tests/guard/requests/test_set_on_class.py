"""`netra.guard.requests.set_on_class`: attributes that are set on a class and read by its objects."""

import pytest

from netra.guard.requests.set_on_class import read_by_objects
from netra.guard.requests.sharing import Sharing
from tests.guard.programs import analysed

TEXT = """
from fastapi import FastAPI

app = FastAPI()

class Parcel:
    {body}

    def label(self):
        return {read}

    @classmethod
    def weighed(cls, weight):
        cls.weight = weight

@app.post("/weigh")
async def weigh(weight: float):
    {write}

@app.get("/label")
async def label():
    return {made}
"""


@pytest.mark.parametrize(
    ("body", "read", "write", "made", "expected"),
    [
        ("weight = 0", "self.weight", "Parcel.weight = weight", "Parcel().label()", True),
        ("weight = 0", "Parcel.weight", "Parcel.weight = weight", "Parcel().label()", False),
        ("weight = 0", "self.weight", "Parcel.weight = weight", "Parcel.label", False),
        ("weight = 0", "self.weight", "parcel = Parcel(); parcel.weight = weight", "Parcel().label()", False),
        ("weight = 0", "self.weight", "Parcel.weighed(weight)", "Parcel().label()", False),
        ("def __init__(self): self.weight = 0", "self.weight", "Parcel.weight = weight", "Parcel().label()", False),
    ],
)
def test_what_is_set_on_the_class_is_of_every_object(body: str, read: str, write: str, made: str, expected: bool) -> None:
    analysis = analysed(TEXT.format(body=body, read=read, write=write, made=made))
    found = [read_by_objects(analysis, each) is not None for each in analysis.once(Sharing).writes]
    assert any(found) is expected


def test_who_sets_it_for_all_does_so_on_purpose() -> None:
    given = {"body": "weight = 0", "read": "self.weight", "write": "Parcel.weight = weight", "made": "Parcel().label()"}
    analysis = analysed(TEXT.format(**given).replace("weigh(weight", "set_weight(weight"))
    assert [read_by_objects(analysis, each) for each in analysis.once(Sharing).writes] == [None]
