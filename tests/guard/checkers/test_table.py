"""The table adds up what ended, and names what did not."""

from pathlib import Path

from tests.guard.checkers.table import CHECKED, RESULTS, rendered, rendered_file


def entry(findings: int, *, ended: bool = True, **families: int) -> dict[str, object]:
    return {"ended": ended, "limit": 60, "wall": 1.4, "processor": 2.6, "findings": findings, "families": families}


def test_a_checker_is_one_row_over_all_packages(tmp_path: Path) -> None:
    table = rendered({"ty": {"a": entry(1000, M=3, other=997), "b": entry(5, A=1)}}, tmp_path)
    assert "| ty | 1,005 | 1 | 0 | 3 | 0 | 0 | 0 | none judged | 3 | 5 |" in table


def test_what_did_not_end_is_named_and_not_counted(tmp_path: Path) -> None:
    table = rendered({"ty": {"a": entry(0, ended=False), "b": entry(5, A=1)}}, tmp_path)
    assert "| ty (a not within 60 s) | 5 | 1 |" in table


def test_what_was_measured_can_be_shown() -> None:
    assert len(rendered_file(RESULTS, CHECKED).splitlines()) > 2
