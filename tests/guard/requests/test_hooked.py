"""Functions that are made anew each time, and that a decorator of the program keeps."""

import pytest

from netra.guard.requests.hooked import hooked
from tests.guard.programs import analysed

TEXT = """
from fastapi import FastAPI

app = FastAPI()
hooks = []


def keep(function):
    {kept}
    return function


@app.post("/")
async def answer(user: str):
    seen = []

    @keep
    def note(name):
        {noted}

    return await run(user)
"""


@pytest.mark.parametrize(
    ("kept", "noted", "expected"),
    [
        ("hooks.append(function)", "seen.append(name)", ["hooks"]),
        ("hooks.insert(0, function)", "seen.append(name)", ["hooks"]),
        ("hooks.append(function)", "print(name)", []),
        ("hooks.append(function.__name__)", "seen.append(name)", []),
        ("hooks.append(function), hooks.pop(0)", "seen.append(name)", []),
        ("[].append(function)", "seen.append(name)", []),
    ],
)
def test_what_is_kept_for_ever(kept: str, noted: str, expected: list[str]) -> None:
    assert [each.slot.name for each in hooked(analysed(TEXT.format(kept=kept, noted=noted)))] == expected
