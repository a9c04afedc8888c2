from pathlib import Path

import pytest

from netra.guard.configuration import ConfigurationInvalid, GuardConfiguration, load, of_table


def test_the_nearest_pyproject_is_read(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.netra-guard]\nowner = ["app.config"]\nentry-points = ["app.jobs.*"]\n')
    (tmp_path / "src").mkdir()
    assert load(tmp_path / "src") == GuardConfiguration(owner=("app.config",), entry_points=("app.jobs.*",))


def test_a_key_that_does_not_exist_is_named() -> None:
    with pytest.raises(ConfigurationInvalid, match="`onwer`"):
        of_table({"onwer": []})


def test_the_nearest_key_is_named_and_all_of_them_where_none_is_near() -> None:
    with pytest.raises(ConfigurationInvalid, match="did you mean `entry-points`"):
        of_table({"entrypoint": []})
    with pytest.raises(ConfigurationInvalid, match="it knows accessor, baseline"):
        of_table({"zzz": []})


def test_codes_are_let_pass_in_the_files_that_a_pattern_names() -> None:
    decided = of_table({"per-file-ignores": {"tests/*": ["E", "A101"], "app/old.py": ["S"]}})
    assert decided.lets_pass("E102", "tests/deep/down.py")
    assert decided.lets_pass("A101", "tests/a.py")
    assert not decided.lets_pass("A102", "tests/a.py")
    assert not decided.lets_pass("E102", "app/old.py")
    assert decided.lets_pass("S101", "app/old.py")
    wrong: object
    for wrong in ([], {"tests/*": "E"}, {"tests/*": [1]}):
        with pytest.raises(ConfigurationInvalid, match="table of lists"):
            of_table({"per-file-ignores": wrong})


def test_a_value_of_the_wrong_kind_is_named() -> None:
    for table in ({"owner": "app"}, {"owner": [1]}, {"baseline": ["x"]}):
        with pytest.raises(ConfigurationInvalid, match=r"list of texts|a text"):
            of_table(table)


def test_a_confidence_that_there_is_not_is_refused() -> None:
    assert of_table({"confidence": "high"}).confidence == "high"
    with pytest.raises(ConfigurationInvalid, match="`confidence` is 'high', or is left out"):
        of_table({"confidence": "medium"})


def test_a_code_or_its_family_switches_a_rule() -> None:
    assert GuardConfiguration().selects("A101", default=True)
    assert not GuardConfiguration().selects("A101", default=False)
    assert GuardConfiguration(select=("A",)).selects("A101", default=False)
    assert not GuardConfiguration(select=("E",)).selects("A101", default=True)
    assert not GuardConfiguration(ignore=("A1",)).selects("A101", default=True)
    assert GuardConfiguration(select=("A101",), ignore=("A",)).selects("A101", default=True)


def test_the_command_line_wins_where_it_says_something() -> None:
    assert GuardConfiguration(owner=("a",), select=("A",)).overridden({"owner": ("b",), "select": ()}) == GuardConfiguration(
        owner=("b",), select=("A",)
    )
