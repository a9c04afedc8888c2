"""The supervisor: who of the team works, in which order, and what becomes of the rest when one of them fails."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, Final

from netra.agents.context import Callee, Context
from netra.agents.definition import Agent, agent
from netra.agents.report import Report
from netra.agents.team.actions import actions, plan_of
from netra.agents.team.data import data
from netra.agents.team.needs import what_to_bring
from netra.agents.team.optimization import optimization
from netra.agents.team.reporting import reporting, written
from netra.agents.team.results import (
    ActionPlan,
    DataNeeds,
    DataResult,
    Gap,
    OptimizationResult,
    PlanRequest,
    ReportingRequest,
    TeamRequest,
    TriageResult,
)
from netra.agents.team.triage import triage
from netra.analytics.savings import Savings
from netra.runs.failure import StepFailed


@dataclass(frozen=True, slots=True)
class Team:
    """The members, each an agent of its own."""

    triage: Callee
    data_helper: Callee
    data: Callee
    optimization: Callee
    actions: Callee
    reporting: Callee


TEAM: Final = Team(triage, what_to_bring, data, optimization, actions, reporting)


def supervise(team: Team) -> Agent:
    """The agent that leads this team. It keeps nothing: what a stage needs comes out of the results before it."""

    @agent("supervisor")
    async def supervisor(ctx: Context, input: TeamRequest) -> Report:
        """Find out where the spend on language models goes and how to lower it: ask in your own words, over your usage log."""
        gaps: list[Gap] = []

        async def attempt(stage: str, work: Awaitable[Any]) -> Any:
            """What the work of a stage gives; None, and a gap, when it fails."""
            try:
                return await work
            except StepFailed as error:
                gaps.append(Gap(stage=stage, code=error.failure.code, because=error.failure.message))
                return None

        async def call(member: Callee, value: Any) -> Any:
            return await attempt(member.name, ctx.call_agent(member, value))

        await ctx.think("Reading the question", step="triage", progress=0.0)
        asked: TriageResult | None = await call(team.triage, input)
        needs: DataNeeds | None = None
        measured: DataResult | None = None
        proposed: OptimizationResult | None = None
        plan: ActionPlan | None = None
        if asked is not None:
            await ctx.think(f"Working: {', '.join(asked.chain)}", step="chain", progress=0.1)
            # None of these needs what another one finds.
            beside = {"data_helper": team.data_helper, "data": team.data, "optimization": team.optimization}
            async with asyncio.TaskGroup() as group:
                tasks = {
                    stage: group.create_task(call(member, asked)) for stage, member in beside.items() if stage in asked.chain
                }
            needs, measured, proposed = (tasks[stage].result() if stage in tasks else None for stage in beside)

        def request(plan: ActionPlan | None, *, waiting: bool = False) -> ReportingRequest:
            return ReportingRequest(
                title=_title(input, asked),
                triage=asked,
                needs=needs,
                data=measured,
                optimization=proposed,
                plan=plan,
                waiting=waiting,
                # Those who worked side by side may fail in another order in the next attempt.
                gaps=tuple(sorted(gaps, key=lambda gap: gap.stage)),
            )

        async def draft(savings: Savings) -> None:
            """Store the report as far as it goes without the user's decision."""
            if (expected := plan_of(savings)).actions:
                report = written(request(expected, waiting=True))
                await ctx.report(f"{report.title} (waiting for your approval)", report)

        if proposed is not None:
            await ctx.think("Planning", step="actions", progress=0.7)
            if input.approval == "ask":
                # Before anybody is asked: whoever never answers has a report all the same.
                await attempt("draft", ctx.step("draft", draft, proposed.savings))
            plan = await call(team.actions, PlanRequest(savings=proposed.savings, approval=input.approval))
        await ctx.think("Writing the report", step="reporting", progress=0.9)
        report: Report | None = await call(team.reporting, request(plan))
        if report is None:
            report = written(ReportingRequest(title=_title(input, asked), gaps=tuple(gaps)))
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
    """What the team says when the report is ready. What a model has put into words was told while it was written."""
    refused = report.metadata.get("refused_words")
    first = report.sections[0]
    told = report.metadata.get("words") == "model" and isinstance(refused, dict) and first.id not in refused
    return "\n\n".join([*([] if told else [first.content]), f"Next: {report.next_steps[0]}"])
