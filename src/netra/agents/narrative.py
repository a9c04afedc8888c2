"""The words of a spend report: from figures to sections, next steps and a summary.

Everything here is a function of what was measured, and writes no number but as a figure shows it. A sentence whose figure is
missing is left out, never filled in.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from netra.agents.report import Report, Section
from netra.analytics.figures import Figure, Measurement
from netra.analytics.prices import PriceList
from netra.datasets.store import DatasetInfo
from netra.models.run_model import Prose

FEWEST_REQUESTS: Final = 20
"""Below this many requests nothing is said of a distribution: the 95th percentile would be the largest request."""

BRING: Final = (
    "Bring the log of at least a day, better a week: one row a request, as CSV or JSON Lines.",
    "Give each row its input tokens and output tokens; without both it cannot be priced.",
    "Give each row the time of the request, with its zone, to see when the spend happens.",
    "Give each row the user, the feature and the model, to see who and what causes the spend.",
)


def full_report(
    title: str, dataset: DatasetInfo, prices: PriceList, measured: Mapping[str, Measurement], cost: Measurement
) -> Report:
    """The report over a log that is large enough; without times it is a partial one that names the gap."""
    facts = _by_id(*measured.values(), cost)
    timed = "busy_hours" in measured
    sections = [
        Section(id="data", title="What was read", content=about_data(dataset.notes, facts), figures=measured["volume"].figures),
        Section(
            id="tokens",
            title="Tokens",
            content=about_tokens(facts),
            charts=measured["tokens"].charts,
            figures=measured["tokens"].figures,
        ),
        Section(id="cost", title="Cost", content=_cost(prices, facts), charts=cost.charts, figures=cost.figures),
        Section(
            id="concentration",
            title="Where the spend concentrates",
            content=about_concentration(facts),
            charts=measured["concentration"].charts,
            figures=measured["concentration"].figures,
        ),
    ]
    if timed:
        busy = measured["busy_hours"]
        sections.insert(
            2,
            Section(
                id="busy_hours", title="Busy hours", content=about_busy_hours(facts), charts=busy.charts, figures=busy.figures
            ),
        )
    return Report(
        report_type="full_analysis" if timed else "partial_analysis",
        title=title,
        sections=tuple(sections),
        next_steps=tuple(_next_steps(prices, facts, timed)),
        data_completeness=_completeness(facts),
        metadata={
            **_origin(dataset),
            "prices": {
                "model": prices.model,
                "source": prices.version,
                "read_at": prices.read_at.isoformat(),
                "formula": prices.formula(cached="input_cached" in facts),
            },
            "assumptions": list(cost.notes),
            "percentiles": "linear interpolation at position p × (n − 1) in rising order (quantile_cont)",
            "timezone": "UTC",
            "gaps": [] if timed else ["busy_hours: no row of the dataset has a time"],
        },
    )


def guidance(title: str, dataset: DatasetInfo, volume: Measurement) -> Report:
    """The report over a log that is too small: it says so, and what to bring."""
    facts = _by_id(volume)
    content = (
        f"The dataset holds {facts['requests'].text()}, too few to say how spend is distributed. "
        "No figure of tokens or cost is given, because it would not hold for any other day."
    )
    return Report(
        report_type="guidance",
        title=title,
        sections=(Section(id="data", title="What was read", content=content, figures=volume.figures),),
        next_steps=BRING,
        data_completeness=_completeness(facts),
        metadata={
            **_origin(dataset),
            "fewest_requests": FEWEST_REQUESTS,
            "gaps": ["tokens", "cost", "concentration", "busy_hours"],
        },
    )


def summary(report: Report) -> str:
    """What the agent says when the report is ready."""
    facts = {figure.id: figure for figure in report.figures()}
    if "cost_total" not in facts:
        return f"I read {facts['requests'].text()}, too few for an analysis. The report lists what to bring."
    text = (
        f"{facts['requests'].text()} with {facts['input_total'].text()} in and {facts['output_total'].text()} out "
        f"cost {facts['cost_total'].text()} at list prices, {facts['cost_mean'].text()} each."
    )
    if "cost_top_10_percent" in facts:
        text += f" The most expensive tenth of them causes {facts['cost_top_10_percent'].text()} of that."
    return f"{text} Next: {report.next_steps[0]}"


def with_prose(report: Report, prose: Prose) -> Report:
    """The report with a language model's words in front, and what there is to say of them."""
    if prose.by_model:
        section = Section(id="in_short", title="In short", content=prose.text)
        report = report.model_copy(update={"sections": (section, *report.sections)})
    if prose.notes:
        notes = [{"code": note.code, "text": note.text} for note in prose.notes]
        report = report.model_copy(update={"metadata": {**report.metadata, "model_notes": notes}})
    return report


def _by_id(*measured: Measurement) -> dict[str, Figure]:
    return {figure.id: figure for measurement in measured for figure in measurement.figures}


def _completeness(facts: Mapping[str, Figure]) -> float:
    return float(facts["data_completeness"].value)


def _origin(dataset: DatasetInfo) -> dict[str, object]:
    """Where the figures come from, for the metadata."""
    return {
        "dataset": {
            "id": str(dataset.id),
            "name": dataset.name,
            "sha256": dataset.sha256,
            "mapping": dict(dataset.mapping),
            "problems": [dict(problem) for problem in dataset.problems],
            "notes": list(dataset.notes),
        }
    }


def about_data(notes: Sequence[str], facts: Mapping[str, Figure]) -> str:
    """What was read: how much, over which time, how complete, and what the import noted."""
    text = f"{facts['requests'].text()} were read"
    if "first_at" in facts:
        text += f", from {facts['first_at'].text()} to {facts['last_at'].text()}, over {facts['hours_covered'].text()}"
    text += f". The data holds {facts['data_completeness'].text()} of what could be known of each request."
    return "\n".join([text, *(f"- {note}" for note in notes)])


def about_tokens(facts: Mapping[str, Figure]) -> str:
    """How large the requests are."""
    return "\n".join(
        f"- {side.capitalize()}: {facts[f'{side}_total'].text()} in all. Half of the requests have no more than "
        f"{facts[f'{side}_p50'].text()}, nineteen in twenty no more than {facts[f'{side}_p95'].text()}; the mean is "
        f"{facts[f'{side}_mean'].text()}, the largest has {facts[f'{side}_max'].text()}."
        for side in ("input", "output")
    )


def about_busy_hours(facts: Mapping[str, Figure]) -> str:
    """When most requests came."""
    lines = []
    for rank in (1, 2, 3):
        if f"busy_hour_{rank}" in facts:
            hour, requests, share = (facts[f"busy_hour_{rank}{part}"].text() for part in ("", "_requests", "_share"))
            lines.append(f"- The hour from {hour}: {requests}, {share} of those with a time.")
    return "The busiest calendar hours, in UTC:\n\n" + "\n".join(lines)


def _cost(prices: PriceList, facts: Mapping[str, Figure]) -> str:
    total, inputs, outputs, mean = (facts[f"cost_{part}"].text() for part in ("total", "input", "output", "mean"))
    text = (
        f"At the list prices of {prices.model} these requests cost {total}: {inputs} for input and {outputs} for output, "
        f"{mean} a request. "
    )
    if "input_cached" not in facts:
        text += "Discounts, cached input and batch prices are not in the log and so not in the figure."
    else:
        how = "in full, because the list has no other price for that" if prices.bills_cache_in_full else "at the price of that"
        text += (
            f"Of the input, {facts['input_cached'].text()} came from the provider's cache and are billed {how}. "
            "Discounts and batch prices are not in the log and so not in the figure."
        )
    if "requests_above_step" in facts and facts["requests_above_step"].value:
        text += f" {facts['requests_above_step'].text()} are so long that the provider bills them higher."
    if "cost_recorded" in facts:
        text += f" The log itself records {facts['cost_recorded'].text()}."
    return text


def about_concentration(facts: Mapping[str, Figure]) -> str:
    """How unevenly tokens and cost are spread."""
    lines = []
    if "tokens_gini" in facts:
        lines.append(
            f"- The largest tenth of the requests holds {facts['tokens_top_10_percent'].text()} of all tokens, the largest "
            f"hundredth {facts['tokens_top_1_percent'].text()} (Gini {facts['tokens_gini'].text()})."
        )
    if "cost_top_10_percent" in facts:
        lines.append(
            f"- The most expensive tenth causes {facts['cost_top_10_percent'].text()} of the cost, the most expensive "
            f"hundredth {facts['cost_top_1_percent'].text()}."
        )
    for column in ("user", "model", "feature"):
        if f"largest_{column}" in facts:
            count, name, share = (facts[part].text() for part in (f"{column}s", f"largest_{column}", f"largest_{column}_share"))
            lines.append(f"- Of {count}, {name} has the most tokens: {share}.")
    return "\n".join(lines) or "No request holds any tokens, so there is nothing to concentrate."


def _next_steps(prices: PriceList, facts: Mapping[str, Figure], timed: bool) -> Iterator[str]:
    total, output = facts["cost_total"], facts["cost_output"]
    if float(total.value):
        if float(output.value) * 2 > float(total.value):
            yield f"Shorten answers first: output causes {output.text()} of {total.text()}."
        else:
            yield f"Shorten or cache prompts first: input causes {facts['cost_input'].text()} of {total.text()}."
        lines = ", ".join(map(str, facts["cost_top_1_percent"].rows.lines))
        yield f"Read the most expensive requests and ask whether they are needed: lines {lines} of the file."
    yield f"Run this report again with a cheaper model than {prices.model}, and compare the two totals."
    if not timed:
        yield "Add the time of each request to the log, to see when the spend happens."
    if missing := [column for column in ("user", "feature", "model") if f"largest_{column}" not in facts]:
        names = ", ".join(missing)
        yield f"Add to the log, for each request, its {names}: without that nobody can say who or what causes the spend."
    if facts["rejected_rows"].value:
        yield f"Mend the {facts['rejected_rows'].text()} that could not be read; the dataset lists them with their lines."
