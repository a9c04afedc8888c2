import subprocess
import sys

from typer.testing import CliRunner

import netra
from netra.cli.main import COMMANDS, app


def test_help_lists_every_command_with_its_words() -> None:
    told = " ".join(CliRunner().invoke(app, ["--help"]).output.replace("│", " ").split())
    for name, (_, words) in COMMANDS.items():
        assert name in told
        assert words.split(",")[0] in told


def test_what_the_table_says_of_a_command_is_what_the_command_says() -> None:
    for name, (load, words) in COMMANDS.items():
        command = load()
        assert command.info.name == name
        if name in ("serve", "migrate", "doctor"):
            assert command.info.help == words


def test_the_help_of_a_command_is_its_own() -> None:
    told = CliRunner().invoke(app, ["serve", "--help"])
    assert told.exit_code == 0
    assert "--only" in told.output
    assert "netra serve" in told.output


def test_a_command_within_a_command_is_reached() -> None:
    told = CliRunner().invoke(app, ["user", "create", "--help"])
    assert told.exit_code == 0
    assert "--password-stdin" in told.output


def test_the_version_is_that_of_the_package() -> None:
    assert CliRunner().invoke(app, ["--version"]).output == f"netra {netra.__version__}\n"


def test_an_unknown_command_is_an_error() -> None:
    assert CliRunner().invoke(app, ["serv"]).exit_code == 2


def test_help_imports_no_server() -> None:
    code = "import sys; from netra.cli.main import app; app(['--help'], standalone_mode=False); "
    code += "print([name for name in ('fastapi', 'sqlalchemy', 'duckdb', 'uvicorn', 'pydantic') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_python_m_netra_is_the_same_command() -> None:
    done = subprocess.run([sys.executable, "-m", "netra", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"netra {netra.__version__}\n"
