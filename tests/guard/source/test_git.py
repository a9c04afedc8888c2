import subprocess
from pathlib import Path

import pytest

from netra.guard.source.git import Repository, RevisionUnknown


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    (tmp_path / "é b.py").write_text("one = 1\n")
    (tmp_path / "empty.py").write_text("")
    (tmp_path / "notes.txt").write_text("two\n")
    (tmp_path / "link.py").symlink_to("empty.py")
    identity = ["-c", "user.name=Alice", "-c", "user.email=alice@example.com"]
    for command in (["init", "-q"], ["add", "."], [*identity, "commit", "-q", "-m", "first"]):
        subprocess.run(["git", *command], check=True, cwd=tmp_path)
    return Repository(tmp_path)


def test_only_files_of_python_are_listed_whatever_they_are_called(repository: Repository) -> None:
    assert set(repository.files(repository.commit("HEAD"), ["."])) == {"é b.py", "empty.py"}


def test_contents_come_as_they_are_and_each_once(repository: Repository) -> None:
    files = repository.files(repository.commit("HEAD"), ["."])
    found = repository.contents([files["é b.py"], files["empty.py"], files["é b.py"]])
    assert found == {files["é b.py"]: b"one = 1\n", files["empty.py"]: b""}
    assert repository.contents([]) == {}


def test_a_change_of_the_working_tree_is_a_change(repository: Repository) -> None:
    commit = repository.commit("HEAD")
    assert repository.changed(commit) == frozenset()
    (repository.top / "é b.py").write_text("one = 2\n")
    assert repository.changed(commit) == {"é b.py"}


def test_a_file_that_a_commit_does_not_have_is_empty_text(repository: Repository) -> None:
    commit = repository.commit("HEAD")
    assert repository.text(commit, "notes.txt") == "two\n"
    assert repository.text(commit, "nowhere.txt") == ""


def test_an_option_is_no_revision(repository: Repository) -> None:
    with pytest.raises(RevisionUnknown):
        repository.commit("--all")
