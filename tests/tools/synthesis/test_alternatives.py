from typing import Any

import pytest

from netra.tools.synthesis.alternatives import MOST_WAYS, Alternatives
from netra.tools.synthesis.dialect import SchemaRefused
from tests.tools.synthesis.making import refused_at, row_of

LEFT: Any = {"minimum": 1}
RIGHT: Any = {"maximum": 2}


def places(document: Any) -> list[list[str]]:
    """The sets of a document, each as the places of its plain schemas."""
    return [[name for name, _ in parts] for parts in Alternatives(document).of("#", [("#", document)])]


def test_all_of_adds_to_a_set_and_any_of_and_one_of_make_more_sets() -> None:
    assert places({"allOf": [LEFT, RIGHT]}) == [["#", "#/allOf/0", "#/allOf/1"]]
    assert places({"anyOf": [LEFT, RIGHT]}) == [["#", "#/anyOf/0"], ["#", "#/anyOf/1"]]
    assert places({"anyOf": [LEFT, RIGHT], "oneOf": [LEFT, RIGHT]}) == [
        ["#", "#/anyOf/0", "#/oneOf/0"],
        ["#", "#/anyOf/0", "#/oneOf/1"],
        ["#", "#/anyOf/1", "#/oneOf/0"],
        ["#", "#/anyOf/1", "#/oneOf/1"],
    ]


def test_true_asks_for_nothing_and_false_leaves_no_set() -> None:
    assert places({"anyOf": [True, False, LEFT]}) == [["#"], ["#", "#/anyOf/2"]]
    assert places({"allOf": [LEFT, False]}) == []


def test_a_reference_is_followed_to_its_place_whatever_it_is_called() -> None:
    document: Any = {"$defs": {"a/b~c d": {"allOf": [LEFT]}}, "$ref": "#/$defs/a~1b~0c%20d"}
    assert places(document) == [["#", "#/$defs/a~1b~0c d", "#/$defs/a~1b~0c d/allOf/0"]]


def test_ways_are_counted_before_they_are_laid_together() -> None:
    half = {"anyOf": [True] * (MOST_WAYS // 10)}
    assert len(places({"allOf": [half, {"anyOf": [True] * 10}]})) == MOST_WAYS
    with pytest.raises(SchemaRefused, match="ways"):
        places({"allOf": [half] * 60})


@pytest.mark.parametrize(
    ("schema", "place"),
    [
        (row_of({"$ref": "https://example.com/schema"}), "#/properties/x"),
        (row_of({"$ref": "file:schema.json"}), "#/properties/x"),
        (row_of({"$ref": "other.json#/a"}), "#/properties/x"),
        (row_of({"$ref": "#/$defs/nothing"}), "#/properties/x"),
        (row_of({"$ref": "#/properties/x"}), "#/properties/x"),
        (row_of({"$ref": "#/title"}, title="no schema"), "#/title"),
        ({"allOf": [{"anyOf": [{}] * 20}, {"anyOf": [{}] * 20}]}, "#"),
    ],
    ids=range(7),
)
def test_what_leads_nowhere_or_out_or_round_is_refused_by_its_place(schema: Any, place: str) -> None:
    assert refused_at(schema) == place
