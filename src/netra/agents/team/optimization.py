"""Optimization: what each lever would have saved, and all together, computed over the same rows as the spend."""

from typing import Final

from netra.agents.context import Context
from netra.agents.definition import agent
from netra.agents.team.results import OptimizationResult, TriageResult
from netra.analytics.savings import Savings, find_savings
from netra.analytics.shrinking import fitted
from netra.ids import DatasetId

ROOM: Final = 64 * 1024
"""Bytes of the savings as JSON. Beyond them a table shows fewer groups, and says so."""


class NothingToSave(Exception):
    """There is no dataset to save on."""


@agent("optimization")
async def optimization(ctx: Context, input: TriageResult) -> OptimizationResult:
    """Compute the savings: model substitution, shorter prompts and answers, caching, batches, hours, commitment."""
    await ctx.think("Billing every request as it was, and as each lever would have it", step="savings")
    return OptimizationResult(savings=await ctx.step("find savings", find, ctx, input, returns=Savings))


async def find(ctx: Context, triage: TriageResult) -> Savings:
    """The savings over the dataset of this triage, at the prices of its moment."""
    if triage.dataset is None:
        raise NothingToSave
    async with ctx.datasets.open(DatasetId(triage.dataset.id)) as query:
        return fitted(await find_savings(query, triage.prices_of, default_model=triage.model), ROOM)
