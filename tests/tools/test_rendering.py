import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra.tools.rendering import FORMULA, FileFormat, rendered

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
CELLS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXT
ROWS = st.lists(st.dictionaries(st.sampled_from("abc"), CELLS | st.lists(CELLS, max_size=2)), max_size=5)


def text_of(rows: list[dict[str, Any]], file_format: FileFormat) -> str:
    return "".join(rendered(rows, list("abc"), file_format))


@given(rows=ROWS)
def test_json_gives_back_what_was_made(rows: list[dict[str, Any]]) -> None:
    assert json.loads(text_of(rows, "json")) == rows if rows else True
    assert [json.loads(line) for line in text_of(rows, "jsonl").split("\n")[:-1]] == rows


@given(rows=ROWS)
def test_csv_has_a_record_for_each_row_and_its_cells(rows: list[dict[str, Any]]) -> None:
    header, *records = csv.reader(io.StringIO(text_of(rows, "csv"), newline=""), strict=True)
    assert header == list("abc")
    assert len(records) == len(rows)
    for row, record in zip(rows, records, strict=True):
        for name, cell in zip("abc", record, strict=True):
            value = row.get(name)
            match value:
                case None:
                    assert cell == ""
                case str():
                    assert cell.removeprefix("'") == value.removeprefix("'")
                case _:
                    assert json.loads(cell) == value


@given(text=TEXT)
def test_no_text_is_a_formula_to_a_spreadsheet(text: str) -> None:
    ((_,), (cell,)) = csv.reader(io.StringIO("".join(rendered([{"n": text}], ["n"], "csv")), newline=""), strict=True)
    assert not cell.startswith(FORMULA)


@pytest.mark.parametrize(
    ("value", "cell"),
    [(-5, "-5"), (-0.5, "-0.5"), (1e-7, "1e-07"), (True, "true"), ("=1+1", "'=1+1"), ("-5", "'-5"), ("", '""'), (None, "")],
)
def test_numbers_stay_numbers_and_texts_stay_texts(value: Any, cell: str) -> None:
    assert "".join(rendered([{"n": value}], ["n"], "csv")) == f"n\r\n{cell}\r\n"


def test_an_empty_list_of_rows_is_well_formed() -> None:
    assert json.loads("".join(rendered([{"a": 1}], ["a"], "json"))) == [{"a": 1}]
    assert "".join(rendered([], ["a"], "csv")) == "a\r\n"


def test_a_name_of_a_column_is_no_formula_either() -> None:
    assert "".join(rendered([], ["=cmd()", "b,c"], "csv")) == '\'=cmd(),"b,c"\r\n'
