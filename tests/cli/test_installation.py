"""The installation that a command works on: found by the settings, opened and closed with the command."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import typer

from netra.cli import user
from netra.cli.installation import Installation, operate
from netra.env import override
from netra.errors import Conflict
from tests.cli.conftest import PASSWORD, Operator


async def answer(installation: Installation) -> int:
    async with installation.database.system().transaction() as connection:
        row = await (await connection.execute("SELECT 42")).fetchone()
    assert row is not None
    return int(row[0])


def test_work_is_given_the_installation_and_its_result_comes_back(operator: Operator) -> None:
    assert operate(answer, None, None) == 42


def test_an_option_wins_over_the_environment(database_url: str) -> None:
    with override({"NETRA_DATABASE_URL": "postgresql://nobody@192.0.2.1/none", "NETRA_ENVIRONMENT": "test"}):
        assert operate(answer, database_url, None) == 42


def refusal(capsys: pytest.CaptureFixture[str], **environment: str) -> str:
    """What a command says on an installation with these settings, which it refuses."""
    with override({"NETRA_ENVIRONMENT": "test", **environment}), pytest.raises(typer.Exit) as ended:
        operate(answer, None, None)
    assert ended.value.exit_code == 1
    said = capsys.readouterr()
    assert said.out == ""
    return said.err


def test_what_is_wrong_with_the_installation_is_said_in_words(capsys: pytest.CaptureFixture[str], owner_url: str) -> None:
    assert "did you mean NETRA_DATABASE_URL" in refusal(capsys, NETRA_DATABASE_ULR="x")
    unreachable = refusal(capsys, NETRA_DATABASE_URL="postgresql://netra:hunter2@127.0.0.1:1/netra")
    assert "does not answer" in unreachable
    assert "hunter2" not in unreachable
    assert "row-level security" in refusal(capsys, NETRA_DATABASE_URL=owner_url).lower()


def test_a_database_that_is_behind_is_not_touched(
    capsys: pytest.CaptureFixture[str], database_url: str, owner_url: str
) -> None:
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute("UPDATE alembic_version SET version_num = '0000'")
    assert "netra migrate" in refusal(capsys, NETRA_DATABASE_URL=database_url)


def test_what_work_refuses_is_said_and_what_it_gets_wrong_is_a_traceback(
    operator: Operator, capsys: pytest.CaptureFixture[str]
) -> None:
    async def refuse(installation: Installation) -> None:
        raise Conflict("There is one already.")

    async def blunder(installation: Installation) -> None:
        raise ZeroDivisionError

    with pytest.raises(typer.Exit):
        operate(refuse, None, None)
    assert capsys.readouterr().err == "There is one already.\n"
    with pytest.raises(ZeroDivisionError):
        operate(blunder, None, None)


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A folder that the embedded database's own user can reach, which pytest's is not when root runs the tests."""
    with tempfile.TemporaryDirectory(prefix="netra-test-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.slow
def test_without_a_url_a_command_sets_up_the_embedded_database_finds_it_again_and_stops_it(
    operator: Operator, data_dir: Path
) -> None:
    with override({"NETRA_DATABASE_URL": None}):
        options = ("--data-dir", str(data_dir))
        made = operator(user.app, "create", "carol@example.com", "--password-stdin", *options, stdin=PASSWORD + "\n")
        assert made.exit_code == 0, made.output
        listed = operator(user.app, "list", *options)
        assert listed.stdout.startswith("carol@example.com")
    assert not (data_dir / "postgres" / "postmaster.pid").exists()
