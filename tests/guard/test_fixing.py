from pathlib import Path

import pytest

from netra.guard.faults import Edit
from netra.guard.fixing import edited, fix
from tests.guard.programs import faults


def test_edits_are_made_from_the_end_so_that_none_moves_another() -> None:
    groups = [(Edit(1, 0, 1, 0, "await "),), (Edit(2, 0, 2, 1, "x"),)]
    assert edited(b"f()\r\nb\r\n", groups) == (b"await f()\r\nx\r\n", groups)


def test_of_two_edits_in_one_place_the_second_waits() -> None:
    first, second = (Edit(1, 0, 1, 2, "x"),), (Edit(1, 1, 1, 3, "y"),)
    assert edited(b"abc", [first, second]) == (b"xc", [first])


def test_what_two_groups_replace_by_the_same_is_replaced_once() -> None:
    both = Edit(1, 0, 1, 1, "x")
    groups = [(both, Edit(1, 3, 1, 4, "y")), (both, Edit(1, 6, 1, 7, "z"))]
    assert edited(b"a, b, c", groups) == (b"x, y, z", groups)
    inserted = Edit(1, 0, 1, 0, "(")
    groups = [(inserted, Edit(1, 4, 1, 4, ")")), (inserted, Edit(1, 7, 1, 7, ")"))]
    assert edited(b"a, b, c", groups)[1] == groups[:1]


def test_a_group_that_finds_something_else_than_it_replaces_is_left() -> None:
    groups = [(Edit(1, 0, 1, 1, "x", was="a"), Edit(1, 3, 1, 4, "y", was="é")), (Edit(1, 6, 1, 7, "z", was="c"),)]
    assert edited(b"a, b, c", groups) == (b"a, b, z", groups[1:])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["one letter", "two letters"])
def test_a_file_keeps_its_encoding_and_its_line_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str, end: str
) -> None:
    monkeypatch.chdir(tmp_path)
    declared = encoding.removesuffix("-sig")
    text = f"# coding: {declared}{end}async def é(): ...{end}async def work():{end}    'é'; é()  # ü{end}"
    file = Path("example.py")
    file.write_bytes(text.encode(encoding))
    assert len(fix(faults(text.replace("\r\n", "\n").replace(f" coding: {declared}", ""), "A101"))) == 1
    assert file.read_bytes() == text.replace("; é()", "; await é()").encode(encoding)


def test_a_file_that_would_not_parse_afterwards_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = "async def save(): ...\nasync def work():\n    save()\n"
    Path("example.py").write_text("x = 1\n" * 2 + "abcdef = 1\n")  # somebody has written to it meanwhile
    assert fix(faults(text, "A101")) == []
    assert Path("example.py").read_text().endswith("\nabcdef = 1\n")


def test_what_is_mended_is_no_longer_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = Path("example.py")
    file.write_text("async def save(): ...\nasync def work():\n    save()\n    return save().name\n")
    found = faults(file.read_text(), "A101", "A103")
    assert fix(found) == found and len(found) == 2
    assert file.read_text().splitlines()[2:] == ["    await save()", "    return (await save()).name"]
    assert faults(file.read_text(), "A") == []
