"""The report: whatever was found, it is written, and nothing beyond it."""

import pytest

from netra.agents.grounding import ungrounded_sections, ungrounded_steps
from netra.agents.report import Report
from netra.agents.team.actions import plan_of
from netra.agents.team.needs import needs_of
from netra.agents.team.reporting import written
from netra.agents.team.results import DataNeeds, Gap, OptimizationResult, ReportingRequest
from netra.analytics.savings import find_savings
from tests.agents.team.test_sections import measured
from tests.agents.team.test_triage import PRICED, triaged
from tests.agents.test_narrative import log
from tests.analytics.test_measure import MOMENT, opened
from tests.datasets.traces import Trace, trace  # noqa: F401 - a fixture

KEYS = {
    "question",
    "topics",
    "understood",
    "dataset",
    "model",
    "prices_of",
    "sufficiency",
    "criteria",
    "chain",
    "lacking",
    "missing",
    "plan",
    "approval",
    "assumptions",
    "notes",
    "gaps",
    "words",
    "percentiles",
    "timezone",
}


async def request(content: bytes, *topics: str, model: str | None = None) -> ReportingRequest:
    """What reporting would be given for this log, without a server."""
    triage = await triaged(content, *topics, model=model)
    needs = DataNeeds(items=tuple(needs_of(triage)))
    if "data" not in triage.chain:
        return ReportingRequest(title="Title", triage=triage, needs=needs)
    data = await measured(content, triage)
    if "optimization" not in triage.chain:
        return ReportingRequest(title="Title", triage=triage, needs=needs, data=data)
    async with opened(content) as (query, _):
        savings = await find_savings(query, MOMENT, default_model=model)
    return ReportingRequest(
        title="Title",
        triage=triage,
        needs=needs,
        data=data,
        optimization=OptimizationResult(savings=savings),
        plan=plan_of(savings),
    )


def whole(report: Report) -> bool:
    """Whether a report has all that every report has."""
    return bool(report.sections and report.next_steps) and report.metadata.keys() == KEYS


@pytest.mark.parametrize(
    ("content", "model", "kind"),
    [
        (PRICED, None, "full_analysis"),
        (log("at"), "openai:gpt-4o", "full_analysis"),
        (log("at", broken=3), None, "partial_analysis"),
        (log(rows=1), None, "guidance"),
        (b"input_tokens,output_tokens,model\n" + b"0,0,gpt-4o\n" * 30, None, "partial_analysis"),
    ],
    ids=["everything", "a model named", "partial", "one row", "empty requests"],
)
async def test_no_number_is_written_that_no_figure_of_its_section_holds(content: bytes, model: str | None, kind: str) -> None:
    report = written(await request(content, model=model))
    assert report.report_type == kind
    assert ungrounded_sections(report) == {}
    assert ungrounded_steps(report) == []
    assert whole(report)


async def test_no_number_of_an_azure_trace_is_written_that_no_figure_holds(trace: Trace) -> None:  # noqa: F811
    report = written(await request(trace.path.read_bytes(), model="google:gemini-2.5-pro"))
    assert report.report_type == "full_analysis"
    assert ungrounded_sections(report) == {}


async def test_a_report_of_nothing_names_what_failed_and_what_to_bring() -> None:
    report = written(ReportingRequest(title="Title", gaps=(Gap(stage="triage", code="unavailable", because="No disk."),)))
    assert report.report_type == "fallback"
    assert "No disk." in report.sections[0].content
    assert any("Bring" in step for step in report.next_steps)
    assert whole(report)
    assert whole(written(ReportingRequest(title="Title")))


async def test_a_part_that_failed_makes_a_full_analysis_partial() -> None:
    full = await request(PRICED)
    assert full.data is not None
    gap = Gap(stage="data: cost", code="agent_error", because="It failed.")
    parts = {name: part for name, part in full.data.parts.items() if name != "cost"}
    report = written(full.model_copy(update={"data": full.data.model_copy(update={"parts": parts, "gaps": (gap,)})}))
    assert report.report_type == "partial_analysis"
    assert report.metadata["gaps"] == [gap.model_dump(mode="json")]
    nothing = written(full.model_copy(update={"data": None, "gaps": (gap,)}))
    assert nothing.report_type == "fallback"
    assert ungrounded_sections(report) == ungrounded_sections(nothing) == {}


async def test_the_completeness_is_that_of_the_measured_volume() -> None:
    asked = await request(log("at", "user", broken=20))
    assert asked.data is not None
    assert written(asked).data_completeness == pytest.approx(asked.data.whole().values()["data_completeness"])
