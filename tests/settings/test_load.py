"""`netra.settings.load`: which source wins, and what a mistake is answered with."""

import traceback
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra.settings import InvalidSetting, Settings, UnknownSetting, load
from netra.settings.load import propose, variable

NOWHERE = Path("/nonexistent/.env")
FIELDS = st.sampled_from(["run_attempts", "workers", "messages_burst"])
SOURCE = st.dictionaries(FIELDS, st.integers(1, 1000))


@pytest.fixture(scope="module")
def dotenv_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("settings") / ".env"


@given(command_line=SOURCE, environment=SOURCE, written=SOURCE, where=st.sampled_from(["development", "test", "production"]))
def test_command_line_beats_environment_beats_dotenv_beats_default(
    dotenv_file: Path, command_line: dict[str, int], environment: dict[str, int], written: dict[str, int], where: str
) -> None:
    dotenv_file.write_text("".join(f"{variable(name)}={value}\n" for name, value in written.items()), "utf-8")
    in_environment = {variable(name): str(value) for name, value in environment.items()} | {"NETRA_ENVIRONMENT": where}
    settings = load(in_environment, {**dict.fromkeys(["workers", "port"]), **command_line}, dotenv_file=dotenv_file)
    for name in ("run_attempts", "workers", "messages_burst"):
        sources = [command_line, environment, written if where == "development" else {}]
        default = Settings.model_fields[name].default
        assert getattr(settings, name) == next((source[name] for source in sources if name in source), default)


def test_names_of_other_programs_are_none_of_our_business() -> None:
    assert load({"PATH": "/bin", "NETRAX_PORT": "1", "XNETRA_PORT": "2"}, dotenv_file=NOWHERE) == Settings()


def test_an_empty_value_counts_as_not_given() -> None:
    assert load({"NETRA_PORT": "", "NETRA_DATABASE_URL": ""}, dotenv_file=NOWHERE) == Settings()


def test_none_switches_a_limit_off() -> None:
    assert load({"NETRA_EVENT_RETENTION": "none"}, dotenv_file=NOWHERE).event_retention is None


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("NETRA_PROT", "NETRA_PORT"),
        ("NETRA_DATABSE_URL", "NETRA_DATABASE_URL"),
        ("NETRA_port", "NETRA_PORT"),
        ("NETRA_FACTORY_POOL_SIZE", "NETRA_FACTORY_POOL_MAX_SIZE"),
    ],
)
def test_a_misspelt_name_stops_the_start_and_names_the_nearest(wrong: str, right: str) -> None:
    with pytest.raises(UnknownSetting) as raised:
        load({wrong: "hunter2"}, dotenv_file=NOWHERE)
    assert str(raised.value) == f"{wrong} is not a setting; did you mean {right}?"


def test_a_name_that_is_near_to_nothing_gets_no_suggestion() -> None:
    with pytest.raises(UnknownSetting) as raised:
        load({"NETRA_ZZYXQ": "1"}, dotenv_file=NOWHERE)
    assert str(raised.value) == "NETRA_ZZYXQ is not a setting."


def test_a_misspelt_name_in_dotenv_stops_the_start_too(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("NETRA_WORKER=2\n", "utf-8")
    with pytest.raises(UnknownSetting, match=r"NETRA_WORKER in \.env is not a setting; did you mean NETRA_WORKERS\?"):
        load({}, dotenv_file=tmp_path / ".env")
    assert load({"NETRA_ENVIRONMENT": "test"}, dotenv_file=tmp_path / ".env").workers == 1


def test_dotenv_cannot_turn_development_into_production(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("NETRA_ENVIRONMENT=production\n", "utf-8")
    with pytest.raises(InvalidSetting, match=r"NETRA_ENVIRONMENT in \.env"):
        load({}, dotenv_file=tmp_path / ".env")


def test_the_links_that_kubernetes_adds_are_explained() -> None:
    with pytest.raises(UnknownSetting, match="enableServiceLinks: false"):
        load({"KUBERNETES_SERVICE_HOST": "10.0.0.1", "NETRA_SERVICE_PORT": "8000"}, dotenv_file=NOWHERE)


def test_every_wrong_value_is_named_with_where_it_was_given(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("NETRA_WORKERS=0\n", "utf-8")
    with pytest.raises(InvalidSetting) as raised:
        load({"NETRA_RUN_LEASE": "soon"}, {"port": 99999}, dotenv_file=tmp_path / ".env")
    names = [line.partition(":")[0] for line in str(raised.value).splitlines()]
    # Exactly these: the public URL, which is derived from the port, is not a mistake of its own.
    assert sorted(names) == ["--port", "NETRA_RUN_LEASE", "NETRA_WORKERS in .env"]


def test_an_unknown_environment_is_named_and_reads_no_dotenv(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("NETRA_WORKERS=0\n", "utf-8")
    with pytest.raises(InvalidSetting) as raised:
        load({"NETRA_ENVIRONMENT": "prod"}, dotenv_file=tmp_path / ".env")
    assert str(raised.value).startswith("NETRA_ENVIRONMENT: ")
    assert "WORKERS" not in str(raised.value)


@pytest.mark.parametrize("field", Settings.model_fields)
def test_no_error_repeats_a_value(field: str) -> None:
    # Every setting, for a password given to the wrong name is still a password.
    hunter = "hunter2://hunter2:hunter2@[hunter2"
    with pytest.raises(InvalidSetting) as raised:
        load({variable(field): hunter, "NETRA_PORT": hunter}, dotenv_file=NOWHERE)
    assert "hunter2" not in str(raised.value)
    assert hunter not in "".join(traceback.format_exception(raised.value))
    assert "NETRA_PORT: " in str(raised.value)


# Proposals --------------------------------------------------------------------------------------------------------------------


def test_a_proposal_is_read_as_an_environment_beside_what_is_set_already() -> None:
    settings = load({"NETRA_RUN_LEASE": "1m", "NETRA_PORT": "9000"}, dotenv_file=NOWHERE)
    proposed = propose(settings, {"NETRA_RUN_HEARTBEAT": "20s", "NETRA_PORT": ""})
    assert (proposed.run_lease, proposed.run_heartbeat, proposed.port) == (60, 20, 8000)
    assert (settings.run_heartbeat, settings.port) == (2.5, 9000)


def test_another_preset_takes_what_the_old_one_chose_with_it() -> None:
    settings = load({"NETRA_FACTORY_PRESET": "minimal", "NETRA_FACTORY_CACHE_SIZE": "7"}, dotenv_file=NOWHERE)
    proposed = propose(settings, {"NETRA_FACTORY_PRESET": "maximum_performance"})
    assert (proposed.factory_pool_max_size, proposed.factory_cache_size) == (1000, 7)


def test_a_proposal_that_cannot_be_is_refused_as_a_start_would_be() -> None:
    settings = load({"NETRA_RUN_LEASE": "1m"}, dotenv_file=NOWHERE)
    with pytest.raises(UnknownSetting, match="did you mean NETRA_PORT"):
        propose(settings, {"NETRA_PROT": "9000"})
    with pytest.raises(UnknownSetting, match="netra_port"):
        propose(settings, {"netra_port": "9000"})
    with pytest.raises(InvalidSetting, match="half of NETRA_RUN_LEASE"):
        propose(settings, {"NETRA_RUN_LEASE": "1s"})
