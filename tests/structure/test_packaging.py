"""What users install is what is tested here: the wheel holds all of src/, and the locks hold what pyproject.toml asks for."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import netra
from tests.structure.source import ROOT, SRC

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
LOCKS = {"netra": PROJECT["dependencies"], "dev": PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]}


def pins(lock: str) -> dict[str, set[str]]:
    """Package → its versions; there are several where platforms or Pythons differ."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(
        r"^([\w.-]+)==([^ ;\\]+)", (ROOT / f"requirements/{lock}.lock").read_text("utf-8"), re.MULTILINE
    ):
        found.setdefault(canonicalize_name(name), set()).add(version)
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_a_fitting_version_of_all_that_is_asked_for(lock: str) -> None:
    locked = pins(lock)
    unmet = [
        text
        for text in LOCKS[lock]
        if not (versions := locked.get(canonicalize_name((asked := Requirement(text)).name)))
        or not all(asked.specifier.contains(version) for version in versions)
    ]
    assert unmet == [], "run `make lock`"


@pytest.mark.parametrize("lock", LOCKS)
def test_every_line_of_a_lock_is_a_package_with_a_hash(lock: str) -> None:
    # No option, no address, no folder: what is installed depends on this file alone, on every machine.
    lines = (ROOT / f"requirements/{lock}.lock").read_text("utf-8").splitlines()
    packages = [line for line in lines if line and not line.lstrip().startswith(("#", "--hash=sha256:"))]
    assert packages
    assert [line for line in packages if not re.fullmatch(r"[\w.-]+==[^ ;\\]+( ; .+)? \\", line)] == []


def test_tests_run_on_the_versions_that_serve() -> None:
    tested = pins("dev")
    assert {name: versions for name, versions in pins("netra").items() if tested.get(name) != versions} == {}


def test_the_package_and_its_metadata_agree_on_the_version() -> None:
    assert PROJECT["version"] == netra.__version__


def test_the_wheel_holds_every_file_of_the_source(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=60,
    )
    (wheel,) = tmp_path.glob("netra-*.whl")
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    source = {
        path.relative_to(SRC).as_posix() for path in (SRC / "netra").rglob("*") if path.is_file() and path.suffix != ".pyc"
    }
    assert packed == source
