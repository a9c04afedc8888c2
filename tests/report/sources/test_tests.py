import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from netra.report.model import Defect, Evidence, ReportRefused, Risk, Source
from netra.report.sources.tests import read
from tests.report.examples import NOW

SUITE = """\
import pytest

@pytest.mark.parametrize("name", ["alice", "bob smith"])
def test_everybody_sees_their_own(name):
    assert name == "alice"

class TestOrders:
    def test_an_order_is_kept_once(self):
        raise ValueError("twice")

@pytest.mark.skip(reason="needs Windows")
def test_paths_have_letters():
    pass

@pytest.fixture
def broken():
    raise OSError("no database")

def test_a_row_comes_back(broken):
    pass

@pytest.fixture
def leaving():
    yield
    raise OSError("still open")

def test_nothing_stays_open(leaving):
    pass
"""


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which pytest itself has run a small suite."""
    folder = tmp_path_factory.mktemp("suite")
    (folder / "tests").mkdir()
    (folder / "tests/test_app.py").write_text(SUITE)
    (folder / "pytest.ini").write_text("[pytest]\n")
    options = [
        "-q",
        "--disable-plugin-autoload",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(folder),
        "--junitxml",
        "junit.xml",
        "tests",
    ]
    done = subprocess.run([sys.executable, "-m", "pytest", *options], cwd=folder, capture_output=True, check=False, timeout=60)
    assert done.returncode == 1, done.stdout
    return folder


@pytest.fixture
def evidence(record: Path) -> Evidence:
    return read((record / "junit.xml").read_bytes(), "junit.xml", datetime.now(UTC), record)


def test_a_real_record_is_read_as_it_is(evidence: Evidence) -> None:
    assert evidence.looked_at == "1 passed, 4 failed, 1 skipped"
    assert evidence.coverage.names == {"tests.test_app::test_everybody_sees_their_own[alice]"}
    assert evidence.skipped == (("tests.test_app::test_paths_have_letters", "needs Windows"),)
    assert evidence.defects[0] == Defect(
        source=Source.TESTS,
        key="tests.test_app::test_everybody_sees_their_own[bob smith]",
        name="test_everybody_sees_their_own[bob smith]",
        what="The test “everybody sees their own” fails.",
        impact="Users cannot rely on this: everybody sees their own.",
        risk=Risk.BEHAVIOUR,
        verify="python -m pytest 'tests/test_app.py::test_everybody_sees_their_own[bob smith]'",
        where="tests/test_app.py",
        proof=("AssertionError: assert 'bob smith' == 'alice'",),
        scope=("tests.test_app::test_everybody_sees_their_own[bob smith]",),
    )


def test_a_test_in_a_class_is_run_again_by_its_own_id(evidence: Evidence, record: Path) -> None:
    (defect,) = [each for each in evidence.defects if "an_order" in each.key]
    assert defect.verify == "python -m pytest tests/test_app.py::TestOrders::test_an_order_is_kept_once"
    again = subprocess.run(
        [sys.executable, *defect.verify.split()[1:], "-q", "--disable-plugin-autoload", "-p", "no:cacheprovider"],
        cwd=record,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert b"1 failed" in again.stdout


def test_a_test_whose_set_up_or_teardown_breaks_has_failed(evidence: Evidence) -> None:
    risks = {each.name: each.risk for each in evidence.defects}
    assert risks["test_a_row_comes_back"] is Risk.TRUST
    assert "test_nothing_stays_open" in risks
    assert "tests.test_app::test_nothing_stays_open" not in evidence.coverage.names


def test_evidence_is_as_old_as_the_start_of_the_tests_however_young_the_file_is(record: Path) -> None:
    content = (record / "junit.xml").read_bytes()
    copied_a_day_later = datetime.now(UTC) + timedelta(days=1)
    assert read(content, "junit.xml", copied_a_day_later, record).began_at < datetime.now(UTC)


def test_a_time_without_a_zone_is_no_time() -> None:
    content = b'<testsuite timestamp="2001-01-01T00:00:00"><testcase classname="t" name="test_a"/></testsuite>'
    assert read(content, "junit.xml", NOW, Path()).began_at == NOW


def test_a_record_without_tests_is_in_doubt() -> None:
    assert read(b"<testsuites/>", "junit.xml", NOW, Path()).doubts == ("no test ran",)


def test_where_there_is_no_such_file_the_test_is_looked_for_by_name() -> None:
    content = b'<testsuite><testcase classname="gone.test_app" name="test_a[1]"><failure message="no"/></testcase></testsuite>'
    assert read(content, "junit.xml", NOW, Path()).defects[0].verify == "python -m pytest -k test_a"


@pytest.mark.parametrize("content", [b"", b"<html/>", b"<testsuite>"], ids=["empty", "other", "cut off"])
def test_what_no_runner_has_written_is_refused_with_what_would_write_it(content: bytes) -> None:
    with pytest.raises(ReportRefused, match=r"`pytest --junitxml=junit\.xml` writes one"):
        read(content, "junit.xml", NOW, Path())
