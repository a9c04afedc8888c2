"""What is kept under a key that was looked for there is found, in dictionaries, caches and files that others come to."""

import pytest

from netra.guard.requests.kept_by_key import PlacesByKey
from netra.guard.requests.sharing import Sharing
from tests.guard.programs import analysed, function

TEXT = """
    from pathlib import Path
    from fastapi import FastAPI

    app = FastAPI()
    rows = {{}}

    @app.get("/row")
    async def row(name: str):
        {lines}
    """


def _kept(*lines: str) -> list[str]:
    analysis = analysed(TEXT.format(lines="\n        ".join(lines)))
    places = PlacesByKey(analysis.once(Sharing))
    return [kept.name for kept in places.all_of(function(analysis.program, "example.row"))]


@pytest.mark.parametrize(
    ("lines", "name"),
    [
        (("if name not in rows:", "    rows[name] = load(name)"), "rows"),
        (("if not (name in rows):", "    rows[name] = load(name)"), "rows"),
        (("try:", "    return rows[name]", "except KeyError:", "    rows[name] = load(name)"), "rows"),
        (("rows.setdefault(name, load(name))",), "rows"),
        (("if name not in app.state.rows:", "    app.state.rows[name] = load(name)"), "app.state.rows"),
        (("hit = redis.get(name)", "redis.setex(name, 60, load(name))"), "redis"),
        (("path = Path(name)", "if not path.is_file():", "    path.write_bytes(load(name))"), "path"),
    ],
)
def test_a_place_that_is_looked_at_first(lines: tuple[str, ...], name: str) -> None:
    assert _kept(*lines) == [name]


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(("rows[name] = load(name)",), id="never looked for"),
        pytest.param(("if name not in rows:", "    rows[name] = None"), id="nothing kept"),
        pytest.param(("if name not in rows:", "    rows[other(name)] = load(name)"), id="under another key"),
        pytest.param(("own = {}", "if name not in own:", "    own[name] = load(name)"), id="own dictionary"),
        pytest.param(("redis.set(name, load(name))",), id="told and never asked"),
    ],
)
def test_other_places_are_not(lines: tuple[str, ...]) -> None:
    assert _kept(*lines) == []
