from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from netra.cli.prove import again, app
from netra.prove.proof import unhurried
from tests.prove.histories import Told


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "name the URL of a server, or say --self"),
        (["http://127.0.0.1:1", "--self"], "name the URL of a server, or say --self"),
        (["http://127.0.0.1:1", "--faults", "earthquake"], "there is no fault 'earthquake'"),
        (["--judge", "no such file"], "No such file"),
        (["http://127.0.0.1:1", "--target", "soap"], "there is no target 'soap'; there are netra, ag-ui, agno"),
        (["http://127.0.0.1:1", "--key-file", "no such key"], "No such file"),
        (["--self", "--target", "ag-ui"], "--self starts servers of Netra and no others"),
        (["http://127.0.0.1:1", "--program", "another-netra"], "--program is what --self is to start"),
    ],
)
def test_what_cannot_run_is_told_with_status_2(arguments: list[str], words: str) -> None:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert words in result.output


def test_a_history_that_is_judged_again_gives_its_status(tmp_path: Path) -> None:
    history = Told().done("read_log", 1).event(1, 1).log(1, [1])
    history.save(tmp_path / "good.jsonl")
    history.event(1, 1).save(tmp_path / "bad.jsonl")
    assert CliRunner().invoke(app, ["--judge", str(tmp_path / "good.jsonl")]).exit_code == 0
    assert CliRunner().invoke(app, ["--judge", str(tmp_path / "bad.jsonl")]).exit_code == 1


def test_the_help_teaches() -> None:
    result = CliRunner().invoke(app, ["--help"])
    assert "Status 0: proved" in result.output
    assert "netra prove --self --users 200" in result.output


def test_the_command_that_repeats_a_proof_says_all_that_was_asked_for_and_the_seed_that_was_drawn() -> None:
    def ask(*arguments: str) -> str:
        with get_command(app).make_context("prove", [*arguments]) as context:
            return again(context, 5)  # type: ignore[arg-type]  # Typer knows click's class by two names

    assert ask("--self", "--users", "6") == "netra prove --self --users 6 --seed 5"
    assert ask("http://a", "http://b", "--seed", "9") == "netra prove http://a http://b --seed 9"
    assert ask("--self", "--program", "python -m netra") == "netra prove --self --program 'python -m netra' --seed 5"


def test_many_users_do_together_what_sixteen_would() -> None:
    assert (unhurried(2), unhurried(16), unhurried(200)) == (1.0, 1.0, 12.5)
