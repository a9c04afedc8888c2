"""Progress, where nobody watches a terminal."""

import pytest

from netra.cli.progress import progress


def test_away_from_a_terminal_each_step_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("accounts", 2) as advance:
        advance(1, "the first")
        advance(2, "the second")
    assert capsys.readouterr().out == "the first\nthe second\n"


def test_on_a_terminal_it_is_a_bar_that_goes_away(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    with progress("accounts", 2) as advance:
        advance(1, "the first")
    assert "the first" not in capsys.readouterr().out


def test_for_those_who_write_lines_of_their_own_there_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("accounts", 1, quiet=True) as advance:
        advance(1, "the first")
    assert capsys.readouterr().out == ""
