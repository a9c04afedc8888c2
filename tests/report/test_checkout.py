import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from netra.report.checkout import Checkout, in_words
from netra.report.model import Evidence
from tests.report.examples import NOW, guard

DAY = timedelta(days=1)


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", "-C", folder, *who, *arguments], check=True, capture_output=True, text=True).stdout


def written(file: Path, at: datetime, text: str = "x = 1\n") -> Path:
    file.write_text(text)
    os.utime(file, (at.timestamp(), at.timestamp()))
    return file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A commit whose one file was last written an hour before NOW."""
    git(tmp_path, "init", "--quiet")
    written(tmp_path / "app.py", NOW - timedelta(hours=1))
    git(tmp_path, "add", "app.py")
    git(tmp_path, "commit", "--quiet", "--message", "first")
    return tmp_path


def began(at: datetime) -> Evidence:
    return Evidence(guard().source, "guard.json", at, "1 file", "netra guard .")


def test_evidence_from_before_the_last_change_is_old(folder: Path) -> None:
    checkout = Checkout.of(folder)
    assert checkout.judged(began(NOW - timedelta(minutes=61)), NOW, DAY).stale == "`app.py` has changed since"
    assert checkout.judged(began(NOW - timedelta(minutes=59)), NOW, DAY).stale == ""


def test_a_commit_alone_makes_nothing_old(folder: Path) -> None:
    # Tests are run, then what they tested is committed: the files are what they were.
    git(folder, "commit", "--quiet", "--amend", "--message", "better said")
    assert Checkout.of(folder).judged(began(NOW), NOW, DAY).stale == ""


def test_another_commit_that_is_checked_out_makes_evidence_old_whatever_its_date(folder: Path) -> None:
    written(folder / "app.py", NOW - timedelta(minutes=50), "x = 2\n")
    git(folder, "commit", "--quiet", "--all", "--message", "second")
    of_the_second = began(datetime.now(UTC) - timedelta(hours=1))
    git(folder, "checkout", "--quiet", "HEAD~1")
    assert Checkout.of(folder).judged(of_the_second, datetime.now(UTC), DAY).stale == "`app.py` has changed since"


def test_new_python_is_a_change_and_the_evidence_itself_is_none(folder: Path) -> None:
    written(folder / "guard.json", NOW, "{}")
    git(folder, "add", "guard.json")
    assert Checkout.of(folder, folder / "guard.json").changed == "app.py"
    written(folder / "new.py", NOW)
    assert Checkout.of(folder, folder / "guard.json").changed == "new.py"


def test_a_file_that_is_deleted_is_a_change_before_and_after_its_commit(folder: Path) -> None:
    written(folder / "other.py", NOW - timedelta(hours=1))
    git(folder, "add", "other.py")
    git(folder, "commit", "--quiet", "--message", "second")
    assert Checkout.of(folder).judged(began(NOW), NOW, DAY).stale == ""
    (folder / "other.py").unlink()
    assert Checkout.of(folder).judged(began(NOW), NOW, DAY).stale == "`other.py` has changed since"
    git(folder, "commit", "--quiet", "--all", "--message", "third")
    assert Checkout.of(folder).judged(began(NOW), NOW, DAY).stale == "`other.py` has changed since"
    assert Checkout.of(folder).judged(began(datetime.now(UTC)), NOW, DAY).stale == ""


def test_a_commit_with_changes_on_top_is_marked(folder: Path) -> None:
    commit = git(folder, "rev-parse", "--short=12", "HEAD").strip()
    assert Checkout.of(folder).commit == commit
    written(folder / "app.py", NOW, "x = 3\n")
    assert Checkout.of(folder).commit == commit + "+"
    assert Checkout.of(folder).judged(began(NOW), NOW, DAY).commit == commit + "+"


def test_evidence_of_another_day_is_old_even_where_nothing_changed(folder: Path) -> None:
    written(folder / "app.py", NOW - 9 * DAY)
    assert Checkout.of(folder).judged(began(NOW - 2 * DAY), NOW, DAY).stale == "it is 2 days old"


def test_without_git_nobody_can_tell_and_it_says_so(tmp_path: Path) -> None:
    written(tmp_path / "app.py", NOW)
    assert Checkout.of(tmp_path) == Checkout()
    assert Checkout().judged(began(NOW), NOW, DAY).stale.startswith("there is no Git checkout here")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "less than a minute"), (59, "less than a minute"), (60, "1 minute"), (7300, "2 hours"), (86400, "1 day")],
)
def test_a_span_of_time_in_words(seconds: int, words: str) -> None:
    assert in_words(timedelta(seconds=seconds)) == words
