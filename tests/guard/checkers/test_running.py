"""A package is what an installer left; a run is measured and ends in time."""

from pathlib import Path

import pytest

from tests.guard.checkers.running import CheckerFailed, Package, package, run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    top = tmp_path / "shop"
    (top / "shop").mkdir(parents=True)
    (top / "bin").mkdir()
    (top / "shop-1.2.dist-info").mkdir()
    (top / "shop" / "a.py").write_text("async def f(): ...\nasync def g():\n    f()\n")
    return top


def test_what_an_installer_leaves_beside_a_package_is_left_out(folder: Path) -> None:
    assert package(folder) == Package("shop", "1.2", folder, ("shop",))


def test_a_folder_without_a_package_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        package(tmp_path)


def test_guard_runs_and_is_timed(folder: Path) -> None:
    timed = run("guard", package(folder), jobs=1, limit=60)
    assert timed.ended
    assert '"code":"A101"' in timed.printed.replace(": ", ":")
    assert timed.processor > 0


def test_a_run_that_takes_too_long_is_ended(folder: Path) -> None:
    assert run("guard", package(folder), jobs=1, limit=0).ended is False


def test_a_checker_that_cannot_run_says_why(folder: Path) -> None:
    nothing = package(folder)._replace(tops=("--no-such-option",))
    with pytest.raises(CheckerFailed, match="no-such-option"):
        run("guard", nothing, jobs=1, limit=60)
