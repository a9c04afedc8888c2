"""What each checker prints is read as it prints it, and counted under the family that it belongs to."""

import json
from pathlib import Path

import pytest

from tests.guard.checkers.report import OTHER, READERS, CheckerFinding, ReportUnreadable, families, family, findings
from tests.guard.checkers.running import COMMANDS, LOCKS

# One finding in `a/b.py`, line 3, as each of them writes it.
PRINTED = {
    "ruff": [{"code": "F821", "filename": "{folder}/a/b.py", "location": {"row": 3}, "message": "m\n x"}],
    "pylint": {"messages": [{"symbol": "no-member", "path": "a/b.py", "line": 3, "message": "m\n x"}]},
    "mypy": {"file": "a/b.py", "line": 3, "message": "m\n x", "code": "attr-defined", "severity": "error"},
    "basedpyright": {
        "generalDiagnostics": [
            {
                "file": "{folder}/a/b.py",
                "severity": "error",
                "message": "m\n x",
                "rule": "reportCallIssue",
                "range": {"start": {"line": 2, "character": 0}},
            }
        ]
    },
    "ty": [
        {
            "check_name": "missing-attribute",
            "description": "missing-attribute: m x",
            "location": {"path": "a/b.py", "positions": {"begin": {"line": 3}}},
        }
    ],
    "pyrefly": {"errors": [{"name": "missing-attribute", "path": "a/b.py", "line": 3, "concise_description": "m\n x"}]},
    "guard": {"findings": [{"code": "M301", "path": "a/b.py", "line": 3, "message": "m x"}]},
}


@pytest.mark.parametrize("checker", PRINTED)
def test_a_finding_is_read_and_belongs_to_members(checker: str, tmp_path: Path) -> None:
    printed = json.dumps(PRINTED[checker]).replace("{folder}", str(tmp_path))
    (found,) = findings(checker, printed, tmp_path)
    assert (found.path, found.line, found.message) == ("a/b.py", 3, "m x")
    assert family(checker, found) == "M"


def test_every_checker_has_a_command_a_reader_a_lock_and_a_table() -> None:
    others = COMMANDS.keys() - {"guard"}
    assert COMMANDS.keys() == READERS.keys() == PRINTED.keys()
    assert {path.stem for path in LOCKS.glob("*.lock")} == others == families().keys()


def test_every_line_of_a_lock_has_a_hash() -> None:
    for lock in LOCKS.glob("*.lock"):
        lines = [line for line in lock.read_text("utf-8").splitlines() if line and not line.startswith("#")]
        assert any("--hash=sha256:" in line for line in lines)
        assert [line for line in lines if not line.startswith("    --hash=sha256:") and "==" not in line] == []


def test_every_family_of_the_table_is_one_of_guard() -> None:
    meant = {each if isinstance(each, str) else each["family"] for table in families().values() for each in table.values()}
    assert meant <= set("AEMDST")


def test_a_text_narrows_a_rule() -> None:
    finding = CheckerFinding("misc", "a.py", 1, 'Incompatible types in "await"')
    assert family("mypy", finding) == "A"
    assert family("mypy", finding._replace(message="Cannot subclass")) == OTHER


def test_a_rule_with_a_star_takes_all_that_begin_so_and_no_others() -> None:
    finding = CheckerFinding("ASYNC230", "a.py", 1, "")
    assert family("ruff", finding) == "A"
    assert [family("ruff", finding._replace(rule=rule)) for rule in ("PT011", "PTH118", "E501")] == ["T", OTHER, OTHER]


def test_what_is_said_of_a_whole_file_stands_in_its_first_line(tmp_path: Path) -> None:
    printed = json.dumps({"generalDiagnostics": [{"file": "a.py", "severity": "warning", "message": "m"}]})
    assert [each.line for each in findings("basedpyright", printed, tmp_path)] == [1]


def test_what_is_no_report_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReportUnreadable, match="ruff"):
        findings("ruff", "Segmentation fault", tmp_path)
