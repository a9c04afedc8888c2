"""Own usage over HTTP: what one's runs have asked of language models and what that took; for administrators, everybody's."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Final, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Query, status
from pydantic import AwareDatetime, BaseModel, Field

from netra.auth.audit import note
from netra.auth.identity import Identity
from netra.datasets.store import StorageRefused
from netra.errors import Conflict, InvalidInput, Unauthenticated
from netra.gateway.audit import ADMINISTRATORS, AdministratorsOnly
from netra.gateway.datasets import DatasetView
from netra.gateway.dependencies import CurrentUser, ThisProcess
from netra.gateway.paging import After, Limit, decode_place, page_of
from netra.gateway.parts import Parts
from netra.gateway.problems import problem_responses
from netra.models.usage import COLUMNS, ModelSum, Period, RecordedCall, RecordedUsage

PATH: Final = "/api/usage"

Whose = Literal["own", "all"]

router = APIRouter(prefix=PATH, tags=["usage"], responses=problem_responses(Unauthenticated, AdministratorsOnly, InvalidInput))


class NothingUsed(Conflict):
    """In that time no model has said what it took."""

    code = "nothing_used"


class UsedCall(BaseModel):
    """One request to a language model. What nobody knows is null, never 0."""

    id: UUID
    user_id: UUID
    run_id: UUID
    agent: str
    purpose: str = Field(description="The step of the run that it was made for.")
    model: str = Field(description="`provider:name`.")
    own_key: bool = Field(description="Whether the user's own key paid, and not the operator's.")
    at: datetime
    status: str | None = Field(description="How it ended; null: it goes on, or its process died and its run has not ended yet.")
    latency_ms: float | None
    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None = Field(description="Those of the input that the provider read from its cache.")
    cost_usd: float | None = Field(description="At list prices; null where the price list has none.")

    @classmethod
    def of(cls, call: RecordedCall) -> Self:
        return cls.model_validate(call, from_attributes=True)


class UsedSum(BaseModel):
    """What requests to one model took together."""

    model: str
    own_key: bool
    calls: int
    answered: int
    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None
    cost_usd: float | None = Field(description="Of the calls whose price is known; null when that is none of them.")
    unpriced: int = Field(description="Calls whose price is not known, and which are not in the sum.")
    users: int
    runs: int

    @classmethod
    def of(cls, each: ModelSum) -> Self:
        return cls.model_validate(each, from_attributes=True)


class UsageTotal(BaseModel):
    """What all of it took together."""

    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    unpriced: int

    @classmethod
    def of(cls, sums: list[ModelSum]) -> Self:
        costs = [each.cost_usd for each in sums if each.cost_usd is not None]
        return cls(
            calls=sum(each.calls for each in sums),
            input_tokens=int(sum(each.input_tokens or 0 for each in sums)),
            output_tokens=int(sum(each.output_tokens or 0 for each in sums)),
            cost_usd=float(sum(costs, Decimal(0))) if costs else None,
            unpriced=sum(each.unpriced for each in sums),
        )


class UsagePage(BaseModel):
    """Some requests, the newest first, and the sums over all of that time."""

    calls: list[UsedCall]
    next_cursor: str | None = Field(description="Leads to the next page; null on the last.")
    models: list[UsedSum]
    total: UsageTotal


class WantedDataset(BaseModel):
    """Which usage is to become a dataset."""

    name: str = Field("Own usage", min_length=1, max_length=200)
    whose: Whose = "own"
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None


@router.get("", operation_id="list_usage")
async def list_usage(
    parts: ThisProcess,
    user: CurrentUser,
    whose: Annotated[Whose, Query(description="`all` is for administrators, and is noted in the audit.")] = "own",
    since: Annotated[AwareDatetime | None, Query(description="From this moment on.")] = None,
    until: Annotated[AwareDatetime | None, Query(description="Until just before this one.")] = None,
    cursor: After = None,
    limit: Limit = 50,
) -> UsagePage:
    """What your runs have asked of language models, and what it took."""
    usage = await _usage(parts, user, whose, since, until)
    found = await usage.page(None if cursor is None else decode_place(cursor), limit + 1)
    sums = await usage.sums()
    shown, more = page_of(found, limit, lambda call: (call.at, call.id))
    return UsagePage(
        calls=[UsedCall.of(call) for call in shown],
        next_cursor=more,
        models=[UsedSum.of(each) for each in sums],
        total=UsageTotal.of(sums),
    )


@router.post(
    "/dataset",
    operation_id="make_usage_dataset",
    status_code=status.HTTP_201_CREATED,
    responses=problem_responses(NothingUsed, StorageRefused),
)
async def make_usage_dataset(wanted: WantedDataset, parts: ThisProcess, user: CurrentUser) -> DatasetView:
    """Make a dataset of it, for the agents to report on. Calls of which nobody knows what they took are left out."""
    usage = await _usage(parts, user, wanted.whose, wanted.since, wanted.until)
    if not any(each.input_tokens is not None for each in await usage.sums()):
        raise NothingUsed
    info = await parts.datasets.create(user.user_id, wanted.name, usage.lines(), "jsonl", COLUMNS)
    return DatasetView.of(info)


async def _usage(parts: Parts, user: Identity, whose: Whose, since: datetime | None, until: datetime | None) -> RecordedUsage:
    """The usage that is asked for. Raises `AdministratorsOnly`; a look at everybody's leaves a line in the audit."""
    given = Period()
    period = Period(since or given.since, until or given.until)
    if whose == "own":
        return RecordedUsage(parts.database.for_user(user.user_id), user.user_id, period)
    if user.role not in ADMINISTRATORS:
        raise AdministratorsOnly
    async with parts.database.system().transaction() as connection:
        await note(connection, "usage_viewed", None, actor_id=user.user_id)
    return RecordedUsage(parts.database.system(), None, period)
