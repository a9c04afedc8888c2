"""An agent that shows every kind of event, for a newcomer's first minute and for whoever writes a client."""

import asyncio
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict, Field

from netra.agents.context import Context
from netra.agents.definition import agent
from netra.runs.failure import StepFailed


class DemoInput(BaseModel):
    """What the demo is to show. Without anything it takes a second and asks nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    topic: str = Field("Netra", min_length=1, max_length=200, description="What to talk about.")
    steps: int = Field(3, ge=0, le=1000, description="Steps, each with a thought.")
    delay_ms: float = Field(100, ge=0, le=60_000, description="How long each step takes.")
    ask: bool = Field(False, description="Ask the user whether to go on; the run then waits, without occupying a worker.")
    report: bool = Field(True, description="Store a report at the end.")
    fail: bool = Field(False, description="Fail after the steps.")


class DemoResult(BaseModel):
    """What the demo did. The times are those of the first attempt, however often the run was resumed."""

    model_config = ConfigDict(frozen=True)

    topic: str
    steps: list[datetime]
    went_on: bool


class DemoFailed(Exception):
    """The demo was asked to fail."""


@agent("demo")
async def demo(ctx: Context, input: DemoInput) -> DemoResult:
    """Think, take steps, call a tool, talk, perhaps ask, write a report: every kind of event, without a language model."""
    times = []
    for number in range(1, input.steps + 1):
        await ctx.think(f"Step {number} of {input.steps}", step=f"step {number}", progress=number / input.steps)
        times.append(await ctx.step("work", work, input.delay_ms / 1000, returns=datetime))
    if input.fail:
        raise DemoFailed
    await ctx.tools.call("get_agent_status", run_id=str(ctx.run_id))
    try:
        # Refused by the tool, logged as such, and no reason to end the run.
        await ctx.tools.call("get_agent_status", run_id="not an id")
    except StepFailed as error:
        await ctx.think(f"As expected: {error.detail}")
    went_on = True
    if input.ask:
        went_on = bool(await ctx.ask(f"Shall I go on about {input.topic}?", {"type": "boolean"}))
    if went_on:
        for word in f"This is all there is to say about {input.topic}.".split():
            await ctx.say(word + " ")
    if input.report and went_on:
        sections = [{"title": f"Step {number}", "content": f"Done at {at}."} for number, at in enumerate(times, start=1)]
        await ctx.report(f"About {input.topic}", {"sections": sections})
    return DemoResult(topic=input.topic, steps=times, went_on=went_on)


async def work(seconds: float) -> datetime:
    """Take some time, and say when it was."""
    await asyncio.sleep(seconds)
    return datetime.now(UTC)
