from pathlib import Path

import pytest
from typer.testing import CliRunner

from netra.cli.report import app

MENDED = "async def save(): ...\n\n\nasync def work():\n    await save()\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_with_nothing_given_guard_looks_at_what_is_there_and_the_rest_is_unknown() -> None:
    Path("src").mkdir()
    Path("src/app.py").write_text(MENDED)
    result = CliRunner().invoke(app, [])
    assert result.exit_code == 0
    assert result.output.startswith(
        "Nothing was given: guard looks at src. With --prove, --tests and --health there is more to say."
    )
    assert "tests   unknown: no tests were run" in result.output
    assert "Nothing new in what was looked at; 19 of 19 points of the checklist are not shown to hold." in result.output


def test_a_regression_gives_status_1() -> None:
    Path("junit.xml").write_text('<testsuite><testcase classname="t" name="test_a"><failure/></testcase></testsuite>')
    result = CliRunner().invoke(app, ["--tests", "junit.xml", "--markdown", "report.md"])
    assert result.exit_code == 1
    assert "The test “a” fails." in Path("report.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--tests", "none.xml"], "none.xml: No such file or directory"),
        (["--health", "localhost:8000"], "localhost:8000/health/live is no address of a server"),
        (["nowhere"], "there is no nowhere"),
    ],
    ids=["file", "address", "path"],
)
def test_what_cannot_be_done_is_told_with_status_2(arguments: list[str], words: str) -> None:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert words in result.output


def test_the_help_teaches() -> None:
    result = CliRunner().invoke(app, ["--help"])
    assert "What was not run is unknown" in result.output
    assert "Status 0: nothing new in what was looked at; 1: a regression; 2: it could not." in result.output
    assert "netra report src --tests junit.xml --baseline report.json" in result.output
