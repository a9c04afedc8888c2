"""Actions: from savings to a plan in an order that can be followed, which its user approves before any of it is decided.

Who does a step, what may go wrong and how it is undone is declared of each lever here; what it saves is the figure that
optimization has computed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any, Final

from netra.agents.context import Context
from netra.agents.definition import agent
from netra.agents.team.results import Action, ActionPlan, PlanRequest
from netra.analytics.levers import Degree
from netra.analytics.savings import Lever, Savings

DEGREES: Final[Mapping[Degree, int]] = {"low": 0, "medium": 1, "high": 2}

EVALUATION: Final = Action(
    id="evaluation",
    title="A set of requests to judge answers by",
    what="Collect requests of each feature with answers that are good enough, and agree on who judges and when it is enough.",
    owner="product owner",
    effort="medium",
    risk="low",
    danger="A set that leaves out what matters lets a worse answer through.",
    rollback="Nothing changes for users, so there is nothing to undo.",
)


@dataclass(frozen=True, slots=True)
class LeverWork:
    """What is declared of the step that applies a lever."""

    what: str
    owner: str
    danger: str
    rollback: str
    judged: bool = False
    """Whether answers may change, so that there must be something to judge them by."""
    last: bool = False
    """Whether it goes by what all the others leave."""


WORK: Final[Mapping[str, LeverWork]] = {
    "answer_cache": LeverWork(
        "Keep answers by model, parameters, user and whole prompt, for the features that the table names, and give them again.",
        "backend engineer",
        "An answer may be out of date, and one that is shared may hold what only its first reader should see.",
        "Stop reading the kept answers; delete them when what they rest on has changed.",
        judged=True,
    ),
    "model_substitution": LeverWork(
        "Send the requests that the table names to the cheaper model, one feature after the other.",
        "ML engineer",
        "Answers may be worse, and slower or faster than before.",
        "Keep the name of the model in the configuration of the feature, and set it back.",
        judged=True,
    ),
    "prompt_length": LeverWork(
        "Bring the longest prompts down: fewer examples, a shorter history, fewer documents.",
        "prompt engineer",
        "What is left out may have been needed by some answers.",
        "Keep the former prompt under version control, and deploy it again.",
        judged=True,
    ),
    "output_cap": LeverWork(
        "Set a limit to the output tokens of each feature, and ask for shorter answers in the prompt.",
        "prompt engineer",
        "An answer that reaches the limit is cut off.",
        "Take the limit out of the request.",
        judged=True,
    ),
    "prompt_caching": LeverWork(
        "Put what stays the same at the beginning of the prompt, and mark it for the provider's cache where that is needed.",
        "backend engineer",
        "A cache that is written and seldom read costs more than none.",
        "Take the marks out again; the answers do not change.",
    ),
    "off_peak": LeverWork(
        "Let the jobs that can wait begin in the cheaper hours.",
        "platform engineer",
        "Results come later, and the jobs of a night share its hours.",
        "Let the jobs begin when they did.",
    ),
    "batching": LeverWork(
        "Send the requests that can wait through the provider's batch interface.",
        "backend engineer",
        "Answers come within a day instead of at once.",
        "Send the requests one by one, as before.",
    ),
    "commitment": LeverWork(
        "Ask the provider for an offer for the steady load that is left, and compare it with what this report assumes.",
        "finance",
        "It is paid for whether it is used or not, until the term ends.",
        "None before the end of the term: commit to less than the load, and for the shortest term.",
        last=True,
    ),
}


class Misunderstood(Exception):
    """An answer that says neither yes, nor no, nor which steps."""


@agent("actions")
async def actions(ctx: Context, input: PlanRequest) -> ActionPlan:
    """Make a plan of the savings, and ask the user which of its steps are approved."""
    plan = plan_of(input.savings)
    await ctx.think(f"Planned: {', '.join(action.title for action in plan.actions) or 'nothing'}", step="plan")
    if input.approval == "later" or not plan.actions:
        return plan
    question = wording(plan, input.savings)
    while True:
        answer = await ctx.ask(question, schema_of(plan))
        try:
            return decided(plan, answer)
        except Misunderstood:
            question = f"That was not understood. Answer yes, no, or the ids of steps. {wording(plan, input.savings)}"


def plan_of(savings: Savings) -> ActionPlan:
    """A step for each lever that saves something, what it needs before it; of what may come next, the easiest first."""
    levers = {lever.id: lever for lever in savings.levers if float(lever.saving.value) > 0}
    steps = {action.id: action for action in _steps(list(levers.values()))}
    sorter = TopologicalSorter({action.id: action.needs for action in steps.values()})
    sorter.prepare()
    ready: list[str] = []
    ordered = []
    while sorter.is_active():
        ready = sorted([*ready, *sorter.get_ready()], key=lambda name: _rank(steps[name], levers.get(name)))
        ordered.append(steps[ready.pop(0)])
        sorter.done(ordered[-1].id)
    return ActionPlan(actions=tuple(ordered))


def _steps(levers: Sequence[Lever]) -> Iterator[Action]:
    if any(WORK[lever.id].judged for lever in levers):
        yield EVALUATION
    for lever in levers:
        work = WORK[lever.id]
        others = tuple(other.id for other in levers if not WORK[other.id].last) if work.last else ()
        yield Action(
            id=lever.id,
            title=lever.title,
            what=work.what,
            owner=work.owner,
            effort=lever.effort,
            risk=lever.risk,
            danger=work.danger,
            rollback=work.rollback,
            needs=(EVALUATION.id, *others) if work.judged else others,
            saving=lever.saving.id,
        )


def _rank(action: Action, lever: Lever | None) -> tuple[int, int, float, str]:
    """What is easy and safe comes first, and of that what saves most."""
    return DEGREES[action.effort], DEGREES[action.risk], -float(lever.saving.value) if lever else 0.0, action.id


def wording(plan: ActionPlan, savings: Savings) -> str:
    """The question, with what every step would have saved alone."""
    saved = {lever.id: lever.saving.text() for lever in savings.levers}
    steps = [
        f"{action.id}: {action.title}" + (f", {saved[action.id]} alone" if action.id in saved else "")
        for action in plan.actions
    ]
    return (
        f"Do you approve these steps? {'; '.join(steps)}. All together would have saved {savings.combined.text()} of "
        f"{savings.spend.text()}. Answer yes, no, or the ids of the steps that you approve."
    )


def schema_of(plan: ActionPlan) -> dict[str, Any]:
    """What an answer is: yes or no to all, or the ids of steps."""
    names = [action.id for action in plan.actions]
    return {"anyOf": [{"type": "boolean"}, {"type": "array", "items": {"enum": names}, "uniqueItems": True}]}


def decided(plan: ActionPlan, answer: Any) -> ActionPlan:
    """The plan as the answer decides it: a step is approved only together with all that it needs. Raises `Misunderstood`."""
    match answer:
        case bool():
            chosen = {action.id for action in plan.actions} if answer else set()
        case list() if all(isinstance(name, str) for name in answer) and set(answer) <= {each.id for each in plan.actions}:
            chosen = set(answer)
        case _:
            raise Misunderstood
    approved: set[str] = set()
    for action in plan.actions:
        if action.id in chosen and approved.issuperset(action.needs):
            approved.add(action.id)
    steps = (
        action.model_copy(update={"state": "approved" if action.id in approved else "declined"}) for action in plan.actions
    )
    return ActionPlan(actions=tuple(steps), asked=True)
