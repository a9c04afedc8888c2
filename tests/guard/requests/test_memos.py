"""A function that keeps what it is told how to make is known by what it does, wherever it keeps it; others are none."""

import pytest

from netra.guard.requests.memos import Memos
from tests.guard.programs import analysed

TEXT = """
import asyncio

from fastapi import FastAPI

app = FastAPI()
everywhere = {{}}


class Keeper:
    def __init__(self, redis):
        self.redis = redis
        self.running = {{}}

    async def remember(self, key, produce, ttl=60):
        {lines}


keeper = Keeper(None)


@app.get("/{{name}}")
async def show(name: str):
    return await keeper.remember(name, lambda: rows_of(name))


async def aside(own: Keeper):
    return await own.remember("a", lambda: 3)
"""
OUTSIDE = ("hit = await self.redis.get({key})", "if hit is None: hit = await produce()", "await self.redis.set({key}, hit)")


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([each.format(key="key") for each in OUTSIDE], id="outside"),
        pytest.param([each.format(key="f'page:{key}'") for each in OUTSIDE], id="outside, with more in the key"),
        pytest.param(
            ["task = self.running.get(key)", "if task is None: task = self.running[key] = asyncio.create_task(produce())"],
            id="in the object",
        ),
        pytest.param(["if key not in everywhere: everywhere[key] = await produce()"], id="in the module"),
        pytest.param(["if key not in everywhere: everywhere[key] = await asyncio.to_thread(produce)"], id="by a thread"),
    ],
)
def test_what_keeps_what_it_lets_make(lines: list[str]) -> None:
    (found,) = analysed(TEXT.format(lines="\n        ".join(lines))).once(Memos).calls()
    assert (found.scope.name, found.key, found.maker[0]) == ("show", ("name", "name"), "lambda")


@pytest.mark.parametrize(
    "line",
    ["return await produce()", "everywhere[key] = await produce()", "if key in everywhere: everywhere[key] = 3"],
)
def test_what_is_none(line: str) -> None:
    assert not list(analysed(TEXT.format(lines=line)).once(Memos).calls())
