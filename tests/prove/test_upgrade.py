"""The schema migrates while the build before it serves, and a newer build takes its place under everybody's hands."""

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import netra
from netra.cli.prove import migrated
from netra.env import for_subprocess
from netra.prove.answers import NotSupported

PACKAGE = Path(netra.__file__).parent
NEXT = """
from alembic import op

revision = "9999"
down_revision = "{before}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE account ADD COLUMN next_release boolean")
"""


def build_of_the_next_release(folder: Path) -> str:
    """The command of a build like this one with one migration more."""
    shutil.copytree(PACKAGE, folder / "netra", ignore=shutil.ignore_patterns("__pycache__"))
    versions = folder / "netra/db/migrations/versions"
    newest = max(path.stem for path in versions.glob("[0-9]*.py"))
    (versions / "9999_next.py").write_text(NEXT.format(before=newest.split("_")[0]), "utf-8")
    code = f"import sys; sys.path.insert(0, {str(folder)!r}); from netra.cli.main import main; main()"
    return shlex.join([sys.executable, "-c", code])


@pytest.mark.slow
def test_users_of_both_builds_keep_every_promise(tmp_path: Path) -> None:
    newer = build_of_the_next_release(tmp_path / "next")
    command = [sys.executable, "-m", "netra", "prove", "--self", "--users", "4", "--seconds", "4", "--seed", "3"]
    builds = ["--older", f"{sys.executable} -m netra", "--program", newer]
    options = ["--faults", "upgraded-while-serving", "--json", str(tmp_path / "verdict.json")]
    done = subprocess.run(
        [*command, *builds, *options], env=for_subprocess(), capture_output=True, text=True, check=False, timeout=110
    )
    assert done.returncode == 0, done.stdout + done.stderr
    verdict = json.loads((tmp_path / "verdict.json").read_text("utf-8"))
    assert verdict["faults"] == [{"fault": "upgraded-while-serving", "injected": 1, "bites": 4}]


def test_a_migration_says_whether_it_changed_anything(owner_url: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "netra"]
    assert not migrated(command, owner_url, for_subprocess())
    assert migrated(shlex.split(build_of_the_next_release(tmp_path)), owner_url, for_subprocess())


def test_a_build_that_cannot_migrate_is_told_of(owner_url: str) -> None:
    with pytest.raises(NotSupported, match="No module named"):
        migrated([sys.executable, "-m", "no_such_netra"], owner_url, for_subprocess())
