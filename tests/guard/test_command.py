import json
from collections.abc import Callable
from pathlib import Path

import pytest

from netra.guard.command import main

BAD = "async def save(): ...\n\n\nasync def work():\n    save()\n"

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)
    Path("app.py").write_text(BAD)

    def call(*arguments: str) -> tuple[int, str]:
        code = main(arguments)
        return code, capsys.readouterr().out

    return call


def test_findings_exit_with_one_and_none_with_zero(run: Run) -> None:
    assert run(".")[0] == 1
    assert run(".", "--ignore", "A")[0] == 0


def test_a_path_that_is_not_there_and_a_broken_configuration_exit_with_two(run: Run) -> None:
    assert run("nowhere")[0] == 2
    Path("pyproject.toml").write_text("[tool.netra-guard]\nonwer = []\n")
    assert run(".")[0] == 2


def test_the_second_run_says_what_the_first_said(run: Run) -> None:
    first, second = (json.loads(run(".", "--format", "json")[1]) for _ in range(2))
    assert first["findings"] == second["findings"] != []
    Path("app.py").write_text(BAD.replace("    save()", "    await save()"))
    assert run(".")[0] == 0


def test_a_remark_on_the_line_is_no_fact_and_yet_part_of_its_fingerprint(run: Run) -> None:
    def found(*options: str) -> list[dict[str, object]]:
        return list(json.loads(run(".", "--format", "json", *options)[1])["findings"])

    (before,) = found()
    Path("app.py").write_text(BAD.replace("    save()", "    save()  # later"))
    assert found() == found("--no-cache") != [before]
    Path("app.py").write_text(BAD.replace("    save()", "    save()  # guard: ignore[A101] later"))
    assert found() == []


def test_a_baseline_hides_what_it_holds_wherever_it_has_moved(run: Run) -> None:
    assert run(".", "--write-baseline", "known.json")[0] == 0
    Path("app.py").write_text("import os\n\n" + BAD)
    assert run(".", "--baseline", "known.json")[0] == 0
    Path("app.py").write_text(BAD + "    save()\n")
    code, said = run(".", "--baseline", "known.json")
    assert code == 1
    assert "1 finding (A101 1)" in said and "1 more are in the baseline" in said


def test_fix_mends_what_is_safe(run: Run) -> None:
    assert run(".", "--fix")[0] == 0
    assert "    await save()" in Path("app.py").read_text()


def test_explain_prints_the_page_and_lists_the_rules(run: Run) -> None:
    assert run("explain", "A101")[1].startswith("# A101 unawaited-coroutine\n")
    assert "A101 unawaited-coroutine" in run("explain")[1]
    assert run("explain", "X999")[0] == 2


def test_a_report_goes_to_a_file(run: Run) -> None:
    assert run(".", "--format", "sarif", "--output", "report.sarif") == (1, "")
    assert json.loads(Path("report.sarif").read_text())["version"] == "2.1.0"


def test_nothing_is_remembered_when_somebody_says_so(run: Run) -> None:
    run(".", "--no-cache")
    assert not Path(".guard_cache").exists()
