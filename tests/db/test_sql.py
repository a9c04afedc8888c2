"""Queries out of files: named, each with its sentence, none twice."""

from importlib.resources import files
from pathlib import Path

import pytest

import netra
from netra.db.sql import NamedQueries
from netra.ids import new_uuid


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of this test's own, with no query file yet."""
    folder = tmp_path / f"queries_{new_uuid().hex}"
    folder.mkdir()
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def load(package: Path, text: str) -> NamedQueries:
    (package / "some.sql").write_text(text, "utf-8")
    return NamedQueries(package.name, "some.sql")


def test_a_query_is_found_by_its_name_with_its_sentence_and_its_parameters(package: Path) -> None:
    queries = load(
        package,
        "-- About the file.\n\n-- first --\n-- What it is for.\nSELECT 1\n\n-- second --\n-- Why.\nSELECT %(name)s -- here\n",
    )
    assert dict(queries) == {
        "first": "-- What it is for.\nSELECT 1",
        "second": "-- Why.\nSELECT %(name)s -- here",
    }
    assert len(queries) == 2
    with pytest.raises(KeyError):
        queries["third"]


def test_a_query_without_its_sentence_is_refused_by_name(package: Path) -> None:
    with pytest.raises(ValueError, match="query second has no sentence"):
        load(package, "-- first --\n-- Why.\nSELECT 1\n\n-- second --\nSELECT 2\n")


def test_a_name_that_stands_twice_is_refused(package: Path) -> None:
    with pytest.raises(ValueError, match="query first stands twice"):
        load(package, "-- first --\n-- Why.\nSELECT 1\n\n-- first --\n-- Why.\nSELECT 2\n")


def test_a_comment_inside_a_query_is_no_heading(package: Path) -> None:
    queries = load(package, "-- first --\n-- Why.\nSELECT 1,\n-- the answer --  \n       2\n-- not a name: this --\n")
    assert list(queries) == ["first"]


QUERY_FILES = sorted(
    path.relative_to(str(files(netra))).as_posix()
    for path in Path(str(files(netra))).rglob("*.sql")
    if "migrations" not in path.parts
)


@pytest.mark.parametrize("path", QUERY_FILES)
def test_every_file_of_queries_that_netra_ships_can_be_read(path: str) -> None:
    folder, _, name = path.rpartition("/")
    queries = NamedQueries(f"netra.{folder.replace('/', '.')}", name)
    assert len(queries) > 0
