import subprocess
from pathlib import Path

import pytest

from netra.guard.cache import Cache
from netra.guard.gathering import gather
from netra.guard.revision import RevisionUnknown, earlier


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("a.py").write_text("def f(): ...\n")
    Path("b.py").write_text("def g(): ...\n")
    identity = ["-c", "user.name=Alice", "-c", "user.email=alice@example.com"]
    for command in (["init", "-q"], ["add", "."], [*identity, "commit", "-q", "-m", "first"]):
        subprocess.run(["git", *command], check=True)
    Path("a.py").write_text("async def f(): ...\n")
    Path("c.py").write_text("def h(): ...\n")
    return tmp_path


def test_the_program_is_as_it_was(repository: Path) -> None:
    modules = gather([Path()], Cache(None)).modules
    before = earlier("HEAD", modules)
    assert [each.sort for each in before.modules["a"].file.functions] == ["top", "plain"]
    assert before.modules["b"].file is next(module.file for module in modules if module.name == "b")
    assert len(before.modules["c"].file.functions) == 1


def test_a_revision_that_git_does_not_know_is_refused(repository: Path) -> None:
    for revision in ("nowhere", "--output=x"):
        with pytest.raises(RevisionUnknown):
            earlier(revision, gather([Path()], Cache(None)).modules)
