"""The tools that say what a usage log says: its workload, latency, cost, what to expect, what to choose, what to cache.

Each reads one dataset of the caller and answers with figures that name their rows and formula; what the data does not hold is
listed under `missing` and in `notes`, never made up. They write nothing, so doing one again after a crash does no harm.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import to_jsonable_python

from netra.analytics import measure, prefixes
from netra.analytics.capacity import Capacity, Positive, Throughput, predict_queue
from netra.analytics.changes import changes
from netra.analytics.costs import costs, lists_in
from netra.analytics.figures import Measurement
from netra.analytics.frontier import Candidate, Weights, frontier
from netra.analytics.latency import latency
from netra.analytics.prediction import fit_latency, predict_latency
from netra.analytics.prefixes import PromptColumns
from netra.analytics.queueing import MOST_SERVERS
from netra.analytics.savings import find_savings
from netra.analytics.shrinking import shrink
from netra.analytics.waste import waste
from netra.analytics.workload import workload
from netra.clock import Clock
from netra.datasets.store import DatasetInfo, Datasets
from netra.tools.tool import Call, Tool, tool
from netra.tools.toolbox import LARGEST

QUERY_LIMIT: Final = 60.0
"""Seconds for a tool that queries a dataset. A log of a million requests took each of them three at most."""
AUDIT_LIMIT: Final = 120.0
"""Seconds for the one that reads the original file once more. 200 MB of prompts took it twelve."""
MOST_ENTRIES: Final = 25
"""Entries of one table. A name in a dataset may have 200 characters of four bytes, and a result is to fit into an event."""
MOST_CANDIDATES: Final = 20
MOST_ALIASES: Final = 50

DatasetReference = Annotated[
    str,
    Field(min_length=1, max_length=200, description="The id or the name of one of your datasets; of one name the newest."),
]
Top = Annotated[int, Field(ge=1, le=MOST_ENTRIES, description="How many entries each table shows at most.")]
ModelName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
ColumnName = Annotated[str, Field(min_length=1, max_length=1000)]


class RequestSize(BaseModel):
    """The size of a request whose latency is to be predicted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input_tokens: int = Field(ge=0, le=10**12)
    output_tokens: int = Field(ge=0, le=10**12)


def workload_tools(datasets: Datasets, clock: Clock) -> tuple[Tool, ...]:
    """The tools of a server that keeps these datasets; prices are those of the clock's moment."""

    @tool("analyze_workload", category="analytics", permission="analytics", time_limit=QUERY_LIMIT)
    async def analyze_workload(call: Call, dataset: DatasetReference, top: Top = measure.LARGEST_NAMES) -> dict[str, Any]:
        """Say what a workload is like: volume, tokens, arrival rate, bursts, busy hours, and who sends how much of it."""
        found = await datasets.find(call.user_id, dataset)
        async with datasets.open(call.user_id, found.id) as query:
            return _fitting(_answer(found, await workload(query, found, top=top)))

    @tool("latency_analyzer", category="optimization", permission="advanced_optimization", time_limit=QUERY_LIMIT)
    async def latency_analyzer(call: Call, dataset: DatasetReference, top: Top = measure.LARGEST_NAMES) -> dict[str, Any]:
        """Say how long requests take: percentiles in all, by model, feature, user, hour and size, and the slowest by line."""
        found = await datasets.find(call.user_id, dataset)
        async with datasets.open(call.user_id, found.id) as query:
            return _fitting(_answer(found, await latency(query, top=top)))

    @tool("cost_analyzer", category="optimization", permission="advanced_optimization", time_limit=QUERY_LIMIT)
    async def cost_analyzer(
        call: Call,
        dataset: DatasetReference,
        model: Annotated[
            ModelName | None, Field(description="Prices the rows that name no model, for example openai:gpt-4o.")
        ] = None,
        aliases: Annotated[
            dict[ModelName, ModelName],
            Field(max_length=MOST_ALIASES, description="Names in your log, each with the model of the price list that it is."),
        ] = {},  # noqa: B006 - pydantic copies it
        top: Top = measure.LARGEST_NAMES,
        also: Annotated[
            list[Literal["changes", "savings", "waste"]],
            Field(
                max_length=3,
                description="What else to answer: outliers, shifts and trends; what each lever would have saved; what was paid "
                "for nothing.",
            ),
        ] = [],  # noqa: B006 - pydantic copies it
    ) -> dict[str, Any]:
        """Price every request at the list prices of its own model: by model, user, feature and hour, against what was paid."""
        found = await datasets.find(call.user_id, dataset)
        async with datasets.open(call.user_id, found.id) as query:
            at = clock.now()
            answer = _answer(found, await costs(query, at, default_model=model, aliases=aliases, top=top))
            lists = await lists_in(query, at, default_model=model, aliases=aliases)
            if "changes" in also:
                answer["changes"] = await changes(query, lists, top=top)
            if "savings" in also:
                answer["savings"] = await find_savings(query, at, default_model=model, aliases=aliases)
            if "waste" in also:
                answer["waste"] = await waste(query, lists, top=top)
        return _fitting(answer)

    @tool("performance_predictor", category="optimization", permission="advanced_optimization", time_limit=QUERY_LIMIT)
    async def performance_predictor(
        call: Call,
        dataset: DatasetReference,
        request: Annotated[RequestSize | None, Field(description="A request whose latency is to be predicted.")] = None,
        servers: Annotated[int | None, Field(ge=1, le=MOST_SERVERS, description="How many take requests.")] = None,
        traffic: Annotated[Positive, Field(description="The factor by which the log's requests are multiplied.")] = 1.0,
        arrivals: Annotated[
            Literal["mean", "busiest_minute", "busiest_hour"], Field(description="Which rate of the log to expect.")
        ] = "mean",
        throughput: Annotated[
            Throughput | None, Field(description="How fast one server works; without it, the latency of the log counts.")
        ] = None,
        target_wait_ms: Annotated[
            float | None, Field(ge=0, le=1e9, description="The wait to find the smallest number of servers for.")
        ] = None,
        target_share: Annotated[
            float, Field(gt=0, lt=1, description="The share of requests that is to wait no longer.")
        ] = 0.95,
    ) -> dict[str, Any]:
        """Predict the latency of a request out of its size, with its error, and the wait for a server at a changed traffic."""
        found = await datasets.find(call.user_id, dataset)
        async with datasets.open(call.user_id, found.id) as query:
            fit = await fit_latency(query)
            measured = fit.measurement
            if fit.model is not None and request is not None:
                measured += predict_latency(fit.model, request.input_tokens, request.output_tokens)
            if servers is not None or target_wait_ms is not None:
                capacity = Capacity(
                    servers=servers,
                    traffic=traffic,
                    arrivals=arrivals,
                    throughput=throughput,
                    target_wait_ms=target_wait_ms,
                    target_share=target_share,
                )
                measured += (await predict_queue(query, capacity)).measurement
        return _fitting(_answer(found, measured))

    @tool("multi_objective_optimization", category="optimization", permission="advanced_optimization", time_limit=QUERY_LIMIT)
    async def multi_objective_optimization(
        call: Call,
        dataset: DatasetReference,
        candidates: Annotated[list[Candidate], Field(min_length=1, max_length=MOST_CANDIDATES)],
        weights: Annotated[Weights | None, Field(description="What counts how much; all alike when not given.")] = None,
    ) -> dict[str, Any]:
        """Compare models over a dataset's own requests by cost, latency and quality, and choose among those nobody beats."""
        found = await datasets.find(call.user_id, dataset)
        async with datasets.open(call.user_id, found.id) as query:
            compared = await frontier(query, candidates, clock.now(), weights)
        unbeaten = [point.name for point in compared.points if not point.dominated_by]
        answer = _answer(found, compared.measurement)
        return _fitting({**answer, "objectives": compared.objectives, "frontier": unbeaten, "choice": compared.choice})

    @tool("kv_cache_optimization_audit", category="optimization", permission="advanced_optimization", time_limit=AUDIT_LIMIT)
    async def kv_cache_optimization_audit(
        call: Call,
        dataset: DatasetReference,
        block_characters: Annotated[
            int, Field(ge=16, le=prefixes.LARGEST_BLOCK, description="Characters of the blocks that a cache keeps.")
        ] = prefixes.BLOCK,
        lifetime_seconds: Annotated[
            float, Field(ge=0, le=1e7, description="Seconds for which a cache keeps what nobody uses.")
        ] = prefixes.LIFETIME,
        prompt_columns: Annotated[
            list[ColumnName], Field(max_length=5, description="Columns of the file that hold the prompt, in their order.")
        ] = [],  # noqa: B006 - pydantic copies it
        cached_column: Annotated[
            ColumnName | None, Field(description="The column of the file that holds the cached tokens.")
        ] = None,
        top: Top = measure.LARGEST_NAMES,
    ) -> dict[str, Any]:
        """Measure how much of what was sent had been sent before, and how much of it a cache really read."""
        found = await datasets.find(call.user_id, dataset)

        def columns_of(columns: Sequence[str]) -> PromptColumns:
            return PromptColumns.find(columns, found.mapping, prompt_columns, cached_column)

        def pick(columns: Sequence[str]) -> Sequence[str]:
            return columns_of(columns).texts

        async with datasets.open_original(call.user_id, found.id, pick) as query:
            columns = columns_of(query.columns)
            measured = await prefixes.prefixes(query, columns, block=block_characters, lifetime=lifetime_seconds, top=top)
        answer = _answer(found, measured)
        return _fitting({**answer, "prompt_columns": columns.prompts, "cached_column": columns.cached})

    return (
        analyze_workload,
        cost_analyzer,
        latency_analyzer,
        performance_predictor,
        multi_objective_optimization,
        kv_cache_optimization_audit,
    )


def _answer(dataset: DatasetInfo, measured: Measurement) -> dict[str, Any]:
    """A measurement as the result of a tool, with the dataset that it was made on."""
    of = {"id": dataset.id, "name": dataset.name, "rows": dataset.rows, "rejected": dataset.rejected, "notes": dataset.notes}
    return {"dataset": of, **{name: getattr(measured, name) for name in type(measured).model_fields}}


def _fitting(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer in plain JSON types, with less of its tables and charts, and a note of that, where all would not fit."""
    return shrink(to_jsonable_python(answer, inf_nan_mode="constants"), LARGEST)
