"""`netra.env`: the one door to the environment, and what must not come through it."""

import asyncio
import os
import subprocess
import sys
import traceback
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra import env

NAMES = st.sampled_from(["NETRA_T_A", "NETRA_T_B", "NETRA_T_C"])
LAYERS = st.lists(st.dictionaries(NAMES, st.none() | st.text(st.characters(codec="ascii", exclude_characters="\0"))))


def expected_view(layers: list[dict[str, str | None]], process: dict[str, str]) -> dict[str, str]:
    """What the newest mention of each name says, a None meaning that it is not there: the law, written independently."""
    seen = dict(process)
    for layer in layers:
        for name, value in layer.items():
            seen.pop(name, None)
            if value is not None:
                seen[name] = value
    return seen


@given(LAYERS)
def test_the_innermost_override_wins_and_every_level_is_restored(layers: list[dict[str, str | None]]) -> None:
    before = dict(os.environ)

    def descend(depth: int) -> None:
        want = expected_view(layers[:depth], before)
        view = env.get_env()
        assert dict(view) == want
        assert len(view) == len(want)
        assert all((name in view) == (name in want) for name in ["NETRA_T_A", "NETRA_T_B", "NETRA_T_C"])
        if depth < len(layers):
            with env.override(layers[depth]):
                descend(depth + 1)
            assert dict(view) == want

    descend(0)
    assert dict(os.environ) == before


def test_an_override_ends_when_its_block_raises() -> None:
    with pytest.raises(ZeroDivisionError), env.override({"NETRA_T_A": "inside"}):
        1 / 0
    assert "NETRA_T_A" not in env.get_env()


def test_an_override_is_not_changed_by_changing_the_mapping_it_was_given() -> None:
    values: dict[str, str | None] = {"NETRA_T_A": "first"}
    with env.override(values) as view:
        values["NETRA_T_A"] = "second"
        assert view["NETRA_T_A"] == "first"


async def test_two_tasks_that_override_the_same_name_each_see_their_own() -> None:
    both_inside = asyncio.Barrier(2)

    async def user(mark: str) -> list[str | None]:
        with env.override({"NETRA_T_A": mark}) as view:
            await both_inside.wait()
            seen = [view.get("NETRA_T_A"), await asyncio.to_thread(view.get, "NETRA_T_A")]
            await both_inside.wait()
        return [*seen, view.get("NETRA_T_A")]

    async with asyncio.timeout(5):
        alice, bob = await asyncio.gather(user("alice"), user("bob"))
    assert alice == ["alice", "alice", None]
    assert bob == ["bob", "bob", None]


async def test_a_task_started_inside_keeps_its_view_after_the_block_has_ended() -> None:
    left = asyncio.Event()

    async def child() -> str | None:
        await left.wait()
        return env.get_env().get("NETRA_T_A")

    with env.override({"NETRA_T_A": "inherited"}):
        task = asyncio.create_task(child())
    left.set()
    async with asyncio.timeout(5):
        assert await task == "inherited"
    assert "NETRA_T_A" not in env.get_env()


def test_a_snapshot_does_not_move_with_the_environment() -> None:
    with env.override({"NETRA_T_A": "then"}):
        kept = env.get_env().snapshot()
    assert kept["NETRA_T_A"] == "then"
    assert "NETRA_T_A" not in env.get_env()


def test_an_environment_cannot_be_written_to() -> None:
    with pytest.raises(TypeError):
        env.get_env()["NETRA_T_A"] = "x"  # type: ignore[index]


def test_no_value_shows_in_the_representation_of_an_environment() -> None:
    with env.override({"NETRA_DATABASE_URL": "postgresql://u:hunter2@db/x"}) as view:
        for shown in (repr(view), str(view), f"{view!r:>10}", repr(view.snapshot())):
            assert "hunter2" not in shown


@pytest.mark.parametrize(
    ("text", "truth"), [("1", True), ("TRUE", True), (" on ", True), ("0", False), ("No", False), ("off", False)]
)
def test_a_boolean_is_spelt_in_the_usual_words(text: str, truth: bool) -> None:
    assert env.Environment({"FLAG": text}).boolean("FLAG", not truth) is truth


def test_typed_getters_read_numbers_and_fall_back_to_the_default() -> None:
    view = env.Environment({"COUNT": "12", "SHARE": "0.5"})
    assert (view.integer("COUNT", 0), view.number("SHARE", 0.0)) == (12, 0.5)
    assert (view.boolean("X", True), view.integer("X", 3), view.number("X", 1.5)) == (True, 3, 1.5)


@pytest.mark.parametrize("getter", ["boolean", "integer", "number"])
def test_a_value_of_the_wrong_kind_names_the_variable_and_not_the_value(getter: str) -> None:
    view = env.Environment({"TOKEN_COUNT": "hunter2"})
    with pytest.raises(env.InvalidVariable) as raised:
        getattr(view, getter)("TOKEN_COUNT", 0)
    assert "TOKEN_COUNT" in str(raised.value)
    assert "hunter2" not in "".join(traceback.format_exception(raised.value))


def test_a_child_process_sees_the_allow_list_and_what_it_is_given_and_no_secret() -> None:
    secrets = {"NETRA_DATABASE_URL": "hunter2", "OPENAI_API_KEY": "hunter3", "HTTPS_PROXY": "http://u:hunter4@proxy"}
    with env.override({**secrets, "LC_ALL": "C.UTF-8", "TZ": "UTC"}):
        given = env.for_subprocess({"NETRA_PORT": "$HOME"})
    shown = subprocess.run(
        [sys.executable, "-c", "import os; print(dict(os.environ))"], env=given, capture_output=True, text=True, check=True
    ).stdout
    assert "hunter" not in shown
    assert "'NETRA_PORT': '$HOME'" in shown  # neither executed nor expanded
    assert "'LC_ALL': 'C.UTF-8'" in shown
    assert "'TZ': 'UTC'" in shown
    assert "'PATH'" in shown


def test_a_dotenv_file_is_read_as_it_is_written(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(
        "# comment\nexport NETRA_PORT=9000\nNETRA_MODEL='$HOME/${PATH}'\nNETRA_LOG_LEVEL=`id`\nONLY_A_NAME\n", "utf-8"
    )
    assert dict(env.read_dotenv(file)) == {
        "NETRA_PORT": "9000",
        "NETRA_MODEL": "$HOME/${PATH}",
        "NETRA_LOG_LEVEL": "`id`",
    }
    assert "NETRA_PORT" not in env.get_env()


def test_a_dotenv_file_that_is_not_there_sets_nothing(tmp_path: Path) -> None:
    assert dict(env.read_dotenv(tmp_path / ".env")) == {}
