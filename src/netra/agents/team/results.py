"""What the members of the team hand to each other: one class for each result, frozen, and readable as JSON."""

from datetime import datetime
from typing import Annotated, Final, Literal, get_args
from uuid import UUID

from pydantic import Field, JsonValue, StringConstraints, model_validator

from netra.analytics.figures import Measurement, Name, ReportPart, Text
from netra.analytics.levers import Degree
from netra.analytics.savings import Savings

Topic = Literal["usage", "spend", "concentration", "latency", "changes", "savings"]
"""What the team can be asked about."""

TOPICS: Final[tuple[Topic, ...]] = get_args(Topic)

FULL: Final = 0.8
"""From this sufficiency on the whole team works."""
PARTIAL: Final = 0.4
"""From this sufficiency on the data is measured; below, the report only says what to bring."""

Stage = Literal["triage", "data_helper", "data", "optimization", "actions", "reporting"]

CHAINS: Final[dict[str, tuple[Stage, ...]]] = {
    "full": ("triage", "data_helper", "data", "optimization", "actions", "reporting"),
    "partial": ("triage", "data_helper", "data", "reporting"),
    "guidance": ("triage", "data_helper", "reporting"),
}
"""Who works, by how far the data goes."""

COLUMNS: Final = ("at", "input_tokens", "output_tokens", "model", "user", "feature", "latency_ms", "cost_usd")
"""What could be known of each request, in the order in which `measure.sql` counts it."""

Reference = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class TeamRequest(ReportPart):
    """What the user wants to know. Nothing is needed: without a question, the team looks at everything it can."""

    question: str = Field("", max_length=4000, description="In your own words.", examples=["Where does our money go?"])
    topics: tuple[Topic, ...] = Field(
        (), max_length=len(TOPICS), description="What to look at, beside what the question is understood to ask."
    )
    dataset: Reference | None = Field(
        None, description="The id or the name of one of your datasets; without it, one that the question names, or the newest."
    )
    model: Reference | None = Field(
        None,
        description="The model whose list prices the requests that name none are billed at: `name` or `provider:name`.",
        examples=["openai:gpt-4o"],
    )
    title: Reference | None = Field(None, description="The title of the report.")
    approval: Literal["ask", "later"] = Field(
        "ask", description="Whether the run asks you to approve the plan, and waits for it, or leaves every step proposed."
    )


class DatasetFacts(ReportPart):
    """The dataset that a run works on, as it was when the run began."""

    id: UUID
    name: Text
    rows: int
    rejected: int
    sha256: str
    mapping: dict[str, str]
    problems: tuple[dict[str, JsonValue], ...]
    """The first rows that could not be read: `line`, `field`, `reason`, `value`."""
    notes: tuple[str, ...]


class Criterion(ReportPart):
    """One thing that an analysis needs, and how far the data has it."""

    id: Name
    label: Text
    weight: float = Field(ge=0, le=1)
    met: float = Field(ge=0, le=1)
    because: Text

    @property
    def points(self) -> float:
        """What it adds to the sufficiency."""
        return self.weight * self.met


class TriageResult(ReportPart):
    """What is asked, on which data, and whether that is enough."""

    question: str
    topics: tuple[Topic, ...]
    """What was understood to be asked; everything, when nothing was."""
    understood: tuple[Text, ...]
    """How the question was read, in sentences, what was not understood included."""
    dataset: DatasetFacts | None
    columns: dict[str, int] = Field(default_factory=dict)
    """How many rows carry each column."""
    model: str | None = None
    """What prices the rows that name no model."""
    prices_of: datetime
    """The moment whose list prices hold in the whole run."""
    criteria: tuple[Criterion, ...]
    lacking: dict[Topic, Text] = Field(default_factory=dict)
    """What of the question the data cannot answer, and what it lacks for it."""
    sufficiency: float = Field(ge=0, le=1)
    """The sum of the criteria's points × the share of the topics that the data can answer."""

    @property
    def chain(self) -> tuple[Stage, ...]:
        """Who works on it."""
        kind = "full" if self.sufficiency >= FULL else "partial" if self.sufficiency >= PARTIAL else "guidance"
        return CHAINS[kind]


class Need(ReportPart):
    """Something to bring."""

    what: Text
    why: Text
    how: Text


class DataNeeds(ReportPart):
    """What to bring for a better answer, the most useful first; empty when nothing is missing."""

    items: tuple[Need, ...]


class Gap(ReportPart):
    """Something that the report ought to have and has not, and why."""

    stage: Text
    code: Text
    """The code of the error, or `not_done` for what was not tried."""
    because: Text


class DataResult(ReportPart):
    """What was measured, by part; a part that failed is a gap."""

    parts: dict[str, Measurement]
    gaps: tuple[Gap, ...] = ()

    def whole(self) -> Measurement:
        """All parts together."""
        return sum(self.parts.values(), Measurement())


class OptimizationResult(ReportPart):
    """What could be saved, by each lever alone and by all together."""

    savings: Savings


ActionState = Literal["proposed", "approved", "declined"]


class Action(ReportPart):
    """One step of a plan. It is proposed until its user has said otherwise, and nothing carries it out by itself."""

    id: Name
    title: Text
    what: Text
    owner: Text
    """The role that does it."""
    effort: Degree
    risk: Degree
    danger: Text
    """What may go wrong."""
    rollback: Text
    needs: tuple[Name, ...] = ()
    """The steps that come before it."""
    saving: Name | None = None
    """The figure of what it saves alone; None for what only prepares others."""
    state: ActionState = "proposed"


class ActionPlan(ReportPart):
    """What to do, in this order."""

    actions: tuple[Action, ...]
    asked: bool = False
    """Whether the user was asked to approve it, and has answered."""

    @model_validator(mode="after")
    def _what_is_needed_comes_first(self) -> "ActionPlan":
        before: set[str] = set()
        for action in self.actions:
            if late := set(action.needs) - before:
                raise ValueError(f"{action.id} needs {', '.join(sorted(late))}, which does not come before it")
            before.add(action.id)
        if len(before) != len(self.actions):
            raise ValueError("a step stands in a plan once")
        return self


class PlanRequest(ReportPart):
    """What to plan, and whether to ask for approval."""

    savings: Savings
    approval: Literal["ask", "later"]


class ReportingRequest(ReportPart):
    """All that the report is written of. What is None was not done, for the reason that a gap names."""

    title: Text
    triage: TriageResult | None = None
    needs: DataNeeds | None = None
    data: DataResult | None = None
    optimization: OptimizationResult | None = None
    plan: ActionPlan | None = None
    waiting: bool = False
    """Whether the plan waits for its user's decision, and the report will be written once more with it."""
    gaps: tuple[Gap, ...] = ()
