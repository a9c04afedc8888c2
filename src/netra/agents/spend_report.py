"""The agent that says where the spend of a usage log goes. Every number is measured; a language model adds words, no more."""

from dataclasses import replace
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from netra.agents import narrative
from netra.agents.abridgement import abridge
from netra.agents.context import Context
from netra.agents.definition import agent
from netra.agents.report import Report
from netra.analytics import measure
from netra.analytics.figures import Measurement
from netra.analytics.prices import PriceList, price_list
from netra.datasets.offload import in_thread
from netra.datasets.store import DatasetInfo
from netra.ids import DatasetId

SUMMARY = "Sum up in at most six sentences where the spend goes and what to do first."
"""What a language model is asked for, where there is one."""

PROBLEMS_SHOWN = 10
"""Rejected rows that the report repeats; the dataset has more."""


class SpendReportInput(BaseModel):
    """What to report on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset_id: DatasetId
    model: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)] = Field(
        description="The model whose list prices the requests are billed at: `name` or `provider:name`.",
        examples=["openai:gpt-4o"],
    )
    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)] | None = None


class Loaded(BaseModel):
    """What stays the same for the whole run, whatever changes meanwhile."""

    dataset: DatasetInfo
    prices: PriceList


@agent("spend_report")
async def spend_report(ctx: Context, input: SpendReportInput) -> Report:
    """Measure a usage log and price it: requests, tokens, busy hours, concentration, cost at the list prices of a model."""
    await ctx.think("Looking at the dataset and the price list", step="load", progress=0.0)
    loaded = await ctx.step("load", load, ctx, input, returns=Loaded)
    dataset, prices = loaded.dataset, loaded.prices
    title = input.title or f"Spend report: {dataset.name}"

    await ctx.think(f"Measuring {dataset.rows:,} requests", step="measure", progress=0.2)
    measured = await ctx.step("measure", measure_usage, ctx, dataset, returns=dict[str, Measurement])

    if dataset.rows < narrative.FEWEST_REQUESTS:
        report = narrative.guidance(title, dataset, measured["volume"])
    else:
        await ctx.think(f"Pricing them as {prices.model}", step="price", progress=0.6)
        cost = await ctx.step("price", price_requests, ctx, dataset, prices, returns=Measurement)
        report = narrative.full_report(title, dataset, prices, measured, cost)

    await ctx.think("Writing the report", step="write", progress=0.9)
    prose = await ctx.model.write("summary", report, narrative.summary(report), SUMMARY)
    report = narrative.with_prose(report, prose)
    await ctx.report(report.title, report)
    return abridge(report)


async def load(ctx: Context, input: SpendReportInput) -> Loaded:
    """Find the dataset and the prices of this moment. Raises `NotFound` or `UnknownModel`."""
    dataset = await ctx.datasets.get(input.dataset_id)
    async with ctx.db.transaction() as connection:
        (now,) = await (await connection.execute("SELECT now()")).fetchone() or ()
    prices = await in_thread(price_list, input.model, now)
    return Loaded(dataset=replace(dataset, problems=dataset.problems[:PROBLEMS_SHOWN]), prices=prices)


async def measure_usage(ctx: Context, dataset: DatasetInfo) -> dict[str, Measurement]:
    """Everything that needs no prices. Of a log that is too small, only how large it is."""
    async with ctx.datasets.open(dataset.id) as query:
        measured = {"volume": await measure.volume(query, dataset)}
        if dataset.rows >= narrative.FEWEST_REQUESTS:
            measured["tokens"] = await measure.tokens(query)
            measured["concentration"] = await measure.concentration(query)
            if (busy := await measure.busy_hours(query)) is not None:
                measured["busy_hours"] = busy
    return measured


async def price_requests(ctx: Context, dataset: DatasetInfo, prices: PriceList) -> Measurement:
    """What the requests cost."""
    async with ctx.datasets.open(dataset.id) as query:
        return await measure.cost(query, prices)
