"""Data: everything that can be measured of the dataset for what is asked, each part by itself."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from netra.agents.context import Context
from netra.agents.definition import agent
from netra.agents.team.results import DataResult, Gap, Topic, TriageResult
from netra.analytics import measure
from netra.analytics.changes import changes
from netra.analytics.costs import costs, lists_in
from netra.analytics.figures import Measurement
from netra.analytics.latency import latency
from netra.analytics.shrinking import fitted
from netra.analytics.waste import waste
from netra.datasets.query import DatasetQuery
from netra.datasets.store import DatasetInfo
from netra.ids import DatasetId
from netra.runs.failure import StepFailed

Part = Callable[[DatasetQuery, TriageResult, DatasetInfo], Awaitable[Measurement]]

AT_ONCE: Final = 2
"""Parts of one run that are measured at once. Each has a connection of its own, which may hold half a gibibyte."""


ROOM: Final = 128 * 1024
"""Bytes of all parts as JSON: half of what a report may be written of. Beyond them a table shows fewer groups, and says so."""


class NothingToMeasure(Exception):
    """There is no dataset to measure."""


async def _volume(query: DatasetQuery, _: TriageResult, dataset: DatasetInfo) -> Measurement:
    return await measure.volume(query, dataset)


async def _tokens(query: DatasetQuery, _: TriageResult, __: DatasetInfo) -> Measurement:
    return await measure.tokens(query)


async def _hours(query: DatasetQuery, _: TriageResult, __: DatasetInfo) -> Measurement:
    return await measure.busy_hours(query) or Measurement(missing=("at",))


async def _concentration(query: DatasetQuery, _: TriageResult, __: DatasetInfo) -> Measurement:
    return await measure.concentration(query)


async def _cost(query: DatasetQuery, triage: TriageResult, _: DatasetInfo) -> Measurement:
    return await costs(query, triage.prices_of, default_model=triage.model)


async def _latency(query: DatasetQuery, _: TriageResult, __: DatasetInfo) -> Measurement:
    return await latency(query)


async def _changes(query: DatasetQuery, triage: TriageResult, _: DatasetInfo) -> Measurement:
    return await changes(query, await lists_in(query, triage.prices_of, default_model=triage.model))


async def _waste(query: DatasetQuery, triage: TriageResult, _: DatasetInfo) -> Measurement:
    return await waste(query, await lists_in(query, triage.prices_of, default_model=triage.model))


PARTS: Final[Mapping[str, Part]] = {
    "volume": _volume,
    "tokens": _tokens,
    "hours": _hours,
    "cost": _cost,
    "concentration": _concentration,
    "latency": _latency,
    "changes": _changes,
    "waste": _waste,
}

PARTS_OF: Final[Mapping[Topic, tuple[str, ...]]] = {
    "usage": ("tokens", "hours"),
    "spend": ("tokens", "cost"),
    "concentration": ("concentration", "cost"),
    "latency": ("latency",),
    "changes": ("hours", "changes"),
    "savings": ("tokens", "cost", "concentration", "waste"),
}
"""What is measured for which question. The volume always is."""


@agent("data")
async def data(ctx: Context, input: TriageResult) -> DataResult:
    """Measure, as far as the question needs it: volume, tokens, hours, cost, concentration, latency, changes, waste."""
    if input.dataset is None:
        raise NothingToMeasure
    wanted = {"volume", *(part for topic in input.topics for part in PARTS_OF[topic])}
    names = [name for name in PARTS if name in wanted]
    turns = asyncio.Semaphore(AT_ONCE)

    async def measured(name: str) -> Measurement | Gap:
        async with turns:
            try:
                return await ctx.step("measure", measure_part, ctx, name, input, returns=Measurement, key=name)
            except StepFailed as error:
                return Gap(stage=f"data: {name}", code=error.failure.code, because=error.failure.message)

    await ctx.think(f"Measuring {', '.join(names)} of “{input.dataset.name}”", step="measure")
    async with asyncio.TaskGroup() as group:
        tasks = {name: group.create_task(measured(name)) for name in names}
    results = {name: task.result() for name, task in tasks.items()}
    found = DataResult(
        parts={name: result for name, result in results.items() if isinstance(result, Measurement)},
        gaps=tuple(result for result in results.values() if isinstance(result, Gap)),
    )
    return fitted(found, ROOM)


async def measure_part(ctx: Context, name: str, triage: TriageResult) -> Measurement:
    """One part, over a connection of its own. Raises `NotFound` when the dataset was deleted meanwhile."""
    assert triage.dataset is not None, "data is called with a dataset"
    dataset = await ctx.datasets.get(DatasetId(triage.dataset.id))
    async with ctx.datasets.open(dataset.id) as query:
        return fitted(await PARTS[name](query, triage, dataset), ROOM)
