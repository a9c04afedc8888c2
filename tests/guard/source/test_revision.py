import subprocess
from pathlib import Path

import pytest

from netra.guard.program import Program
from netra.guard.source.cache import Cache
from netra.guard.source.gathering import gather
from netra.guard.source.git import RevisionUnknown
from netra.guard.source.revision import Past, Timeline, last_release


def git(*arguments: str) -> None:
    identity = ["-c", "user.name=Alice", "-c", "user.email=alice@example.com"]
    subprocess.run(["git", *identity, *arguments], check=True, capture_output=True)


def commit(message: str = "next") -> None:
    git("add", "-A")
    git("commit", "-q", "-m", message)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    git("init", "-q")
    Path("pkg").mkdir()
    Path("pkg/__init__.py").write_text("")
    Path("pkg/a.py").write_text("def f(): ...\n")
    Path("pkg/b.py").write_text("def g(): ...\n")
    commit()
    return tmp_path


def past(revision: str = "HEAD", *paths: str, exclude: tuple[str, ...] = (), cache: Cache | None = None) -> Past:
    given = [Path(path) for path in paths or (".",)]
    modules = gather(given, Cache(None), exclude=exclude).modules
    return Timeline(given, modules, cache, exclude).past(revision)


def own(program: Program) -> dict[str, list[str]]:
    """The functions of each module."""
    return {module.name: [each.name for each in module.file.functions[1:]] for module in program.own}


def test_what_is_committed_and_what_is_not_are_both_changes(repository: Path) -> None:
    Path("pkg/a.py").write_text("async def f(): ...\n")
    Path("pkg/new.py").write_text("def h(): ...\n")
    assert own(past().program) == {"pkg": [], "pkg.a": ["f"], "pkg.b": ["g"]}
    assert past().program.modules["pkg.a"].file.functions[1].sort == "plain"
    commit()
    assert own(past("HEAD~1").program) == {"pkg": [], "pkg.a": ["f"], "pkg.b": ["g"]}
    assert own(past().program)["pkg.new"] == ["h"]


def test_a_library_that_only_the_earlier_program_imports_is_known_in_it(repository: Path) -> None:
    Path("pkg/a.py").write_text("import httpx\n")
    commit()
    Path("pkg/a.py").write_text("import redis\n")
    gathered = gather([Path()], Cache(None))
    timeline = Timeline([Path()], gathered.modules, read_models=gathered.read_models)
    assert {"httpx", "redis"} <= {*timeline.past("HEAD").program.modules}
    assert "httpx" not in {module.name for module in gathered.modules}


def test_a_file_that_did_not_change_is_the_same_module(repository: Path) -> None:
    Path("pkg/a.py").write_text("async def f(): ...\n")
    modules = gather([Path()], Cache(None)).modules
    before = Timeline([Path()], modules).past("HEAD").program
    now = {module.name: module for module in modules}
    assert before.modules["pkg.b"] is now["pkg.b"]
    assert before.modules["pkg.a"] is not now["pkg.a"]


def test_files_that_were_deleted_or_renamed_are_there_under_their_old_names(repository: Path) -> None:
    Path("pkg/a.py").unlink()
    git("mv", "pkg/b.py", "pkg/c.py")
    assert own(past().program) == {"pkg": [], "pkg.a": ["f"], "pkg.b": ["g"]}


def test_a_subfolder_is_compared_from_within_and_from_elsewhere(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("pkg/a.py").unlink()
    assert sorted(module.path for module in past("HEAD", "pkg").program.own) == ["pkg/__init__.py", "pkg/a.py", "pkg/b.py"]
    monkeypatch.chdir(repository / "pkg")
    assert sorted(module.path for module in past("HEAD", ".").program.own) == ["__init__.py", "a.py", "b.py"]
    monkeypatch.chdir(repository.parent)
    assert len(past("HEAD", str(repository)).program.own) == 3


def test_a_file_that_is_left_out_now_was_left_out_before(repository: Path) -> None:
    assert own(past("HEAD", exclude=("pkg/b.py",)).program) == {"pkg": [], "pkg.a": ["f"]}
    Path("pkg/b.py").unlink()
    assert own(past("HEAD", exclude=("pkg/b.py",)).program) == {"pkg": [], "pkg.a": ["f"]}


def test_what_was_read_once_is_not_read_again(repository: Path) -> None:
    Path("pkg/a.py").unlink()
    past(cache=Cache(repository / "cache"))
    blob = subprocess.run(["git", "rev-parse", "HEAD:pkg/a.py"], check=True, capture_output=True, text=True).stdout.strip()
    assert Cache(repository / "cache").past(blob) is not None


def test_a_revision_that_git_does_not_know_is_refused_by_its_name(repository: Path) -> None:
    for revision in ("nowhere", "--output=x", ""):
        with pytest.raises(RevisionUnknown, match=f"git knows no revision `{revision}` here"):
            past(revision)


def test_without_a_repository_nothing_is_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RevisionUnknown, match="only in a git repository"):
        past()


def test_paths_outside_the_repository_are_refused(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(RevisionUnknown, match="lies outside the repository"):
        past("HEAD", ".", str(tmp_path_factory.mktemp("elsewhere")))


def test_the_last_release_is_the_highest_version_that_led_here(repository: Path) -> None:
    assert last_release(Path()) is None
    for tag in ("v0.9.0", "v0.10.0", "v1.0.0rc1", "nightly"):
        git("tag", tag)
    git("checkout", "-q", "-b", "elsewhere")
    Path("pkg/a.py").unlink()
    commit()
    git("tag", "v2.0.0")
    git("checkout", "-q", "-")
    assert last_release(Path()) == "v0.10.0"


def test_a_minor_version_that_is_over_may_have_warned(repository: Path) -> None:
    git("tag", "v1.1.0")
    Path("pkg/a.py").unlink()
    Path("pyproject.toml").write_text('[project]\nversion = "1.1.1"\n')
    commit()
    found = past("v1.1.0")
    assert "pkg.a" in found.released.modules
    assert found.settled is None
    Path("pyproject.toml").write_text('[project]\nversion = "1.2.0"\n')
    settled = past("v1.1.0").settled
    assert settled is not None
    assert "pkg.a" in settled.modules


def test_without_releases_the_versions_of_the_project_count(repository: Path) -> None:
    Path("pyproject.toml").write_text('[project]\nversion = "1.1.0"\n')
    commit()
    assert past().settled is None
    Path("pyproject.toml").write_text('[project]\nversion = "1.2.0"\n')
    found = past()
    assert found.settled is found.program
