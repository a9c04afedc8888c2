"""Real packages with faults that somebody has put into them by hand, and which of those guard finds.

`patches.zip` has a patch for each package of `packages.txt`, and `truth.csv` says where the faults are then.
"""

import csv
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Final

from tests.guard.excerpts.excerpts import look
from tests.guard.planted.planted import Planted, Score, score

HERE: Final = Path(__file__).parent
FAULT: Final = "fault"


class PatchFails(Exception):
    """A package is not the one that the patch is for."""


def packages() -> dict[str, str]:
    """Each package with its version."""
    lines = (HERE / "packages.txt").read_text("utf-8").splitlines()
    return dict(each.split("==") for each in lines if not each.startswith("#"))


def planted() -> dict[str, list[Planted]]:
    """What was put into each package."""
    found: dict[str, list[Planted]] = {name: [] for name in packages()}
    with (HERE / "truth.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            fault = Planted(row["path"], int(row["line"]), row["family"], row["kind"], FAULT, row["why"])
            found[row["package"]].append(fault)
    return found


def patched(package: Path, name: str, into: Path) -> Path:
    """A copy of an installed package with the faults in it. Raises PatchFails where it is another version."""
    copy = into / name
    shutil.copytree(package, copy, ignore=shutil.ignore_patterns("*.dist-info", "__pycache__"))
    patch = into / f"{name}.patch"
    with zipfile.ZipFile(HERE / "patches.zip") as archive:
        patch.write_bytes(archive.read(f"{name}.patch"))
    run = subprocess.run(
        ["git", "apply", "--whitespace=nowarn", str(patch)], cwd=copy, capture_output=True, text=True, check=False
    )
    if run.returncode:
        raise PatchFails(f"{package} is not {name} {packages()[name]}: {run.stderr.strip()}")
    return copy


def found_in(package: Path, name: str, into: Path) -> Score:
    """What guard says of a package with the faults in it, by default."""
    return score(planted()[name], look(patched(package, name, into)))
