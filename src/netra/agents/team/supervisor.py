"""The supervisor: who of the team works, in which order, and what becomes of the rest when one of them fails."""

import asyncio
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from netra.agents.context import Callee, Context
from netra.agents.definition import Agent, agent
from netra.agents.report import Report
from netra.agents.team import reporting as writing
from netra.agents.team.data import data
from netra.agents.team.data_helper import data_helper
from netra.agents.team.reporting import reporting
from netra.agents.team.results import DataNeeds, DataResult, Gap, ReportingRequest, TeamRequest, TriageResult
from netra.agents.team.triage import triage
from netra.runs.failure import StepFailed

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Team:
    """The members, each an agent of its own."""

    triage: Callee
    data_helper: Callee
    data: Callee
    reporting: Callee


TEAM: Final = Team(triage=triage, data_helper=data_helper, data=data, reporting=reporting)


def supervise(team: Team) -> Agent:
    """The agent that leads this team. It keeps nothing: what a stage needs comes out of the results before it."""

    @agent("supervisor")
    async def supervisor(ctx: Context, input: TeamRequest) -> Report:
        """Find out where the spend on language models goes and how to lower it: ask in your own words, over your usage log."""
        gaps: list[Gap] = []

        async def call(member: Callee, value: Any) -> Any:
            """What a member gives; None, and a gap, when it fails."""
            try:
                return await ctx.call_agent(member, value)
            except StepFailed as error:
                gaps.append(Gap(stage=member.name, code=error.failure.code, because=error.failure.message))
                return None

        await ctx.think("Reading the question", step="triage", progress=0.0)
        asked: TriageResult | None = await call(team.triage, input)
        needs: DataNeeds | None = None
        measured: DataResult | None = None
        if asked is not None:
            chain = asked.chain
            await ctx.think(f"Working: {', '.join(chain)}", step="chain", progress=0.1)
            # What to bring and what is there do not depend on each other.
            async with asyncio.TaskGroup() as group:
                helping = group.create_task(call(team.data_helper, asked))
                measuring = group.create_task(call(team.data, asked)) if "data" in chain else None
            needs, measured = helping.result(), measuring.result() if measuring is not None else None
        await ctx.think("Writing the report", step="reporting", progress=0.9)
        gaps.sort(key=lambda gap: gap.stage)
        request = ReportingRequest(title=_title(input, asked), triage=asked, needs=needs, data=measured, gaps=tuple(gaps))
        report: Report | None = await call(team.reporting, request)
        if report is None:
            report = writing.written(ReportingRequest(title=request.title, gaps=tuple(gaps)))
            await ctx.report(report.title, report)
        await ctx.say(_summary(report))
        return report

    return supervisor


supervisor: Final = supervise(TEAM)


def _title(request: TeamRequest, asked: TriageResult | None) -> str:
    if request.title is not None:
        return request.title
    return f"Spend on language models: {asked.dataset.name}" if asked and asked.dataset else "Spend on language models"


def _summary(report: Report) -> str:
    """What the team says when the report is ready."""
    return f"{report.sections[0].content}\n\nNext: {report.next_steps[0]}"
