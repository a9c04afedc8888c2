"""What administrators see of the settings: everything but secrets; and what they propose is judged and changes nothing."""

from pathlib import Path

import pytest

from netra.gateway.configuration import configuration_of
from netra.settings import Settings, load
from netra.tools.administration import HIDDEN

SECRET = "postgresql://netra:hunter2@db/netra"


def settings(**environment: str) -> Settings:
    return load({"NETRA_ENVIRONMENT": "test", "NETRA_DATABASE_URL": SECRET, **environment}, dotenv_file=Path("no such file"))


def test_every_setting_is_shown_with_value_default_and_whether_it_was_changed() -> None:
    facts = {fact.name: fact for fact in configuration_of(settings(NETRA_PORT="9000", NETRA_RUN_LEASE="10s")).settings}
    assert set(facts) == {f"NETRA_{name.upper()}" for name in Settings.model_fields}
    assert (facts["NETRA_PORT"].value, facts["NETRA_PORT"].default, facts["NETRA_PORT"].changed) == (9000, "8000", True)
    # Given, but what it would have been anyway.
    assert (facts["NETRA_RUN_LEASE"].value, facts["NETRA_RUN_LEASE"].changed) == (10, False)
    assert (facts["NETRA_PUBLIC_URL"].value, facts["NETRA_PUBLIC_URL"].changed) == ("http://localhost:9000", False)
    assert all(fact.meaning for fact in facts.values())


def test_a_secret_is_shown_as_set_or_not() -> None:
    facts = {fact.name: fact for fact in configuration_of(settings()).settings}
    assert facts["NETRA_DATABASE_URL"].value == HIDDEN
    assert facts["NETRA_MODEL_URL"].value is None
    assert "hunter2" not in str(facts)


def test_what_a_preset_chose_counts_as_changed() -> None:
    facts = {fact.name: fact for fact in configuration_of(settings(NETRA_FACTORY_PRESET="minimal")).settings}
    assert (facts["NETRA_FACTORY_POOL_MAX_SIZE"].value, facts["NETRA_FACTORY_POOL_MAX_SIZE"].changed) == (20, True)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"NETRA_PORT": "70000"}, "NETRA_PORT"),
        ({"NETRA_PROT": "9000"}, "did you mean NETRA_PORT"),
        ({"PORT": "9000"}, "PORT is not a setting"),
        ({"NETRA_RUN_HEARTBEAT": "6s"}, "half of NETRA_RUN_LEASE"),
        ({"NETRA_DATABASE_URL": "mysql://netra:hunter3@db/netra"}, "NETRA_DATABASE_URL"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_in_words_that_repeat_no_value(values: dict[str, str], words: str) -> None:
    proposal = configuration_of(settings()).check(values)
    assert proposal.problem is not None
    assert words in proposal.problem
    assert "hunter" not in proposal.problem
    assert proposal.environment == ()


def test_what_can_be_is_printed_as_lines_of_an_environment_without_secrets() -> None:
    given = settings()
    proposal = configuration_of(given).check(
        {
            "NETRA_RUN_LEASE": "1m",
            "NETRA_RUN_HEARTBEAT": "6s",
            "NETRA_SERVICE_NAME": "our netra",
            "NETRA_DATABASE_URL": SECRET,
        }
    )
    assert proposal.problem is None
    assert proposal.environment == (
        "NETRA_DATABASE_URL=…",
        "NETRA_RUN_HEARTBEAT=6s",
        "NETRA_RUN_LEASE=1m",
        "NETRA_SERVICE_NAME='our netra'",
    )
    assert given.run_lease == 10
