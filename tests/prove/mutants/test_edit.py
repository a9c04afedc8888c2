"""Edits of code as it is imported, on a package that a test makes."""

import importlib
import sys
from pathlib import Path

import pytest

from tests.prove.mutants.edit import Edit, EditImpossible, check, install

CODE = """
class Queries(dict):
    @property
    def _queries(self):
        return self

QUERIES = Queries({"read": "SELECT 1 WHERE mine"})

def answer() -> int:
    return 41

VALUE = answer()
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package with one module, `edited_PACKAGE.code`, that nobody has imported."""
    name = f"edited_{tmp_path.name.replace('-', '_')}"
    folder = tmp_path / name
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "code.py").write_text(CODE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    return name


def test_an_edited_module_is_what_the_edit_says_wherever_it_is_used(package: str) -> None:
    install([Edit(f"{package}.code", "return 41", "return 42")])
    assert importlib.import_module(f"{package}.code").VALUE == 42


def test_a_query_is_edited_by_its_name(package: str) -> None:
    install([Edit(f"{package}.code", " WHERE mine", "", "read")])
    assert importlib.import_module(f"{package}.code").QUERIES["read"] == "SELECT 1"


@pytest.mark.parametrize("old", ["return 40", "answer", ""])
def test_a_text_that_is_not_there_exactly_once_is_no_place_for_an_edit(package: str, old: str) -> None:
    edit = Edit(f"{package}.code", old, "x")
    with pytest.raises(EditImpossible, match=r"has this \d+ times, not once"):
        check([edit])
    with pytest.raises(EditImpossible):
        install([edit])


def test_a_module_that_is_gone_is_told(package: str) -> None:
    with pytest.raises(ModuleNotFoundError):
        install([Edit(f"{package}.elsewhere", "x", "y")])
    with pytest.raises(FileNotFoundError):
        check([Edit(f"{package}.elsewhere", "x", "y")])


def test_a_query_that_is_gone_is_told(package: str) -> None:
    with pytest.raises(KeyError):
        check([Edit(f"{package}.code", "x", "y", "write")])


def test_what_was_imported_already_cannot_be_edited_any_more(package: str) -> None:
    importlib.import_module(f"{package}.code")
    with pytest.raises(EditImpossible, match="was imported before"):
        install([Edit(f"{package}.code", "return 41", "return 42")])


def test_an_edit_that_leaves_no_program_is_told(package: str) -> None:
    with pytest.raises(SyntaxError):
        check([Edit(f"{package}.code", "return 41", "return (")])


def test_edits_of_one_module_are_made_one_after_the_other(package: str) -> None:
    edits = [Edit(f"{package}.code", "return 41", "return 42"), Edit(f"{package}.code", "return 42", "return 43")]
    check(edits)
    install(edits)
    assert importlib.import_module(f"{package}.code").VALUE == 43


def test_the_true_module_is_found_again_by_the_next_process(package: str, tmp_path: Path) -> None:
    install([Edit(f"{package}.code", "return 41", "return 42")])
    assert [path.name for path in tmp_path.rglob("*.pyc") if path.name.startswith("code.")] == []
