import pytest

from netra.cli import doctor
from netra.env import override
from netra.health.doctor import Finding
from tests.cli.conftest import Operator


def test_nothing_wrong_is_said_and_exits_with_0(operator: Operator, tmp_path_factory: pytest.TempPathFactory) -> None:
    with override({"NETRA_PORT": "0"}):
        done = operator(doctor.app, "--data-dir", str(tmp_path_factory.mktemp("data")))
    assert done.exit_code == 0, done.output
    assert "Nothing is wrong." in done.output
    assert "row-level security binds the role netra_app" in done.output


def test_what_is_wrong_is_said_with_how_to_mend_it_and_exits_with_1(operator: Operator, owner_url: str) -> None:
    with override({"NETRA_PORT": "0"}):
        done = operator(doctor.app, "--database-url", owner_url)
    assert done.exit_code == 1
    assert "WRONG  database role" in done.output
    assert "connect as netra_app" in done.output


def test_a_misspelt_setting_is_the_only_finding(operator: Operator) -> None:
    with override({"NETRA_PROT": "1"}):
        done = operator(doctor.app)
    assert done.exit_code == 1
    assert "did you mean NETRA_PORT?" in done.output


def test_a_finding_is_a_line_and_its_mending_another() -> None:
    assert doctor.line(Finding("port", True, "is free", "unused")).endswith("port: is free")
    assert doctor.line(Finding("port", False, "is taken", "Take another.")).splitlines()[1].strip() == "→ Take another."
