"""Threads over HTTP: conversations, each with a log of its own."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Response, status
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from netra.db.tables import Thread
from netra.errors import InvalidInput, NotFound, Unauthenticated
from netra.gateway.dependencies import CurrentUser, OwnOnly, PathId, ThisProcess, UserSession
from netra.gateway.paging import After, Limit, decode_place, page_of
from netra.gateway.problems import problem_responses
from netra.ids import ThreadId, UserId, new_uuid
from netra.protocols.value import objection
from netra.streams.threads import TooManyThreads, begin

router = APIRouter(
    prefix="/api/threads", tags=["threads"], dependencies=[OwnOnly], responses=problem_responses(Unauthenticated)
)

LONGEST_TITLE = 200

Title = Annotated[str, Field(max_length=LONGEST_TITLE, examples=["What did March cost?"])]


class NewThread(BaseModel):
    """What to call a new thread."""

    model_config = ConfigDict(extra="forbid")
    title: Title = ""


class ThreadPatch(BaseModel):
    """What to change of a thread."""

    model_config = ConfigDict(extra="forbid")
    title: Title


class ThreadView(BaseModel):
    """A thread, and where its log stands: events `tail + 1` to `head` exist."""

    id: UUID
    title: str
    epoch: int
    tail: int
    head: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Thread) -> Self:
        return cls.model_validate(row, from_attributes=True)


class ThreadPage(BaseModel):
    """Some of one's threads, the most recently used first."""

    threads: list[ThreadView]
    next_cursor: str | None = Field(description="Leads to the next page; null on the last.")


@router.get("", operation_id="list_threads")
async def list_threads(session: UserSession, user: CurrentUser, cursor: After = None, limit: Limit = 50) -> ThreadPage:
    """Your threads, the most recently used first."""
    query = select(Thread).where(Thread.user_id == user.user_id, Thread.kind == "conversation")
    if cursor is not None:
        query = query.where(tuple_(Thread.updated_at, Thread.id) < decode_place(cursor))
    rows = (await session.scalars(query.order_by(Thread.updated_at.desc(), Thread.id.desc()).limit(limit + 1))).all()
    shown, more = page_of(rows, limit, lambda row: (row.updated_at, row.id))
    return ThreadPage(threads=[ThreadView.of(row) for row in shown], next_cursor=more)


@router.post(
    "",
    operation_id="create_thread",
    status_code=status.HTTP_201_CREATED,
    responses=problem_responses(InvalidInput, TooManyThreads),
)
async def create_thread(parts: ThisProcess, user: CurrentUser, body: NewThread | None = None) -> ThreadView:
    """Begin a thread, within the number that your plan has room for. `start_agent` without a thread does it, too."""
    title, thread_id = _title(body.title if body else ""), ThreadId(new_uuid())
    scope = parts.database.for_user(user.user_id)
    async with scope.transaction() as connection:
        await begin(connection, user.user_id, thread_id, title)
    async with scope.session() as session:
        return ThreadView.of(await _read(session, user.user_id, thread_id))


@router.get("/{thread_id}", operation_id="get_thread", responses=problem_responses(NotFound))
async def get_thread(thread_id: PathId, session: UserSession, user: CurrentUser) -> ThreadView:
    """One of your threads."""
    return ThreadView.of(await _read(session, user.user_id, thread_id))


@router.patch("/{thread_id}", operation_id="rename_thread", responses=problem_responses(NotFound, InvalidInput))
async def rename_thread(thread_id: PathId, body: ThreadPatch, session: UserSession, user: CurrentUser) -> ThreadView:
    """Give one of your threads another title."""
    row = await _read(session, user.user_id, thread_id)
    row.title = _title(body.title)
    row.updated_at = func.now()
    await session.flush()
    await session.refresh(row)
    return ThreadView.of(row)


@router.delete(
    "/{thread_id}",
    operation_id="delete_thread",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problem_responses(NotFound),
)
async def delete_thread(thread_id: PathId, parts: ThisProcess, user: CurrentUser) -> Response:
    """Delete one of your threads with its log, and end its runs. Open readers get a `reset`, reason `thread_deleted`."""
    await parts.runs.delete_thread(user.user_id, ThreadId(thread_id))
    return Response(status_code=status.HTTP_204_NO_CONTENT)


async def _read(session: AsyncSession, user_id: UserId, thread_id: UUID) -> Thread:
    query = select(Thread).where(Thread.user_id == user_id, Thread.id == thread_id, Thread.kind == "conversation")
    if (row := (await session.scalars(query)).one_or_none()) is None:
        raise NotFound
    return row


def _title(text: str) -> str:
    if (words := objection(text)) is not None:
        raise InvalidInput(f"The title {words}.", field="title")
    return text.strip()
