"""`netra dataset import`, as an operator uses it."""

import json
from pathlib import Path

import pytest

from netra.cli.dataset import app
from netra.cli.user import app as user_app
from tests.cli.conftest import PASSWORD, Operator, Rows

LOG = "when,input_tokens,output_tokens\n2026-01-01T00:00:00Z,1,2\n2026-01-02T00:00:00Z,3,x\n"


@pytest.fixture
def carol(operator: Operator) -> str:
    """The e-mail address of an account that there is."""
    result = operator(user_app, "create", "carol@example.com", "--password-stdin", stdin=PASSWORD + "\n")
    assert result.exit_code == 0, result.output
    return "carol@example.com"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "usage.csv"
    path.write_text(LOG)
    return path


def test_an_imported_file_is_its_users_and_what_was_not_taken_is_said(
    operator: Operator, rows: Rows, carol: str, log: Path, tmp_path: Path
) -> None:
    options = ("--user", carol, "--mapping", '{"at": "when"}', "--data-dir", str(tmp_path))
    result = operator(app, "import", str(log), *options)
    assert result.exit_code == 0, result.output
    assert "imported: usage.csv  csv  1 rows  1 not taken" in result.stdout
    assert "line 3: output_tokens: not a whole number, zero or more: 'x'" in result.stdout
    ((user_id, dataset_id),) = rows(
        "SELECT user_id::text, dataset.id::text FROM dataset JOIN account ON account.id = user_id WHERE email = %s", carol
    )
    assert (tmp_path / "datasets" / user_id / dataset_id / "original").read_text() == LOG
    assert log.read_text() == LOG


def test_programs_read_the_dataset_as_one_object(operator: Operator, carol: str, log: Path, tmp_path: Path) -> None:
    options = ("--user", carol, "--name", "May", "--json", "--data-dir", str(tmp_path))
    result = operator(app, "import", str(log), *options)
    assert result.exit_code == 0, result.output
    made = json.loads(result.stdout)
    assert (made["name"], made["rows"], made["rejected"], made["problems"][0]["line"]) == ("May", 1, 1, 3)


def test_what_cannot_be_imported_is_refused_in_words_and_keeps_nothing(
    operator: Operator, rows: Rows, carol: str, log: Path, tmp_path: Path
) -> None:
    log.write_text("a,b\n1,2\n")
    result = operator(app, "import", str(log), "--user", carol, "--data-dir", str(tmp_path))
    assert result.exit_code == 1
    assert "No column of the file is known to hold input_tokens" in result.stderr
    assert rows("SELECT id FROM dataset") == []
    assert [path for path in (tmp_path / "datasets").rglob("*") if path.is_file()] == []
