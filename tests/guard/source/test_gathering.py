from pathlib import Path

import pytest

from netra.guard.source.cache import Cache
from netra.guard.source.gathering import FEW, gather, shown


def written(folder: Path, count: int) -> Path:
    for number in range(count):
        (folder / f"m{number}.py").write_text(f"async def f{number}(): ...\n")
    return folder


def test_several_processes_find_what_one_finds(tmp_path: Path) -> None:
    folder = written(tmp_path, FEW + 1)
    one, two = gather([folder], Cache(None), jobs=1), gather([folder], Cache(None), jobs=2)
    assert one.key == two.key
    assert [module.file for module in one.modules] == [module.file for module in two.modules]


def test_the_key_changes_with_any_fact_and_not_with_a_date_or_a_remark(tmp_path: Path) -> None:
    folder = written(tmp_path, 2)
    gathered = gather([folder], Cache(None))
    Cache(tmp_path / "cache").keep({str(path.absolute()): entry for path, entry in gathered.entries.items()}, b"", ())
    (folder / "m0.py").touch()
    assert gather([folder], Cache(None)).key == gathered.key
    (folder / "m0.py").write_text("async def f0(): ...  # a remark\n")
    assert gather([folder], Cache(tmp_path / "cache")).key == gathered.key
    (folder / "m0.py").write_text("changed = 1")
    assert gather([folder], Cache(tmp_path / "cache")).key != gathered.key


def test_a_file_that_is_known_is_not_read_again(tmp_path: Path) -> None:
    folder = written(tmp_path, 1)
    gathered = gather([folder], Cache(None))
    cache = Cache(tmp_path / "cache")
    cache.keep({str(path.absolute()): entry for path, entry in gathered.entries.items()}, b"", ())
    (folder / "m0.py").chmod(0)
    assert gather([folder], Cache(tmp_path / "cache")).key == gathered.key


def test_what_is_excluded_is_left_out(tmp_path: Path) -> None:
    gathered = gather([written(tmp_path, 2)], Cache(None), exclude=["m1.py"])
    assert [module.path for module in gathered.modules if not module.library] == [(tmp_path / "m0.py").as_posix()]


def test_a_path_is_shown_relative_to_where_somebody_stands(tmp_path: Path) -> None:
    assert shown(tmp_path / "a/b.py", tmp_path) == "a/b.py"
    assert shown(Path("a/b.py"), tmp_path) == "a/b.py"
    assert shown(Path("/elsewhere/b.py"), tmp_path) == "/elsewhere/b.py"


def test_what_a_folder_holds_does_not_depend_on_where_it_is_asked_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tmp_path / "project"
    (project / "parts" / "deep").mkdir(parents=True)
    (project / "parts" / "deep" / "names.py").write_text("size = 1\n")
    monkeypatch.chdir(project)
    inside = [each.name for each in gather([project], Cache(None)).modules if not each.library]
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert [each.name for each in gather([project], Cache(None)).modules if not each.library] == inside == ["parts.deep.names"]
