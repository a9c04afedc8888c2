"""The sections of the team's report: each from one part of what was measured, in words that quote its figures only."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from netra.agents import narrative
from netra.agents.report import Section
from netra.agents.team.results import (
    ActionPlan,
    Criterion,
    DataNeeds,
    DataResult,
    Gap,
    OptimizationResult,
    TriageResult,
)
from netra.agents.team.topics import MEANINGS
from netra.analytics.figures import Breakdown, Chart, Figure, Measurement, Quantity, RowSelection, as_text

CHARTED: Final[Mapping[str, str]] = {
    "cost_by_model": "bar",
    "cost_by_user": "bar",
    "cost_by_feature": "bar",
    "cost_by_hour": "bar",
}
FEWEST_BARS: Final = 2
"""Bars below which there is nothing to compare."""
NONE_NAMED: Final = "(none named)"
"""What stands in a chart for the rows that have no name."""


def short(triage: TriageResult, facts: Mapping[str, Figure]) -> Section:
    """The answer in short: a line for each thing that was asked, what cannot be said included."""
    quoted: dict[str, Figure] = {}

    def text(name: str) -> str:
        # A figure stands in one section; here it is repeated under a name of its own.
        quoted[name] = facts[name].model_copy(update={"id": f"short_{name}"})
        return facts[name].text()

    lines = []
    if "requests" in facts and "input_total" in facts:
        line = f"{text('requests')} sent {text('input_total')} and were answered with {text('output_total')}"
        lines.append(line + (f", over {text('hours_covered')}." if "hours_covered" in facts else "."))
    if "cost_total" in facts:
        line = f"At list prices that costs {text('cost_total')}, {text('cost_mean')} a request: {text('cost_input')} for what"
        lines.append(f"{line} was sent and {text('cost_output')} for the answers.")
    lines += [
        f"The {column} with the most tokens, {text(f'largest_{column}')}, has {text(f'largest_{column}_share')}."
        for column in ("user", "feature", "model")
        if f"largest_{column}_share" in facts
    ]
    if "combined" in facts:
        line = f"All levers together would have saved {text('combined')} of {text('spend')}, by their assumptions between"
        lines.append(f"{line} {text('combined_low')} and {text('combined_high')}.")
    if "latency_p50" in facts:
        line = f"Half of the requests take no more than {text('latency_p50')}, nineteen in twenty no more than"
        lines.append(f"{line} {text('latency_p95')}.")
    lines += [f"{MEANINGS[topic].capitalize()} cannot be said: {because}." for topic, because in triage.lacking.items()]
    content = "\n".join(f"- {line}" for line in lines) or "Nothing was measured."
    return Section(id="short", title="In short", content=content, figures=tuple(quoted.values()))


def question(triage: TriageResult) -> Section:
    """How the question was read, and how far the data goes for it."""
    sentences = [*triage.understood]
    figures: tuple[Figure, ...] = ()
    tables: tuple[Breakdown, ...] = ()
    if triage.dataset is not None:
        rows = RowSelection(dataset_id=triage.dataset.id, filter="all rows", count=triage.dataset.rows)
        formula = "sum of weight × share over the criteria"
        figure = rows.figure("sufficiency", "How far the data goes", triage.sufficiency, "share", formula)
        figures, tables = (figure,), (_criteria(rows, triage.criteria),)
        sentences.append(f"The data goes {figure.text()} of the way, by the criteria of the table.")
    return Section(id="question", title="What was asked", content="\n\n".join(sentences), figures=figures, tables=tables)


def _criteria(rows: RowSelection, criteria: Sequence[Criterion]) -> Breakdown:
    quantities = (
        Quantity(id="weight", unit="share", formula="declared"),
        Quantity(id="met", unit="share", formula="as the column `formula` says"),
        Quantity(id="formula", unit="formula", formula="how the share is counted"),
    )
    entries = [(each.label, rows.count, (each.weight, each.met, each.because)) for each in criteria]
    return rows.breakdown("criteria", "How far the data goes", "criterion", quantities, entries)


def data_sections(triage: TriageResult, data: DataResult) -> Iterator[Section]:
    """A section for each part that was measured and found anything."""
    titles = {
        "volume": "What was read",
        "tokens": "Tokens",
        "hours": "Busy hours",
        "cost": "Cost",
        "concentration": "Where the use concentrates",
        "latency": "How long requests take",
        "changes": "What changes",
        "waste": "What is paid for nothing",
    }
    notes = triage.dataset.notes if triage.dataset is not None else ()
    for name, measured in data.parts.items():
        facts = {figure.id: figure for figure in measured.figures}
        if not facts and not measured.breakdowns:
            continue
        charts = [*measured.charts, *(chart for table in measured.breakdowns if (chart := _chart(table)) is not None)]
        yield Section(
            id=f"data_{name}",
            title=titles[name],
            content=_words(name, measured, facts, notes),
            charts=tuple(charts),
            figures=measured.figures,
            tables=measured.breakdowns,
        )


def _words(name: str, measured: Measurement, facts: Mapping[str, Figure], notes: Sequence[str]) -> str:
    match name:
        case "volume":
            words = narrative.about_data(notes, facts)
        case "tokens":
            words = narrative.about_tokens(facts)
        case "hours":
            words = narrative.about_busy_hours(facts)
        case "concentration":
            words = narrative.about_concentration(facts)
        case "cost":
            words = "\n".join(_about_cost(facts))
        case "changes":
            words = "\n".join(_about_changes(measured))
        case "waste":
            words = "\n".join(_about_waste(facts))
        case _:
            words = "\n".join(_about_latency(facts))
    return (
        "\n".join([words, *(f"- {note}" for note in measured.notes)]).strip() or "The tables and charts hold what was measured."
    )


def _about_cost(facts: Mapping[str, Figure]) -> Iterator[str]:
    if "unpriced_rows" in facts:
        yield f"- Without a list price, and so in no sum of cost: {facts['unpriced_rows'].text()}."
    if "cost_total" not in facts:
        return
    total, inputs, outputs, mean = (facts[f"cost_{part}"].text() for part in ("total", "input", "output", "mean"))
    yield f"- At list prices: {total}, of which {inputs} for input and {outputs} for output; {mean} a request."
    yield "- Discounts, cached input and batch prices are not in the log and so not in the figure."
    if "cost_top_10_percent" in facts:
        yield (
            f"- The most expensive tenth of the requests causes {facts['cost_top_10_percent'].text()} of the cost, the most "
            f"expensive hundredth {facts['cost_top_1_percent'].text()}."
        )
    if "cost_recorded" in facts:
        recorded, recomputed = facts["cost_recorded"].text(), facts["cost_recomputed"].text()
        yield f"- The log itself records {recorded}; the same rows cost {recomputed} at list prices."


def _about_latency(facts: Mapping[str, Figure]) -> Iterator[str]:
    if "latency_p50" not in facts:
        yield "- No request has a latency."
        return
    median, most, slowest = (facts[f"latency_{level}"].text() for level in ("p50", "p95", "max"))
    yield f"- Half of the requests take no more than {median}, nineteen in twenty no more than {most}, the slowest {slowest}."
    if "latency_tail_ratio" in facts:
        yield f"- The slowest hundredth takes at least {facts['latency_tail_ratio'].text()} times the median."


def _about_changes(measured: Measurement) -> Iterator[str]:
    tables = {table.id: table for table in measured.breakdowns}
    if "shifts" not in tables:
        return
    shifts, trends = tables["shifts"], tables["trends"]
    beginnings = shifts.column("at")
    shifted = [name for name, answer in shifts.column("shifted").items() if answer == "yes"]
    yield from (f"- The level of {name} is another one from {as_text(beginnings[name], 'UTC')} on." for name in shifted)
    moving = {name: trend for name, trend in trends.column("trend").items() if trend != "none"}
    yield from (f"- The trend of {name} is {trend}, more surely than chance would have it." for name, trend in moving.items())
    if not shifted and not moving:
        yield "- No level has shifted, and nothing rises or falls that chance would not explain."
    for name, table in tables.items():
        if name.startswith("outliers_") and table.entries:
            yield f"- {table.title}, {table.entries[0].key} UTC most of all."


def _about_waste(facts: Mapping[str, Figure]) -> Iterator[str]:
    def text(name: str) -> str:
        return facts[name].text()

    found = {name for name, figure in facts.items() if figure.value}
    if "failed_requests" in found:
        line = f"- {text('failed_requests')} failed, {text('failed_share')} of those whose end is known"
        yield line + (f"; their tokens cost {text('failed_cost')}." if "failed_cost" in facts else ".")
    if "retries" in found:
        yield f"- {text('retries')} look like retries and cost {text('retries_cost')}."
    if "repeated_rows" in found:
        yield f"- There twice, the same in every column: {text('repeated_rows')}, of {text('repeated_rows_cost')}."
    if "alike_requests" in found:
        yield f"- As large as the one before, and soon after it: {text('alike_requests')}, of {text('alike_requests_cost')}."
    if "cached_input_share" in facts:
        yield f"- The provider's cache gave {text('cached_input_share')} of the input."
    if not found:
        yield "- Nothing was found that was paid for nothing, as far as the log can say."


def _chart(table: Breakdown) -> Chart | None:
    """A bar for each entry of a table of costs."""
    if table.id not in CHARTED:
        return None
    marks = [(NONE_NAMED if key is None else key, value) for key, value in table.column("cost").items() if value is not None]
    if len(marks) < FEWEST_BARS:
        return None
    return table.rows.chart(f"{table.id}_chart", table.title, "bar", (table.by, "USD"), marks, table.quantities[0].formula)


def savings_section(result: OptimizationResult) -> Section:
    """What could be saved, by each lever, what cannot be computed included."""
    savings = result.savings
    lines = [
        (
            f"Over the period of the log, all levers together would have saved {savings.combined.text()} of the "
            f"{savings.spend.text()} at list prices: {savings.combined_low.text()} at the least and "
            f"{savings.combined_high.text()} at the most, by what each takes for granted. They reach into each other, so the "
            "whole is less than the sum."
        ),
        "",
    ]
    for lever in savings.levers:
        saving, low, high = (figure.text() for figure in (lever.saving, lever.low, lever.high))
        lines.append(f"- {lever.title}: {saving} alone (from {low} to {high}), {lever.added.text()} on top of those before it.")
        lines += [f"- Taken for granted: {assumption}" for assumption in lever.assumptions]
    lines += [f"- {each.title}: nothing computed. {each.reason}" for each in savings.uncomputed]
    lines += [f"- {note}" for note in savings.notes]
    points = [(lever.title, value) for lever in savings.levers if not isinstance(value := lever.saving.value, str) and value]
    title, formula = "What each lever would have saved alone", "the saving of each lever alone, the expected case"
    chart = savings.spend.rows.chart("saving_by_lever", title, "bar", ("lever", "USD"), points, formula) if points else None
    return Section(
        id="savings",
        title="How to spend less",
        content="\n".join(lines),
        charts=(chart,) if chart is not None else (),
        figures=tuple(savings.figures()),
        tables=tuple(table for lever in savings.levers if (table := lever.breakdown) is not None and table.entries),
    )


def plan_section(plan: ActionPlan, facts: Mapping[str, Figure], *, waiting: bool = False) -> Section:
    """What to do, in order, and what of it is approved; `waiting` says that its user is being asked."""
    if not plan.actions:
        return Section(id="plan", title="Plan", content="No lever saves anything on these requests, so nothing is to be done.")
    titles = {action.id: action.title for action in plan.actions}
    quoted: list[Figure] = []
    lines = []
    for action in plan.actions:
        line = f"1. {action.title} ({action.state}). {action.what} Owner: {action.owner}; effort {action.effort}, "
        line += f"risk {action.risk}"
        if action.saving is not None and action.saving in facts:
            # A figure stands in one section; here it is repeated under a name of its own.
            quoted.append(facts[action.saving].model_copy(update={"id": f"plan_{action.saving}"}))
            line += f"; saves {quoted[-1].text()} alone"
        if action.needs:
            line += f"; after: {', '.join(titles[name].lower() for name in action.needs)}"
        lines.append(f"{line}. Danger: {action.danger} To undo it: {action.rollback}")
    asked = "You have decided on it." if plan.asked else "Nobody has decided on it yet: every step is a proposal."
    if waiting:
        asked = "It waits for your decision: answer the question of the run, and the report is written once more with it."
    return Section(id="plan", title="Plan", content="\n".join([asked, "", *lines]), figures=tuple(quoted))


def needs_section(needs: DataNeeds) -> Section | None:
    """What to bring. None when nothing is missing."""
    if not needs.items:
        return None
    lines = [
        f"- {need.what.capitalize() if need.what[0].islower() else need.what}. {need.why} {need.how}" for need in needs.items
    ]
    return Section(id="needs", title="What to bring for a better answer", content="\n".join(lines))


def gaps_section(gaps: Sequence[Gap]) -> Section | None:
    """What is missing from the report, and why. None when nothing is."""
    if not gaps:
        return None
    lines = [f"- {gap.stage.capitalize()}: {gap.because}" for gap in gaps]
    return Section(id="gaps", title="What is missing from this report", content="\n".join(lines))
