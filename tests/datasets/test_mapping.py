import re
from pathlib import Path

import pytest

from netra.datasets.mapping import COLUMNS, SYNONYMS, resolve
from netra.errors import InvalidInput


def test_the_azure_columns_are_known_as_they_are() -> None:
    mapping = resolve(None, ["TIMESTAMP", "ContextTokens", "GeneratedTokens"])
    assert mapping.sources == {"at": "TIMESTAMP", "input_tokens": "ContextTokens", "output_tokens": "GeneratedTokens"}


def test_case_and_punctuation_do_not_tell_names_apart() -> None:
    mapping = resolve(None, ["Prompt-Tokens", "completion tokens", "End_User", "latency (ms)"])
    assert mapping.sources == {
        "input_tokens": "Prompt-Tokens",
        "output_tokens": "completion tokens",
        "user": "End_User",
        "latency_ms": "latency (ms)",
    }


def test_the_last_part_of_a_nested_name_counts_and_the_outer_one_comes_first() -> None:
    columns = ["a.b.model", "meta.model", "gen_ai.usage.input_tokens", "usage.output_tokens"]
    assert resolve(None, columns).sources == {
        "input_tokens": "gen_ai.usage.input_tokens",
        "output_tokens": "usage.output_tokens",
        "model": "meta.model",
    }


def test_a_latency_without_a_unit_is_left_to_somebody_who_knows() -> None:
    columns = ["input_tokens", "output_tokens", "latency", "cost"]
    assert resolve(None, columns).sources.keys() == {"input_tokens", "output_tokens"}
    assert resolve({"latency_ms": "latency"}, columns).sources["latency_ms"] == "latency"


def test_what_is_given_wins_over_what_the_name_says() -> None:
    columns = ["input_tokens", "real_input", "output_tokens", "model"]
    mapping = resolve({"input_tokens": "real_input", "model": None}, columns)
    assert mapping.sources == {"input_tokens": "real_input", "output_tokens": "output_tokens"}


def test_one_source_is_never_taken_for_two_columns() -> None:
    mapping = resolve({"feature": "model"}, ["input_tokens", "output_tokens", "model"])
    assert mapping.sources == {"input_tokens": "input_tokens", "output_tokens": "output_tokens", "feature": "model"}


def test_positions_count_from_one_and_name_every_column() -> None:
    columns = ["ts", "x", "output_tokens", "input_tokens"]
    positions = resolve(None, columns).positions(columns)
    assert positions == dict.fromkeys(COLUMNS) | {"at": 1, "output_tokens": 3, "input_tokens": 4}


@pytest.mark.parametrize(
    ("mapping", "columns", "field", "words"),
    [
        ({"imput_tokens": "a"}, ["a", "output_tokens"], "mapping", "did you mean 'input_tokens'"),
        ({"input_tokens": "promt"}, ["prompt", "output_tokens"], "mapping.input_tokens", "did you mean 'prompt'"),
        ({"input_tokens": "a"}, ["a", "a", "output_tokens"], "mapping.input_tokens", "more than once"),
        ({}, ["a", "output_tokens"], "mapping.input_tokens", "input_tokens"),
        ({"output_tokens": None}, ["input_tokens", "output_tokens"], "mapping.output_tokens", "output_tokens"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused_by_its_field(
    mapping: dict[str, str | None], columns: list[str], field: str, words: str
) -> None:
    with pytest.raises(InvalidInput, match=words) as refused:
        resolve(mapping, columns)
    assert refused.value.extra["field"] == field


def test_every_name_that_is_known_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "datasets.md").read_text("utf-8")
    for column, names in SYNONYMS.items():
        (row,) = [line for line in page.splitlines() if line.startswith(f"| `{column}` ")]
        documented = {name.replace("_", "") for name in re.findall(r"`(\w+)`", row)}
        assert documented == {column.replace("_", ""), *names}
