"""`netra guard`, as somebody with code uses it."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from netra.cli.guard import app


def test_the_command_hands_its_options_on_and_exits_as_guard_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("app.py").write_text("async def f(): ...\ndef g():\n    f()\n")
    done = CliRunner().invoke(app, [".", "--format", "github"])
    assert done.exit_code == 1
    assert done.stdout.startswith("::error file=app.py,line=3")
    assert CliRunner().invoke(app, [".", "--select", "E"]).exit_code == 0
    assert "unawaited-coroutine" in CliRunner().invoke(app, ["explain"]).stdout
