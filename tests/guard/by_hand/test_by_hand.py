import re
import zipfile
from pathlib import Path

import pytest

from tests.guard.by_hand import by_hand
from tests.guard.by_hand.by_hand import HERE, PatchFails, found_in, packages, planted

# Into those that came later eight were put.
LATER = frozenset("aries-cloudagent fastapi-admin flower litestar-users mcp-agent nvidia-nat-core piccolo-api vanna".split())


def test_five_faults_were_put_into_each_package_and_eight_into_the_later_ones() -> None:
    assert {name: len(faults) for name, faults in planted().items()} == {name: 8 if name in LATER else 5 for name in packages()}


def test_faults_stand_in_files_that_their_patch_changes() -> None:
    with zipfile.ZipFile(HERE / "patches.zip") as archive:
        for name, faults in planted().items():
            changed = set(re.findall(r"^\+\+\+ b/(\S+)", archive.read(f"{name}.patch").decode("utf-8"), re.MULTILINE))
            # A call that stands as it was may have become wrong, where what it calls is another now.
            assert sum(each.path not in changed for each in faults) <= 1


PATCH = """\
--- a/pack/app.py
+++ b/pack/app.py
@@ -4,4 +4,4 @@


 async def run():
-    await save()
+    save()
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of one file, and a patch with one fault for it."""
    here = tmp_path / "here"
    here.mkdir()
    with zipfile.ZipFile(here / "patches.zip", "w") as archive:
        archive.writestr("pack.patch", PATCH)
    (here / "packages.txt").write_text("# one\npack==1.0\n", "utf-8")
    (here / "truth.csv").write_text("package,path,line,family,kind,why\npack,pack/app.py,7,A,dropped,nothing waits\n", "utf-8")
    monkeypatch.setattr(by_hand, "HERE", here)
    package = tmp_path / "pack"
    (package / "pack").mkdir(parents=True)
    (package / "pack" / "app.py").write_text("async def save():\n    ...\n\n\n\nasync def run():\n    await save()\n", "utf-8")
    return package


def test_what_was_put_in_is_found(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "into").mkdir()
    result = found_in(installed, "pack", tmp_path / "into")
    assert [each.why for each in result.found] == ["nothing waits"]
    assert "await save()" in (installed / "pack" / "app.py").read_text("utf-8")


def test_another_version_is_refused(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "into").mkdir()
    (installed / "pack" / "app.py").write_text("async def run(): ...\n", "utf-8")
    with pytest.raises(PatchFails, match=r"is not pack 1\.0"):
        found_in(installed, "pack", tmp_path / "into")
