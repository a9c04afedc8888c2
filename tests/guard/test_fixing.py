from pathlib import Path

import pytest

from netra.guard.faults import Edit
from netra.guard.fixing import edited, fix
from tests.guard.programs import faults


def test_edits_are_made_from_the_end_so_that_none_moves_another() -> None:
    groups = [(Edit(1, 0, 1, 0, "await "),), (Edit(2, 0, 2, 1, "x"),)]
    assert edited(b"f()\r\nb\r\n", groups) == (b"await f()\r\nx\r\n", 2)


def test_of_two_edits_in_one_place_the_second_waits() -> None:
    assert edited(b"abc", [(Edit(1, 0, 1, 2, "x"),), (Edit(1, 1, 1, 3, "y"),)]) == (b"xc", 1)


def test_what_is_mended_is_no_longer_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = Path("example.py")
    file.write_text("async def save(): ...\nasync def work():\n    save()\n    return save().name\n")
    assert fix(faults(file.read_text(), "A101", "A103")) == 2
    assert file.read_text().splitlines()[2:] == ["    await save()", "    return (await save()).name"]
    assert faults(file.read_text(), "A") == []
