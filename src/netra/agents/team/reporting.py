"""Reporting: one report out of whatever the others have found. It always answers, and never with more than they found."""

from collections.abc import Iterator, Mapping
from typing import Final

from pydantic import JsonValue

from netra.agents import narrative
from netra.agents.abridgement import abridge
from netra.agents.context import Context
from netra.agents.definition import agent
from netra.agents.grounding import ungrounded_sections
from netra.agents.report import Report, ReportType, Section
from netra.agents.team import sections
from netra.agents.team.results import CHAINS, COLUMNS, ReportingRequest, TriageResult
from netra.analytics.figures import Figure
from netra.models.grounding import Known, unfounded
from netra.runs.failure import StepFailed

PERCENTILES: Final = "linear interpolation at position p × (n − 1) in rising order (quantile_cont)"


@agent("reporting")
async def reporting(ctx: Context, input: ReportingRequest) -> Report:
    """Write the report: sections with their figures, tables and charts, what is missing, and what to do next.

    It is stored whole; what is given back is as much of it as an event holds.
    """
    report = written(input)
    await ctx.think(f"Writing {len(report.sections)} sections", step="write")
    if ctx.linguist is not None and input.data is not None:
        report = await _worded(ctx, report)
    await ctx.report(report.title, report)
    return abridge(report)


def written(request: ReportingRequest) -> Report:
    """The report in declared words."""
    triage, data = request.triage, request.data
    gaps = [*request.gaps, *(data.gaps if data is not None else ())]
    parts: list[Section | None] = []
    if triage is not None:
        facts = {figure.id: figure for figure in _figures(request)}
        parts += [sections.short(triage, facts), sections.question(triage)]
    if triage is not None and data is not None:
        parts += sections.data_sections(triage, data)
    if request.optimization is not None:
        parts.append(sections.savings_section(request.optimization))
    if request.plan is not None:
        facts = {figure.id: figure for figure in _figures(request)}
        parts.append(sections.plan_section(request.plan, facts, waiting=request.waiting))
    if request.needs is not None:
        parts.append(sections.needs_section(request.needs))
    parts.append(sections.gaps_section(gaps))
    whole = tuple(part for part in parts if part is not None)
    return Report(
        report_type=_type(request, bool(gaps)),
        title=request.title,
        sections=whole
        or (Section(id="short", title="In short", content="Nothing could be measured, and nothing is missing."),),
        next_steps=tuple(_next_steps(request)) or narrative.BRING,
        data_completeness=_completeness(triage),
        metadata={
            "question": triage.question if triage else "",
            "topics": list(triage.topics) if triage else [],
            "understood": list(triage.understood) if triage else [],
            "dataset": triage.dataset.model_dump(mode="json") if triage and triage.dataset else None,
            "model": triage.model if triage else None,
            "prices_of": triage.prices_of.isoformat() if triage else None,
            "sufficiency": triage.sufficiency if triage else 0.0,
            "criteria": [criterion.model_dump(mode="json") for criterion in triage.criteria] if triage else [],
            "chain": list(triage.chain) if triage else [],
            "lacking": dict(triage.lacking) if triage else {},
            "missing": list(data.whole().missing) if data else [],
            "plan": request.plan.model_dump(mode="json") if request.plan else None,
            "approval": _approval(request),
            "assumptions": _assumptions(request),
            "notes": _notes(request),
            "gaps": [gap.model_dump(mode="json") for gap in gaps],
            "words": "declared",
            "percentiles": PERCENTILES,
            "timezone": "UTC",
        },
    )


def _figures(request: ReportingRequest) -> Iterator[Figure]:
    if request.data is not None:
        yield from request.data.whole().figures
    if request.optimization is not None:
        yield from request.optimization.savings.figures()


def _approval(request: ReportingRequest) -> str | None:
    """Whether the user has decided on the plan; None without one."""
    if request.plan is None or not request.plan.actions:
        return None
    return "waiting" if request.waiting else "decided" if request.plan.asked else "not_asked"


def _assumptions(request: ReportingRequest) -> list[JsonValue]:
    """What the savings take for granted, in sentences: declared parameters, which nobody has measured."""
    levers = request.optimization.savings.levers if request.optimization else ()
    return list(dict.fromkeys(assumption for lever in levers for assumption in lever.assumptions))


def _notes(request: ReportingRequest) -> list[JsonValue]:
    """What those who measured had to say beside their figures."""
    notes: list[JsonValue] = [*request.data.whole().notes] if request.data else []
    if request.optimization is not None:
        notes += [*request.optimization.savings.notes, *(each.reason for each in request.optimization.savings.uncomputed)]
    return notes


def _type(request: ReportingRequest, gaps: bool) -> ReportType:
    triage = request.triage
    if triage is None:
        return "fallback"
    if triage.chain == CHAINS["guidance"]:
        return "guidance"
    if request.data is None or not request.data.parts:
        return "fallback"
    return "partial_analysis" if gaps or triage.chain == CHAINS["partial"] else "full_analysis"


def _completeness(triage: TriageResult | None) -> float:
    """As `measure.volume` has it: the mean share of rows that carry each column, times the share that could be read."""
    if triage is None or triage.dataset is None or not triage.dataset.rows:
        return 0.0
    rows = triage.dataset.rows
    known = sum(count / rows for count in triage.columns.values()) / len(COLUMNS)
    return known * rows / (rows + triage.dataset.rejected)


def _next_steps(request: ReportingRequest) -> Iterator[str]:
    facts: Mapping[str, Figure] = {figure.id: figure for figure in _figures(request)}
    for action in request.plan.actions if request.plan is not None else ():
        if action.state != "declined":
            figure = facts.get(action.saving or "")
            saves = f" It would have saved {figure.text()} alone." if figure is not None else ""
            yield f"{'Approved' if action.state == 'approved' else 'Proposed'}: {action.what} ({action.owner}){saves}"
    if "cost_top_1_percent" in facts:
        lines = ", ".join(map(str, facts["cost_top_1_percent"].rows.lines))
        yield f"Read the most expensive requests and ask whether they are needed: lines {lines} of the file."
    elif "tokens_top_1_percent" in facts:
        lines = ", ".join(map(str, facts["tokens_top_1_percent"].rows.lines))
        yield f"Read the largest requests and ask whether they are needed: lines {lines} of the file."
    for need in request.needs.items if request.needs is not None else ():
        yield f"Bring {need.what}. {need.how}"
    if request.gaps:
        yield "Ask again: a part of this report could not be made, and the section on what is missing says why."
    if request.data is None and request.needs is None:
        yield from narrative.BRING
    if request.data is not None:
        yield "Ask again with the log of another week, and compare the figures."


async def _worded(ctx: Context, report: Report) -> Report:
    """The report in the words of the server's language model, as far as every number in them stands in a figure."""
    assert ctx.linguist is not None
    try:
        words = await ctx.step("word", ctx.linguist.word, ctx, report, returns=dict[str, str])
    except StepFailed as error:
        return report.model_copy(update={"metadata": {**report.metadata, "words": f"declared: {error.failure.message}"}})
    offered = [
        section.model_copy(update={"content": words[section.id]}) if words.get(section.id, "").strip() else section
        for section in report.sections
    ]
    refused = ungrounded_sections(report.model_copy(update={"sections": tuple(offered)}))
    for new, old in zip(offered, report.sections, strict=True):
        # Numbers in words as well ("twice", "forty percent"), of which declared prose has none but its own.
        if new is not old and new.id not in refused and (said := unfounded(new.content, Known(old.model_dump(mode="json")))):
            refused[new.id] = [*said]
    kept = [new if new.id not in refused else old for new, old in zip(offered, report.sections, strict=True)]
    metadata = {**report.metadata, "words": "model", "refused_words": {name: list(found) for name, found in refused.items()}}
    return Report.model_validate({**dict(report), "sections": tuple(kept), "metadata": metadata})
