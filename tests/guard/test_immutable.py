"""Values that nobody changes."""

from dataclasses import fields

import pytest

from netra.guard.immutable import immutable
from netra.guard.values import Plain, Step


@immutable
class Place:
    path: str
    line: int = 1


def test_two_with_the_same_fields_are_equal_and_one_key() -> None:
    assert Place("a.py", 3) == Place("a.py", 3) != Place("a.py", 4)
    assert len({Place("a.py"), Place("a.py", 1), Place("b.py")}) == 2


def test_they_have_no_attribute_beside_their_fields() -> None:
    with pytest.raises(TypeError):
        vars(Place("a.py"))
    assert [each.name for each in fields(Place)] == ["path", "line"]


def test_values_of_the_analysis_are_such() -> None:
    assert Plain("str") == Plain("str") != Plain("int")
    assert hash(Step("a.py", 1, "here")) == hash(Step("a.py", 1, "here"))
