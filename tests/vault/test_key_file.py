"""One key, made once, readable to its owner alone."""

import subprocess
import sys
from pathlib import Path

import pytest

from netra.env import for_subprocess
from netra.ids import UserId, new_uuid
from netra.vault import key_file
from netra.vault.key_file import FILE, KeyFileUnusable, own_keys

ALICE = UserId(new_uuid())


def test_the_key_is_made_once_and_found_again(tmp_path: Path) -> None:
    first = own_keys(tmp_path / "data")
    sealed = first.seal(ALICE, "NAME", "a value of mine")
    assert own_keys(tmp_path / "data").open(ALICE, "NAME", sealed) == "a value of mine"
    assert [path.name for path in (tmp_path / "data").iterdir()] == [FILE]


def test_nobody_but_its_owner_can_read_it(tmp_path: Path) -> None:
    own_keys(tmp_path)
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


def test_processes_that_start_at_once_have_one_key(tmp_path: Path) -> None:
    code = "import sys, pathlib; from netra.vault.key_file import own_keys; sys.stdin.read(1); "
    code += "print(own_keys(pathlib.Path(sys.argv[1])).first)"
    command = [sys.executable, "-c", code, str(tmp_path)]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=for_subprocess())
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("!")
        process.stdin.flush()
    said = [process.communicate(timeout=30)[0].strip() for process in processes]
    assert len(set(said)) == 1 and said[0]
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_a_key_that_another_process_made_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    made = own_keys(tmp_path).first
    key_file._make(tmp_path / FILE)  # what a process does that saw no file a moment ago
    assert own_keys(tmp_path).first == made
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize("text", ["", "key=", "hunter2", "key=hunter2", "ö"])
def test_a_file_that_holds_no_key_is_refused_and_left_alone(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text, "utf-8")
    with pytest.raises(KeyFileUnusable) as caught:
        own_keys(tmp_path)
    assert "hunter2" not in caught.value.detail
    assert (tmp_path / FILE).read_text("utf-8") == text


def test_a_folder_that_cannot_be_written_to_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(KeyFileUnusable, match="cannot be read or written"):
        own_keys(tmp_path / "data")
