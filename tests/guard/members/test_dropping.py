"""What is said of a field that a model does not have."""

import pytest

from netra.guard import rules
from tests.guard.programs import analysed

TEXT = """
from pydantic import BaseModel


class Attachment(BaseModel):
    content: str
    kind: str = "text"


Attachment(CALL)
"""


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("content='a', sort='b'", "the model has no field `sort`, and drops it without an error"),
        ("content='a', sort='b', size=3", "the model has none of these 2, and drops them without an error"),
        ("url='a'", ""),
    ],
)
def test_what_becomes_of_a_call_with_a_field_too_many(call: str, expected: str) -> None:
    analysis = analysed(TEXT.replace("CALL", call))
    found = [each.message.partition(": ")[2] for each in rules.load()["M106"].check(analysis)]
    assert found == ([expected] if expected else [])


def test_a_call_that_fails_at_once_is_told_of_as_that_alone() -> None:
    analysis = analysed(TEXT.replace("CALL", "url='a'"))
    (found,) = rules.load()["M103"].check(analysis)
    assert "is not given `content`: a ValidationError" in found.message
