"""Files that tools made, over HTTP: list, fetch and delete one's own."""

from datetime import datetime
from typing import Annotated, Final, Self
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Header, Response, status
from pydantic import BaseModel, Field

from netra.datasets.artifacts import ArtifactInfo
from netra.errors import NotFound, Unauthenticated
from netra.gateway.dependencies import CurrentUser, OwnOnly, PathId, ThisProcess
from netra.gateway.paging import After, Limit, decode_place, page_of
from netra.gateway.problems import problem_responses
from netra.ids import ArtifactId

PATH: Final = "/api/artifacts"

router = APIRouter(prefix=PATH, tags=["artifacts"], dependencies=[OwnOnly], responses=problem_responses(Unauthenticated))

INERT: Final = {
    # A browser saves the file under its name; it neither shows it, nor guesses that it might be a page of ours.
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    # Kept by its owner's browser alone, and asked for again each time: it may have been deleted.
    "Cache-Control": "private, no-cache",
}

FILE: Final = {"description": "The file.", "content": {"application/octet-stream": {}, "text/csv": {}, "application/json": {}}}


class ArtifactView(BaseModel):
    """A file that a tool made, without its content."""

    id: UUID
    name: str
    media_type: str
    tool: str
    bytes: int
    sha256: str
    created_at: datetime

    @classmethod
    def of(cls, info: ArtifactInfo) -> Self:
        return cls.model_validate(info, from_attributes=True)


class ArtifactList(BaseModel):
    """Some of one's files, the newest first."""

    artifacts: list[ArtifactView]
    next_cursor: str | None = Field(description="Leads to the next page; null on the last.")


@router.get("", operation_id="list_artifacts")
async def list_artifacts(parts: ThisProcess, user: CurrentUser, cursor: After = None, limit: Limit = 50) -> ArtifactList:
    """Files that tools made for you, the newest first."""
    before = decode_place(cursor) if cursor is not None else None
    found = await parts.artifacts.list(user.user_id, before, limit + 1)
    shown, more = page_of(found, limit, lambda info: (info.created_at, info.id))
    return ArtifactList(artifacts=[ArtifactView.of(info) for info in shown], next_cursor=more)


@router.get(
    "/{artifact_id}",
    operation_id="get_artifact",
    response_class=Response,
    responses={200: FILE, 304: {"description": "It is the file that you have."}, **problem_responses(NotFound)},
)
async def get_artifact(
    artifact_id: PathId,
    parts: ThisProcess,
    user: CurrentUser,
    if_none_match: Annotated[str | None, Header(description="The `ETag` of the file that you have.")] = None,
) -> Response:
    """One of your files, to be saved. Its `ETag` is its SHA-256."""
    info = await parts.artifacts.get(user.user_id, ArtifactId(artifact_id))
    tag = f'"{info.sha256}"'
    headers = {**INERT, "ETag": tag}
    known = [other.strip().removeprefix("W/") for other in (if_none_match or "").split(",")]
    if tag in known or known == ["*"]:
        return Response(status_code=status.HTTP_304_NOT_MODIFIED, headers=headers)
    body = await parts.artifacts.read(user.user_id, info.id)
    headers["Content-Disposition"] = disposition(info.name)
    headers["Content-Type"] = info.media_type
    return Response(body, headers=headers)


@router.delete(
    "/{artifact_id}",
    operation_id="delete_artifact",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problem_responses(NotFound),
)
async def delete_artifact(artifact_id: PathId, parts: ThisProcess, user: CurrentUser) -> Response:
    """Delete one of your files."""
    await parts.artifacts.delete(user.user_id, ArtifactId(artifact_id))
    return Response(status_code=status.HTTP_204_NO_CONTENT)


def disposition(name: str) -> str:
    """The header that has a client save a file under this name (RFC 6266), whatever letters it is written in."""
    plain = "".join(letter if letter.isascii() and letter.isprintable() and letter not in '"\\%' else "_" for letter in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
