"""Triage: what is asked, on which data, and how far that data goes."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from pydantic import BaseModel

from netra.agents.context import Context, Understanding
from netra.agents.definition import agent
from netra.agents.narrative import FEWEST_REQUESTS
from netra.agents.team.results import COLUMNS, TOPICS, Criterion, DatasetFacts, TeamRequest, Topic, TriageResult
from netra.agents.team.topics import MEANINGS, read_question
from netra.analytics import measure
from netra.analytics.costs import NO_MODEL, lists_of, models_of
from netra.analytics.figures import as_shown
from netra.analytics.prices import UnknownModel
from netra.datasets.query import DatasetQuery
from netra.datasets.store import DatasetInfo
from netra.errors import NotFound
from netra.runs.failure import StepFailed

PROBLEMS_SHOWN: Final = 10
"""Rows that could not be read which the report repeats; the dataset has more."""
DATASETS_OFFERED: Final = 50
"""Of a user's datasets, the newest, which a question may name."""

LACKS: Final[Mapping[Topic, str]] = {
    "spend": "no row names a model that the price list has, and none was named for them",
    "savings": "no row names a model that the price list has, and none was named for them",
    "latency": "no row has a latency",
    "changes": "no row has a time",
}
TOO_FEW: Final = "the dataset holds too few requests to say how anything is distributed"
NOTHING: Final = "there is no dataset"


class TriageFindings(BaseModel):
    """What is known of the data before anything is measured: the same for the whole run, whatever changes meanwhile."""

    moment: datetime
    dataset: DatasetFacts | None = None
    columns: dict[str, int] = {}
    priced: int = 0
    """How many rows have a list price."""
    model: str | None = None
    remarks: tuple[str, ...] = ()
    """What was asked for and is not there."""


@agent("triage")
async def triage(ctx: Context, input: TeamRequest) -> TriageResult:
    """Read the question, find the dataset it is about, and say whether the data is enough for an answer."""
    names = await ctx.step("list datasets", list_names, ctx, returns=tuple[str, ...])
    understood = await _understand(ctx, input.question, names)
    found = await ctx.step("look", look, ctx, input, understood.dataset, returns=TriageFindings)
    return judge(input, understood, found)


def judge(request: TeamRequest, understood: Understanding, found: TriageFindings) -> TriageResult:
    """What is asked of the data, and how far that goes for it."""
    asked = [topic for topic in TOPICS if topic in {*understood.topics, *request.topics}]
    topics = tuple(asked or TOPICS)
    lacking = {topic: because for topic in topics if (because := _lacks(found, topic)) is not None}
    criteria = tuple(_criteria(found, len(topics) if asked else 0, len(lacking)))
    chosen = f"You asked for {', '.join(MEANINGS[topic] for topic in request.topics)}." if request.topics else None
    return TriageResult(
        question=request.question,
        topics=topics,
        understood=tuple(sentence for sentence in (understood.because, chosen, *found.remarks) if sentence),
        dataset=found.dataset,
        columns=found.columns,
        model=found.model,
        prices_of=found.moment,
        criteria=criteria,
        lacking=lacking,
        sufficiency=round(sum(criterion.points for criterion in criteria), 6),
    )


async def list_names(ctx: Context) -> tuple[str, ...]:
    """The names of the user's newest datasets."""
    return tuple(info.name for info in (await ctx.datasets.list(limit=DATASETS_OFFERED)).items)


async def _understand(ctx: Context, question: str, names: tuple[str, ...]) -> Understanding:
    """By the server's language model, when there is one and it answers; else by the declared words."""
    declared = read_question(question, names)
    if ctx.linguist is None or not question.strip():
        return declared
    try:
        read = await ctx.step("understand", ctx.linguist.understand, ctx, question, MEANINGS, names, returns=Understanding)
    except StepFailed as error:
        return Understanding(declared.topics, declared.dataset, f"{declared.because} ({error.failure.message})")
    # A model may name what it was not offered.
    dataset = read.dataset if read.dataset in names else declared.dataset
    return Understanding(tuple(topic for topic in read.topics if topic in TOPICS), dataset, read.because)


async def look(ctx: Context, request: TeamRequest, named: str | None) -> TriageFindings:
    """Find the dataset and what its rows carry. What is not there becomes a remark, for a report can be written without."""
    async with ctx.db.transaction() as connection:
        (now,) = await (await connection.execute("SELECT now()")).fetchone() or ()
    info, remarks = await _choose(ctx, request.dataset, named)
    model = request.model
    if model is not None:
        try:
            await lists_of((), now, {NO_MODEL: model})
        except UnknownModel as error:
            model = None
            remarks += (error.detail,)
    if info is None:
        return TriageFindings(moment=now, model=model, remarks=remarks)
    async with ctx.datasets.open(info.id) as query:
        found = await survey(query, info, model, now)
    return found.model_copy(update={"remarks": remarks})


async def survey(query: DatasetQuery, info: DatasetInfo, model: str | None, moment: datetime) -> TriageFindings:
    """What the rows carry, and how many of them have a list price at this moment."""
    count, _, _, columns = await query.fetch_one(measure.SQL["count_columns"])
    models = await models_of(query)
    lists = await lists_of(list(models), moment, {NO_MODEL: model} if model is not None else {})
    return TriageFindings(
        moment=moment,
        dataset=_facts(info, count),
        columns=dict(zip(COLUMNS, columns, strict=True)),
        priced=sum(rows for name, rows in models.items() if name in lists),
        model=model,
    )


async def _choose(ctx: Context, reference: str | None, named: str | None) -> tuple[DatasetInfo | None, tuple[str, ...]]:
    """The dataset that the user or the question names, else the newest, and what is to be said about that."""
    if (wanted := reference or named) is not None:
        try:
            return await ctx.datasets.find(wanted), ()
        except NotFound:
            return None, (f"None of your datasets is called “{as_shown(wanted)}”.",)
    page = await ctx.datasets.list(limit=2)
    if not page.items:
        return None, ("You have not uploaded a dataset yet.",)
    newest = page.items[0]
    if len(page.items) == 1:
        return newest, ()
    return newest, (f"Of your datasets the newest was taken, “{newest.name}”; name another one to have that looked at.",)


def _facts(info: DatasetInfo, rows: int) -> DatasetFacts:
    return DatasetFacts(
        id=info.id,
        name=info.name,
        rows=rows,
        rejected=info.rejected,
        sha256=info.sha256,
        mapping=dict(info.mapping),
        problems=tuple(dict(problem) for problem in info.problems[:PROBLEMS_SHOWN]),
        notes=info.notes,
    )


def _lacks(found: TriageFindings, topic: Topic) -> str | None:
    """What the data lacks for an answer to this; None when it has it."""
    if found.dataset is None:
        return NOTHING
    if found.dataset.rows < FEWEST_REQUESTS:
        return TOO_FEW
    there = {"latency": found.columns["latency_ms"], "changes": found.columns["at"]}.get(topic, found.priced)
    return LACKS.get(topic) if not there else None


def _criteria(found: TriageFindings, asked: int, lacking: int) -> list[Criterion]:
    """How far the data goes. Of too few requests nothing counts but that they could be read."""
    dataset, columns = found.dataset, found.columns
    rows = dataset.rows if dataset is not None else 0
    counted = rows if rows >= FEWEST_REQUESTS else 0

    def share(part: int, whole: int) -> float:
        return part / whole if whole else 0.0

    readable = share(rows, rows + (dataset.rejected if dataset is not None else 0))
    answerable = share(asked - lacking, asked) if asked else float(bool(counted))
    weighed = (
        ("readable", "Rows that could be read", 0.2, readable, "rows that were read / rows of the file"),
        ("times", "Requests with a time", 0.2, share(columns.get("at", 0), counted), "count(at) / count(*)"),
        ("prices", "Requests with a list price", 0.25, share(found.priced, counted), "rows with a list price / count(*)"),
        (
            "names",
            "Requests that name who caused them",
            0.1,
            share(max(columns.get("user", 0), columns.get("feature", 0)), counted),
            "the larger of count(user) and count(feature) / count(*)",
        ),
        ("asked", "Of what is asked, what the data can answer", 0.25, answerable, "topics it can answer / topics asked"),
    )
    return [
        Criterion(id=name, label=label, weight=weight, met=min(met, 1.0), because=because)
        for name, label, weight, met, because in weighed
    ]
