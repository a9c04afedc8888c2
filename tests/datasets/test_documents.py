"""JSON documents, record by record: what Python's own JSON reads is what comes out, wherever the pieces are cut."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netra.datasets import documents
from netra.datasets.documents import is_document, numbered_records
from netra.errors import InvalidInput

VALUES: Any = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(alphabet='ab"\\[]{},:\n\t é🙂', max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet='k"[]{},data', max_size=6), inner, max_size=3),
    max_leaves=8,
)


def records(text: str, size: int = 1 << 20) -> list[tuple[int, str]]:
    written = "".join(numbered_records(text[at : at + size] for at in range(0, len(text), size)))
    lines = [line.split("\t", 1) for line in written.splitlines()]
    return [(int(number), record) for number, record in lines]


def alone(values: list[Any]) -> Any:
    return values


def within_a_page(values: list[Any]) -> Any:
    return {"meta": {"data": [1, {"data": [2]}]}, "note": 'a "data": [', "data": values, "more": [{"data": [7]}]}


@settings(deadline=None)
@given(
    values=st.lists(VALUES, max_size=6),
    wrap=st.sampled_from([alone, within_a_page]),
    indent=st.sampled_from([None, 0, 2]),
    size=st.integers(1, 40),
)
def test_every_record_of_a_document_comes_out_as_it_went_in(
    values: list[Any], wrap: Callable[[list[Any]], Any], indent: int | None, size: int
) -> None:
    text = json.dumps(wrap(values), indent=indent, ensure_ascii=False)
    found = records(text, size)
    assert [json.loads(record) for _, record in found] == values
    assert [number for number, _ in found] == [number for number, _ in records(text)]


def test_a_record_has_the_number_of_the_line_on_which_it_begins() -> None:
    values = [{"a": 1, "b": [1, 2]}, {"c": {"d": 3}}, 4]
    text = json.dumps(values, indent=2)
    lines = text.split("\n")
    numbers = [number for number, _ in records(text, 3)]
    assert [lines[number - 1].strip() for number in numbers] == ["{", "{", "4"]


def test_a_broken_record_costs_itself_alone() -> None:
    found = records('[{"a": 1},\n{"b": nothing,},\n{"c": 3}]')
    assert found == [(1, '{"a": 1}'), (2, '{"b": nothing,}'), (3, '{"c": 3}')]


def test_a_document_that_breaks_off_keeps_what_was_whole_and_shows_the_rest() -> None:
    assert records('[{"a": 1},\n{"b": "never') == [(1, '{"a": 1}'), (2, '{"b": "never')]


def test_an_object_without_records_is_refused() -> None:
    with pytest.raises(InvalidInput, match="data or resourceSpans"):
        records('{"usage": [{"input_tokens": 1}]}')


def test_a_record_longer_than_the_bound_is_refused_by_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "LONGEST_LINE", 100)
    with pytest.raises(InvalidInput, match="record of line 2") as refused:
        records('[{"a": 1},\n{"b": "' + "x" * 200 + '"}]', 20)
    assert refused.value.extra["line"] == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('\n [{"a": 1}]', True),
        ('{"data": [{"a": 1}]}', True),
        ('{\n  "resourceSpans": []\n}', True),
        ('{"a": 1}\n{"a": 2}\n', False),
        ('{"a": 1\n{"a": 2}\n', False),
        ('{"resourceSpans": []}\n', False),
        ("a,b\n1,2\n", False),
        ("", False),
    ],
)
def test_a_document_is_told_from_lines_and_tables(text: str, expected: bool, tmp_path: Path) -> None:
    (tmp_path / "file").write_text(text)
    assert is_document(tmp_path / "file") is expected
