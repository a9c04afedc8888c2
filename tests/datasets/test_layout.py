"""How the records of a file are found: its container, its columns, where those are."""

from pathlib import Path

import pytest

from netra.datasets.dialects import Container
from netra.datasets.layout import Layout, open_content


def layout(tmp_path: Path, text: str, container: Container | None = None) -> Layout:
    (tmp_path / "file").write_text(text)
    return open_content(tmp_path / "file", tmp_path, container).layout


@pytest.mark.parametrize(
    ("text", "container", "document", "columns"),
    [
        ("a;b;c,d\n1;2;3\n", "table", False, ("a", "b", "c,d")),
        ('{"a": {"b": 1}}\n{"c": 2}\n', "object", False, ("a", "a.b", "c")),
        ('[{"a": {"b": 1}}, {"c": 2}]', "object", True, ("a", "a.b", "c")),
        ('{"data": [{"a": 1}]}', "object", True, ("a",)),
    ],
)
def test_the_text_tells_how_it_is_written(
    text: str, container: Container, document: bool, columns: tuple[str, ...], tmp_path: Path
) -> None:
    found = layout(tmp_path, text)
    assert (found.container, found.document, found.columns) == (container, document, columns)


def test_a_table_may_begin_like_a_document_when_it_is_known_to_be_one(tmp_path: Path) -> None:
    assert layout(tmp_path, "[a],b\n1,2\n", "table").columns == ("[a]", "b")


def test_columns_have_places_in_a_row_and_in_an_object(tmp_path: Path) -> None:
    assert layout(tmp_path, "a,b\n1,2\n").places(["b", "a"]) == [2, 1]
    assert layout(tmp_path, '{"a": {"b/c": 1}}\n').places(["a.b/c"]) == ["/a/b~1c"]
