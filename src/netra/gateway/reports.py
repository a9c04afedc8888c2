"""Reports over HTTP: what runs have written, for their owner to read."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from sqlalchemy import select, tuple_

from netra.db.tables import ReportRow
from netra.errors import NotFound, Unauthenticated
from netra.gateway.dependencies import CurrentUser, OwnOnly, PathId, UserSession
from netra.gateway.paging import After, Limit, decode_place, encode_place
from netra.gateway.problems import problem_responses

router = APIRouter(
    prefix="/api/reports", tags=["reports"], dependencies=[OwnOnly], responses=problem_responses(Unauthenticated)
)


class ReportSummary(BaseModel):
    """A report without its text."""

    id: UUID
    run_id: UUID
    title: str
    created_at: datetime


class ReportView(ReportSummary):
    """A report; `body` is as the agent wrote it."""

    body: dict[str, Any]

    @classmethod
    def of(cls, row: ReportRow) -> Self:
        return cls.model_validate(row, from_attributes=True)


class ReportList(BaseModel):
    """Some of one's reports, the newest first."""

    reports: list[ReportSummary]
    next_cursor: str | None = Field(description="Leads to the next page; null on the last.")


@router.get("", operation_id="list_reports")
async def list_reports(
    session: UserSession,
    user: CurrentUser,
    run_id: Annotated[UUID | None, Query(description="Only those of one run.")] = None,
    cursor: After = None,
    limit: Limit = 50,
) -> ReportList:
    """Your reports, the newest first."""
    columns = (ReportRow.id, ReportRow.run_id, ReportRow.title, ReportRow.created_at)
    query = select(*columns).where(ReportRow.user_id == user.user_id)
    if run_id is not None:
        query = query.where(ReportRow.run_id == run_id)
    if cursor is not None:
        query = query.where(tuple_(ReportRow.created_at, ReportRow.id) < decode_place(cursor))
    rows = (await session.execute(query.order_by(ReportRow.created_at.desc(), ReportRow.id.desc()).limit(limit + 1))).all()
    shown = rows[:limit]
    more = encode_place(shown[-1].created_at, shown[-1].id) if len(rows) > limit else None
    return ReportList(reports=[ReportSummary.model_validate(row, from_attributes=True) for row in shown], next_cursor=more)


@router.get("/{report_id}", operation_id="get_report", responses=problem_responses(NotFound))
async def get_report(report_id: PathId, session: UserSession, user: CurrentUser) -> ReportView:
    """One of your reports."""
    query = select(ReportRow).where(ReportRow.user_id == user.user_id, ReportRow.id == report_id)
    if (row := (await session.scalars(query)).one_or_none()) is None:
        raise NotFound
    return ReportView.of(row)
