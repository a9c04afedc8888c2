"""Runs over HTTP: start one, look at it, cancel it, answer its question."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import APIRouter, Header, status
from pydantic import BaseModel, ConfigDict, Field

from netra.errors import InvalidInput, NotFound, Unauthenticated
from netra.gateway.dependencies import CurrentUser, OwnOnly, PathId, ThisProcess
from netra.gateway.problems import problem_responses
from netra.ids import RunId, ThreadId
from netra.runs.runs import (
    IdempotencyMismatch,
    NotWaiting,
    OnBusy,
    QueueFull,
    RunEnded,
    RunInfo,
    ThreadBusy,
    UnknownAgent,
)
from netra.runs.state import State

router = APIRouter(prefix="/api", tags=["runs"], dependencies=[OwnOnly], responses=problem_responses(Unauthenticated, NotFound))


class NewRun(BaseModel):
    """Which agent to run, and on what."""

    model_config = ConfigDict(extra="forbid")
    agent: Annotated[str, Field(min_length=1, max_length=200, examples=["demo"])]
    input: Annotated[Any, Field(description="What the agent's input schema asks for.", examples=[{}])] = None
    on_busy: Annotated[OnBusy, Field(description="What to do when the thread has a live run.")] = "queue"


class AcceptedRun(BaseModel):
    """A run that was accepted. `seq` is the position of its `run_queued` in the thread's log."""

    run_id: UUID
    thread_id: UUID
    state: State
    seq: int


class RunView(BaseModel):
    """A run. `waits_for` is the request_id of its open question; `error` has the code and message of a failed one."""

    id: UUID
    thread_id: UUID
    agent: str
    state: State
    input: Any
    plan: str
    attempt: int
    cancel_by: str | None
    waits_for: str | None
    result: Any
    error: dict[str, Any] | None
    usage: dict[str, Any] | None
    accepted_seq: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @classmethod
    def of(cls, info: RunInfo) -> Self:
        names = [name for name in cls.model_fields if name != "id"]
        return cls(id=info.run_id, **{name: getattr(info, name) for name in names})


class RunState(BaseModel):
    """Where a run stands now."""

    run_id: UUID
    state: State


class AnswerBody(BaseModel):
    """The answer to a run's question, whose schema is in `input_required`."""

    model_config = ConfigDict(extra="forbid")
    request_id: Annotated[str, Field(min_length=1, max_length=200)]
    value: Any


@router.post(
    "/threads/{thread_id}/runs",
    operation_id="start_run",
    status_code=status.HTTP_202_ACCEPTED,
    responses=problem_responses(ThreadBusy, InvalidInput, UnknownAgent, IdempotencyMismatch, QueueFull),
)
async def start_run(
    thread_id: PathId,
    body: NewRun,
    parts: ThisProcess,
    user: CurrentUser,
    idempotency_key: Annotated[
        str | None, Header(description="The same key of the same user gives the same run, however often it is sent.")
    ] = None,
) -> AcceptedRun:
    """Start a run. It is accepted once this answers, and what it does appears in the thread's log."""
    accepted = await parts.runs.accept(
        user.user_id,
        ThreadId(thread_id),
        body.agent,
        body.input,
        idempotency_key=idempotency_key,
        on_busy=body.on_busy,
    )
    return AcceptedRun(run_id=accepted.run_id, thread_id=accepted.thread_id, state=accepted.state, seq=accepted.seq)


@router.get("/runs/{run_id}", operation_id="get_run")
async def get_run(run_id: PathId, parts: ThisProcess, user: CurrentUser) -> RunView:
    """One of your runs."""
    return RunView.of(await parts.runs.get(user.user_id, RunId(run_id)))


@router.post("/runs/{run_id}/cancel", operation_id="cancel_run", responses=problem_responses(RunEnded))
async def cancel_run(run_id: PathId, parts: ThisProcess, user: CurrentUser) -> RunState:
    """Cancel a run: at once when nobody executes it yet, otherwise soon; `agent_cancelled` is its last event."""
    return RunState(run_id=run_id, state=await parts.runs.cancel(user.user_id, RunId(run_id)))


@router.post("/runs/{run_id}/answer", operation_id="answer_run", responses=problem_responses(NotWaiting, InvalidInput))
async def answer_run(run_id: PathId, body: AnswerBody, parts: ThisProcess, user: CurrentUser) -> RunState:
    """Answer the question that a run waits for; the run goes on."""
    state = await parts.runs.answer(user.user_id, RunId(run_id), body.request_id, body.value)
    return RunState(run_id=run_id, state=state)
