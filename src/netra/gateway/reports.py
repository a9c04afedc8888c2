"""Reports over HTTP: what runs have written, for their owner to read."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Self
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field
from sqlalchemy import select, tuple_

from netra.agents.export.edition import edit
from netra.agents.export.markdown import write_markdown
from netra.agents.export.page import write_page
from netra.agents.export.pdf import PdfNotInstalled, PressBusy, ReportTooLong
from netra.datasets.offload import in_thread
from netra.db.tables import ReportRow
from netra.errors import NotFound, Unauthenticated
from netra.gateway.artifacts import INERT, disposition
from netra.gateway.dependencies import CurrentUser, OwnOnly, PathId, ThisProcess, UserSession
from netra.gateway.paging import After, Limit, decode_place, page_of
from netra.gateway.problems import problem_responses

router = APIRouter(
    prefix="/api/reports", tags=["reports"], dependencies=[OwnOnly], responses=problem_responses(Unauthenticated)
)


class ExportFormat(StrEnum):
    """What a report can be had as."""

    MARKDOWN = "markdown"
    HTML = "html"
    PDF = "pdf"


MEDIA: Final = {
    ExportFormat.MARKDOWN: ("text/markdown; charset=utf-8", ".md"),
    ExportFormat.HTML: ("text/html; charset=utf-8", ".html"),
    ExportFormat.PDF: ("application/pdf", ".pdf"),
}
FILE: Final = {
    "description": "The report as a file.",
    "content": {media.partition(";")[0]: {} for media, _ in MEDIA.values()},
}
LONGEST_FILE_NAME: Final = 100


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
    shown, more = page_of(rows, limit, lambda row: (row.created_at, row.id))
    return ReportList(reports=[ReportSummary.model_validate(row, from_attributes=True) for row in shown], next_cursor=more)


@router.get("/{report_id}", operation_id="get_report", responses=problem_responses(NotFound))
async def get_report(report_id: PathId, session: UserSession, user: CurrentUser) -> ReportView:
    """One of your reports."""
    return ReportView.of(await _find(report_id, session, user))


@router.get(
    "/{report_id}/export",
    operation_id="export_report",
    response_class=Response,
    responses={200: FILE, **problem_responses(NotFound, ReportTooLong, PdfNotInstalled, PressBusy)},
)
async def export_report(
    report_id: PathId,
    user: CurrentUser,
    parts: ThisProcess,
    export: Annotated[ExportFormat, Query(alias="format", description="The file that is wanted.")] = ExportFormat.HTML,
) -> Response:
    """One of your reports as a file: Markdown with tables, one page of HTML with its charts drawn, or PDF."""
    # Not the request's own session: setting a report takes a while, and no connection waits for it.
    async with parts.database.for_user(user.user_id).session() as session:
        row = await _find(report_id, session, user)
    edition = edit(row.title, row.body, row.created_at)
    body: str | bytes
    match export:
        case ExportFormat.PDF:
            body = await parts.press.set(edition)
        case ExportFormat.HTML:
            body = await in_thread(write_page, edition)
        case _:
            body = await in_thread(write_markdown, edition)
    media, ending = MEDIA[export]
    name = edition.title[:LONGEST_FILE_NAME].replace("/", "-") + ending
    return Response(body, headers={**INERT, "Content-Type": media, "Content-Disposition": disposition(name)})


async def _find(report_id: UUID, session: UserSession, user: CurrentUser) -> ReportRow:
    """A report of this user. Raises `NotFound`."""
    query = select(ReportRow).where(ReportRow.user_id == user.user_id, ReportRow.id == report_id)
    if (row := (await session.scalars(query)).one_or_none()) is None:
        raise NotFound
    return row
