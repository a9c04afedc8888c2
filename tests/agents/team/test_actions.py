"""The plan: an order that can be followed, and nothing decided that its user has not decided."""

import asyncio
from typing import Any

import pytest
from pydantic import ValidationError

from netra.agents.grounding import ungrounded_sections
from netra.agents.report import Report
from netra.agents.team.actions import EVALUATION, WORK, Misunderstood, decided, plan_of, schema_of
from netra.agents.team.results import Action, ActionPlan
from netra.analytics.levers import LEVERS
from netra.analytics.savings import Savings, find_savings
from netra.events.model import InputRequired
from netra.ids import UserId
from tests.agents.team.company import Company
from tests.agents.team.test_triage import PRICED
from tests.analytics.test_measure import MOMENT, opened


@pytest.fixture(scope="module")
def savings() -> Savings:
    async def find() -> Savings:
        async with opened(PRICED) as (query, _):
            return await find_savings(query, MOMENT)

    return asyncio.run(find())


def with_levers(savings: Savings, *names: str) -> Savings:
    """Savings by these levers, with the figures of the first that there is."""
    facts = {each.id: each for each in LEVERS}
    levers = [
        savings.levers[0].model_copy(
            update={
                "id": name,
                "kind": facts[name].kind,
                "title": facts[name].title,
                "effort": facts[name].effort,
                "risk": facts[name].risk,
                "saving": savings.levers[0].saving.model_copy(update={"id": f"{name}_saving", "value": 1.5}),
            }
        )
        for name in names
    ]
    return savings.model_copy(update={"levers": tuple(levers)})


def test_every_lever_that_saves_is_a_step_with_its_figure(savings: Savings) -> None:
    plan = plan_of(savings)
    saving = {lever.id: lever.saving.id for lever in savings.levers if float(lever.saving.value) > 0}
    assert saving
    assert {action.id: action.saving for action in plan.actions if action.saving} == saving
    assert {action.state for action in plan.actions} == {"proposed"}


def test_the_order_respects_what_each_step_needs_and_begins_with_the_easiest(savings: Savings) -> None:
    every = plan_of(with_levers(savings, *(each.id for each in LEVERS)))
    names = [action.id for action in every.actions]
    assert names[0] == "prompt_caching"
    assert names[-1] == "commitment"
    assert names.index(EVALUATION.id) < min(names.index(name) for name, work in WORK.items() if work.judged)
    assert set(every.actions[-1].needs) == set(WORK) - {"commitment"}
    assert EVALUATION.id not in [action.id for action in plan_of(with_levers(savings, "batching")).actions]


def test_no_lever_makes_an_empty_plan(savings: Savings) -> None:
    assert plan_of(with_levers(savings)).actions == ()


def test_every_lever_has_its_work_declared() -> None:
    assert set(WORK) == {each.id for each in LEVERS}


def step(name: str, *needs: str) -> Action:
    return EVALUATION.model_copy(update={"id": name, "needs": needs})


@pytest.mark.parametrize("steps", [(step("a", "b"), step("b", "a")), (step("a", "b"), step("b")), (step("a"), step("a"))])
def test_a_plan_that_cannot_be_followed_is_none(steps: tuple[Action, ...]) -> None:
    with pytest.raises(ValidationError):
        ActionPlan(actions=steps)


PLAN = ActionPlan(actions=(step("a"), step("b", "a"), step("c")))


@pytest.mark.parametrize(
    ("answer", "approved"),
    [(True, {"a", "b", "c"}), (False, set()), ([], set()), (["a", "b"], {"a", "b"}), (["b", "c"], {"c"})],
)
def test_a_step_is_approved_only_with_all_that_it_needs(answer: Any, approved: set[str]) -> None:
    plan = decided(PLAN, answer)
    assert {action.id for action in plan.actions if action.state == "approved"} == approved
    assert {action.state for action in plan.actions} <= {"approved", "declined"}
    assert plan.asked


@pytest.mark.parametrize("answer", [None, "yes", 1, ["d"], [1], {"a": True}])
def test_an_answer_that_says_nothing_decides_nothing(answer: Any) -> None:
    with pytest.raises(Misunderstood):
        decided(PLAN, answer)


def test_the_schema_offers_yes_no_and_the_steps() -> None:
    assert schema_of(PLAN)["anyOf"][1]["items"]["enum"] == ["a", "b", "c"]


async def test_a_run_waits_for_approval_without_a_worker_and_records_what_was_decided(company: Company, alice: UserId) -> None:
    await company.upload(alice, PRICED)
    world = company.world
    accepted = await world.start(alice, "supervisor", {})

    async def asked(times: int) -> InputRequired:
        async with world.following(alice, accepted.thread_id) as follower:
            events = await follower.until_type("input_required", times)
        found = [event.data for event in events if event.type == "input_required"][-1]
        assert isinstance(found, InputRequired)
        return found

    first = await asked(1)
    assert (await world.runs.get(alice, accepted.run_id)).state == "waiting"
    (waiting,) = await company.reports(alice)
    assert {action["state"] for action in waiting.body["metadata"]["plan"]["actions"]} == {"proposed"}
    await world.runs.answer(alice, accepted.run_id, first.request_id, "perhaps")
    second = await asked(2)
    assert second.question.startswith("That was not understood")
    steps = second.schema["anyOf"][1]["items"]["enum"]
    await world.runs.answer(alice, accepted.run_id, second.request_id, [steps[0]])
    finished = await world.finished(alice, accepted)
    report = Report.model_validate(finished.result)
    plan = ActionPlan.model_validate(report.metadata["plan"])
    assert plan.asked
    assert [action.state for action in plan.actions] == ["approved", *["declined"] * (len(steps) - 1)]
    assert report.next_steps[0].startswith("Approved: ")
    assert not any(text.startswith("Proposed: ") for text in report.next_steps)
    assert ungrounded_sections(report) == {}
