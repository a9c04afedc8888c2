"""The runner as a person or a pipeline calls it: a real process, on small suites of its own."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unified_test_runner import CATEGORIES, belongs, suite

ROOT = Path(__file__).parents[1]

PASSING = "def test_one(): pass\ndef test_two(): pass\n"
FAILING = "def test_passes(): pass\ndef test_fails(): assert 1 == 2\n"
SKIPPED = "import pytest\n@pytest.mark.skip(reason='example')\ndef test_later(): pass\n"
BROKEN_SETUP = "import pytest\n@pytest.fixture\ndef broken(): raise OSError\ndef test_with(broken): pass\n"


class Clone:
    """A folder with the runner and a suite of a few lines."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "tests").mkdir()
        for name in ("unified_test_runner.py", "bootstrap.py", "__init__.py"):
            shutil.copy(ROOT / "tests" / name, folder / "tests" / name)
        # Whatever the folder lies in, this is where pytest's configuration ends.
        (folder / "pytest.ini").write_text("[pytest]\n")

    def write(self, path: str, text: str) -> None:
        file = self.folder / "tests" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")

    def call(
        self, *arguments: str, python: tuple[str, ...] = (sys.executable,), **environment: str
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*python, "tests/unified_test_runner.py", *arguments],
            cwd=self.folder,
            env={"PATH": "/usr/bin:/bin", "HOME": str(self.folder), **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path)


def test_every_test_file_belongs_to_a_category() -> None:
    assert [path for path in suite() if not any(belongs(path, name) for name in CATEGORIES)] == []


@pytest.mark.parametrize("category", CATEGORIES)
def test_every_category_holds_a_test_file(category: str) -> None:
    assert any(belongs(path, category) for path in suite())


def test_a_unit_test_asks_for_no_database() -> None:
    fixtures = re.findall(r"@pytest\.fixture.*\n(?:async )?def (\w+)", (ROOT / "tests/fixtures/postgres.py").read_text("utf-8"))
    asks = re.compile(rf"def test_\w+\([^)]*\b(?:{'|'.join(fixtures)})\b")
    unit = [path for path in suite() if belongs(path, "unit")]
    assert "database" in fixtures
    assert [path for path in unit if asks.search((ROOT / "tests" / path).read_text("utf-8"))] == []


def test_a_category_takes_only_its_own_files() -> None:
    assert belongs("db/test_scope.py", "database")
    assert belongs("test_ids.py", "unit")
    assert not belongs("db/test_scope.py", "unit")
    assert not belongs("gateway/test_threads.py", "websocket")


def test_a_suite_that_passes_ends_with_zero_and_a_table(clone: Clone) -> None:
    clone.write("db/test_example.py", PASSING)
    done = clone.call("--category", "database")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^database +2 +0 +0 ", done.stdout, re.MULTILINE)


def test_one_failure_fails_the_run(clone: Clone) -> None:
    clone.write("db/test_example.py", FAILING)
    done = clone.call("--category", "database")
    assert done.returncode == 1
    assert re.search(r"^database +1 +1 +0 ", done.stdout, re.MULTILINE)


def test_no_test_at_all_is_a_failure(clone: Clone) -> None:
    done = clone.call("--category", "database")
    assert done.returncode == 1
    assert "no test ran" in done.stdout


@pytest.mark.parametrize("text", ["", SKIPPED], ids=["empty file", "only skipped"])
def test_a_file_in_which_nothing_runs_is_a_failure(clone: Clone, text: str) -> None:
    clone.write("db/test_example.py", text)
    assert clone.call("--category", "database").returncode == 1


def test_a_category_in_which_nothing_ran_fails_beside_one_that_passed(clone: Clone) -> None:
    clone.write("db/test_example.py", PASSING)
    done = clone.call("--category", "database", "--category", "agent")
    assert done.returncode == 1
    assert re.search(r"^agent +0 +0 +0 .*no test ran", done.stdout, re.MULTILINE)


@pytest.mark.parametrize("text", ["import nothing_of_that_name\n", BROKEN_SETUP], ids=["import", "set-up"])
def test_a_test_that_cannot_start_counts_as_failed(clone: Clone, text: str) -> None:
    clone.write("db/test_example.py", text)
    done = clone.call("--category", "database", "--json-output")
    assert done.returncode == 1
    assert json.loads(done.stdout)["categories"]["database"]["failed"] == 1


def test_a_test_of_two_categories_runs_once(clone: Clone) -> None:
    clone.write("db/test_example.py", PASSING)
    done = clone.call("--category", "database", "--category", "integration", "--json-output")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert [tally["passed"] for tally in result["categories"].values()] == [2, 2]
    assert (result["passed"], result["failed"], result["skipped"], result["exit_code"]) == (2, 0, 0, 0)


def test_json_goes_to_the_file_that_is_named(clone: Clone) -> None:
    clone.write("db/test_example.py", FAILING)
    done = clone.call("--category", "database", "--json-output", "result.json")
    assert done.returncode == 1
    result = json.loads((clone.folder / "result.json").read_text("utf-8"))
    assert (result["passed"], result["failed"], result["exit_code"]) == (1, 1, 1)
    assert "database" in done.stdout


def test_what_follows_two_dashes_goes_to_pytest(clone: Clone) -> None:
    clone.write("db/test_example.py", FAILING)
    assert clone.call("--category", "database", "--", "-k", "passes").returncode == 0


def test_an_unknown_category_is_refused_with_the_list(clone: Clone) -> None:
    done = clone.call("--category", "integratoin")
    assert done.returncode == 2
    assert all(name in done.stderr for name in CATEGORIES)


def test_the_categories_are_listed_with_what_they_hold(clone: Clone) -> None:
    clone.write("db/test_example.py", PASSING)
    done = clone.call("--list-categories")
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(CATEGORIES)
    assert re.search(r"^database +1 files", done.stdout, re.MULTILINE)


def test_real_services_that_do_not_answer_are_refused_before_any_test(clone: Clone) -> None:
    clone.write("db/test_example.py", PASSING)
    url = "postgresql://nobody:hunter2@127.0.0.1:1/none"
    done = clone.call("--real-services", "--category", "database", NETRA_DATABASE_URL=url)
    assert done.returncode == 2
    assert "NETRA_DATABASE_URL does not answer" in done.stderr
    assert "hunter2" not in done.stdout + done.stderr
    assert "passed" not in done.stdout


def test_real_services_that_are_there_let_the_tests_run(clone: Clone) -> None:
    clone.write("db/test_example.py", PASSING)
    done = clone.call("--real-services", "--category", "database")
    assert done.returncode == 0, done.stderr


BARE = (sys.executable, "-S")
"""A Python without any installed package, such as the system's in a fresh clone."""


def test_a_python_without_the_test_tools_goes_on_with_the_projects_own(clone: Clone) -> None:
    clone.write("db/test_example.py", PASSING)
    (clone.folder / ".venv").symlink_to(sys.prefix)
    (clone.folder / "Makefile").write_text(".venv/.dev:\n\t@echo installed\n.PHONY: .venv/.dev\n")
    done = clone.call("--category", "database", "--json-output", python=BARE)
    assert done.returncode == 0, done.stderr
    assert "installed" in done.stderr
    assert json.loads(done.stdout)["passed"] == 2


def test_a_python_without_the_test_tools_and_no_way_to_get_them_says_what_to_do(clone: Clone) -> None:
    clone.write("db/test_example.py", PASSING)
    done = clone.call("--category", "database", python=BARE)
    assert done.returncode == 2
    assert "make test" in done.stderr
