"""The agents that the benchmark runs: they do nothing but what is measured."""

import asyncio
import time

from pydantic import BaseModel

import netra

TEXT = "x" * 40


class Burst(BaseModel):
    """How many events to append, and how many of them to have under way at once."""

    events: int
    at_once: int = 1


class Pace(BaseModel):
    """How many events to append, and how many in a second."""

    events: int
    per_second: float


@netra.agent("noop", description="Ends at once.")
async def noop(ctx: netra.Context) -> None:
    """Measures what a run costs that does nothing."""


@netra.agent("burst", description="Appends events as fast as they commit.")
async def burst(ctx: netra.Context, input: Burst) -> None:
    async def chain(count: int) -> None:
        for _ in range(count):
            await ctx.think(TEXT)

    async with asyncio.TaskGroup() as group:
        for _ in range(input.at_once):
            group.create_task(chain(input.events // input.at_once))


@netra.agent("paced", description="Appends events at a fixed rate, each with the time it was made.")
async def paced(ctx: netra.Context, input: Pace) -> None:
    start = time.monotonic()
    for nth in range(input.events):
        # Against the plan, not against the last event: a late one must not slow the rate down (coordinated omission).
        await asyncio.sleep(max(0.0, start + nth / input.per_second - time.monotonic()))
        await ctx.think(str(time.time()))


app = netra.Netra(agents=[noop, burst, paced])
