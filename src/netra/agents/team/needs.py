"""What to bring: whatever would let the team answer more than it can."""

from collections.abc import Iterator
from typing import Final

from netra.agents.context import Context
from netra.agents.definition import agent
from netra.agents.narrative import FEWEST_REQUESTS
from netra.agents.team.results import DataNeeds, Need, TriageResult

FORMATS: Final = (
    "Upload it at POST /api/datasets: CSV or JSON Lines with a header, OpenTelemetry GenAI spans as OTLP JSON, or an export of "
    "LiteLLM or Langfuse. A day is the least, a week shows its rhythm."
)
NEEDED: Final = {
    "at": Need(
        what="the time of each request, with its zone",
        why="Without times nobody can say when the spend happens, what has changed, or what was unusual.",
        how="A column `at` or `timestamp`, in ISO form with its zone, or as a Unix time.",
    ),
    "model": Need(
        what="the model of each request",
        why="Prices differ a hundredfold between models: without a model a request has no price.",
        how="A column `model` with the provider's own name; or give `model` with your question, if all requests had one.",
    ),
    "user": Need(
        what="who caused each request: the user or customer",
        why="Without names nobody can say who causes the spend.",
        how="A column `user`; a pseudonym that stays the same will do.",
    ),
    "feature": Need(
        what="the feature of your product that each request belongs to",
        why="Savings are decided feature by feature.",
        how="A column `feature`, or a tag of your gateway.",
    ),
    "latency_ms": Need(
        what="how long each request took",
        why="A cheaper model that is slower may be no gain; without latencies that cannot be told.",
        how="A column `latency_ms`, in milliseconds.",
    ),
    "cost_usd": Need(
        what="what each request was billed",
        why="What was paid is compared with list prices: a discount, or a mistake of the bill, shows there only.",
        how="A column `cost_usd`, in US dollars.",
    ),
}


@agent("data_helper")
async def what_to_bring(ctx: Context, input: TriageResult) -> DataNeeds:
    """Say what to bring for a better answer, the most useful first, and how."""
    needs = DataNeeds(items=tuple(needs_of(input)))
    await ctx.think("Nothing is missing" if not needs.items else f"To bring: {', '.join(need.what for need in needs.items)}")
    return needs


def needs_of(triage: TriageResult) -> Iterator[Need]:
    """What this data lacks, the most useful first."""
    dataset = triage.dataset
    if dataset is None:
        yield Need(what="a log of your requests to language models", why="There is nothing to measure yet.", how=FORMATS)
        return
    if dataset.rows < FEWEST_REQUESTS:
        yield Need(what="a longer log", why="Of so few requests nothing can be said that holds for another day.", how=FORMATS)
    # Where a model was named for the rows without one, nothing is lost with the column.
    there = dict(triage.columns) | ({"model": dataset.rows} if triage.model is not None else {})
    for column, need in NEEDED.items():
        if not there.get(column):
            yield need
    if dataset.rejected:
        yield Need(
            what="the rows that could not be read, mended",
            why="What they cost is in no figure of the report.",
            how="The dataset lists them with their lines and the reason.",
        )
