"""Whoever looks how long a shared place is before adding to it has a limit; a look at anything else is none."""

import pytest

from netra.guard.requests.limits import is_limited
from netra.guard.requests.sharing import Sharing
from tests.guard.programs import analysed


def _is_limited(*lines: str) -> bool:
    text = """
from fastapi import FastAPI

app = FastAPI()
waiting = []
others = []
most = 10


@app.post("/wait")
async def wait(name: str, names: list):
"""
    sharing = analysed(text + "\n".join(f"    {line}" for line in lines)).once(Sharing)
    (write,) = [each for each in sharing.writes if each.how == "append"]
    return is_limited(write, sharing)


@pytest.mark.parametrize(
    "lines",
    [
        ("if len(waiting) < most:", "    waiting.append(name)"),
        ("if most <= len(waiting):", "    return", "waiting.append(name)"),
        ("if name and len(waiting) == most:", "    return", "waiting.append(name)"),
        ("while len(waiting) > most:", "    await room()", "waiting.append(name)"),
    ],
)
def test_a_place_whose_length_is_compared_before_is_limited(lines: tuple[str, ...]) -> None:
    assert _is_limited(*lines)


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(("waiting.append(name)",), id="no test"),
        pytest.param(("if len(others) < most:", "    waiting.append(name)"), id="length of another place"),
        pytest.param(("if len(names) < most:", "    waiting.append(name)"), id="length of a parameter"),
        pytest.param(("if sum(waiting) < most:", "    waiting.append(name)"), id="no length"),
        pytest.param(("if len(waiting) != most:", "    waiting.append(name)"), id="no order"),
        pytest.param(("waiting.append(name)", "if len(waiting) > most:", "    warn()"), id="afterwards"),
    ],
)
def test_any_other_test_sets_no_limit(lines: tuple[str, ...]) -> None:
    assert not _is_limited(*lines)
