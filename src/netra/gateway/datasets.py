"""Datasets over HTTP: upload a usage log, list, look at and delete what one has uploaded."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response, status
from pydantic import BaseModel, Field
from starlette.datastructures import FormData, UploadFile
from starlette.requests import ClientDisconnect

from netra.datasets.importer import FORMATS
from netra.datasets.loading import LoadingDataset, Stage
from netra.datasets.mapping import read_mapping
from netra.datasets.store import DatasetInfo, DatasetLoading, DatasetTooLarge, StorageFull, StorageRefused, refusal_of
from netra.errors import InvalidInput, NotFound, Unauthenticated
from netra.gateway.dependencies import CurrentUser, OwnOnly, PathId, ThisProcess
from netra.gateway.limits import BodyTooLarge
from netra.gateway.paging import Limit
from netra.gateway.problems import problem_responses
from netra.ids import DatasetId

PATH: Final = "/api/datasets"

CHUNK: Final = 1 << 20

router = APIRouter(prefix=PATH, tags=["datasets"], dependencies=[OwnOnly], responses=problem_responses(Unauthenticated))


class UploadBrokenOff(InvalidInput):
    """The upload ended before the file did; nothing of it was kept."""

    code, status = "upload_broken_off", 400


class DatasetView(BaseModel):
    """A dataset: how it was read, and what could not be."""

    id: UUID
    name: str
    state: Literal["ready"] = "ready"
    format: str
    mapping: dict[str, str] = Field(description="Canonical column to source column.")
    rows: int
    rejected: int
    problems: list[dict[str, Any]] = Field(description="The first rejected rows: line, field, reason, value.")
    notes: list[str]
    bytes: int
    sha256: str
    first_at: datetime | None
    last_at: datetime | None
    created_at: datetime

    @classmethod
    def of(cls, info: DatasetInfo) -> Self:
        return cls.model_validate(asdict(info))


class LoadingView(BaseModel):
    """A dataset that is on its way. Once it is there the same address answers with it; with 404 when it failed or broke off."""

    id: UUID
    name: str
    state: Literal["loading"] = "loading"
    stage: Stage = Field(
        description="`receiving` the file, `waiting` for other imports, `reading` its records, `writing` what reports read."
    )
    received: int = Field(description="Bytes of the file that are here by now.")
    records: int = Field(description="Records read by now, whatever becomes of them.")
    share: float = Field(description="Of the file that is read, from 0 to 1.")
    began_at: datetime

    @classmethod
    def of(cls, loading: LoadingDataset) -> Self:
        return cls.model_validate(asdict(loading))


class DatasetList(BaseModel):
    """Some of one's datasets, the newest first."""

    datasets: list[DatasetView]
    loading: list[LoadingView] = Field(description="Those that are on their way; on the first page only.")
    next_cursor: str | None = Field(description="Leads to the next page; null on the last.")


UPLOAD_BODY: Final = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {
                            "type": "string",
                            "format": "binary",
                            "description": "A usage log: CSV, JSON Lines, a JSON document.",
                        },
                        "name": {"type": "string", "description": "What to call it; the file's own name by default."},
                        "format": {"type": "string", "enum": list(FORMATS)},
                        "mapping": {"type": "string", "description": "JSON: canonical column to source column."},
                    },
                }
            },
            "text/csv": {"schema": {"type": "string"}},
            "application/x-ndjson": {"schema": {"type": "string"}},
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


@router.post(
    "",
    operation_id="upload_dataset",
    status_code=status.HTTP_201_CREATED,
    openapi_extra=UPLOAD_BODY,
    responses=problem_responses(InvalidInput, DatasetTooLarge, BodyTooLarge, StorageRefused, StorageFull),
)
async def upload_dataset(
    request: Request,
    parts: ThisProcess,
    user: CurrentUser,
    name: Annotated[str | None, Query(description="For a plain body; a form has it as a field.")] = None,
    file_format: Annotated[
        str | None, Query(alias="format", description=f"{', '.join(FORMATS)}; recognised by default.")
    ] = None,
    mapping: Annotated[str | None, Query(description="JSON: canonical column to source column.")] = None,
) -> DatasetView:
    """Upload a usage log, as a form with a `file` or as the plain body. All of it is kept, or nothing."""
    async with _upload(request, Upload(name, file_format, mapping, _body(request))) as upload:
        info = await parts.datasets.create(
            user.user_id, upload.name or "dataset", upload.chunks, upload.format, read_mapping(upload.mapping)
        )
    return DatasetView.of(info)


@router.get("", operation_id="list_datasets")
async def list_datasets(
    parts: ThisProcess,
    user: CurrentUser,
    cursor: Annotated[str | None, Query(max_length=200, description="The `next_cursor` of the page before.")] = None,
    limit: Limit = 50,
) -> DatasetList:
    """Your datasets, the newest first."""
    page = await parts.datasets.list(user.user_id, cursor, limit)
    loading = [] if cursor else await parts.datasets.loading(user.user_id)
    return DatasetList(
        datasets=[DatasetView.of(info) for info in page.items],
        loading=[LoadingView.of(each) for each in loading],
        next_cursor=page.next_cursor,
    )


@router.get("/{dataset_id}", operation_id="get_dataset", responses=problem_responses(NotFound))
async def get_dataset(dataset_id: PathId, parts: ThisProcess, user: CurrentUser) -> DatasetView | LoadingView:
    """One of your datasets, or how far it is on its way."""
    loading = await parts.datasets.find_loading(user.user_id, DatasetId(dataset_id))
    if loading is not None:
        return LoadingView.of(loading)
    return DatasetView.of(await parts.datasets.get(user.user_id, DatasetId(dataset_id)))


@router.delete(
    "/{dataset_id}",
    operation_id="delete_dataset",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problem_responses(NotFound, DatasetLoading),
)
async def delete_dataset(dataset_id: PathId, parts: ThisProcess, user: CurrentUser) -> Response:
    """Delete one of your datasets. Reports that were made of it stay."""
    await parts.datasets.delete(user.user_id, DatasetId(dataset_id))
    return Response(status_code=status.HTTP_204_NO_CONTENT)


@dataclass(frozen=True, slots=True)
class Upload:
    """A file on its way, and what its sender says of it."""

    name: str | None
    format: str | None
    mapping: str | None
    chunks: AsyncIterator[bytes]


@asynccontextmanager
async def _upload(request: Request, plain: Upload) -> AsyncIterator[Upload]:
    """The upload of a request: its form's file and fields, or `plain` when it is no form."""
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        yield plain
        return
    try:
        # A form's fields may follow its file, so the file is put by on disk until they are known.
        form = await request.form(max_files=1, max_fields=8)
    except ClientDisconnect:
        raise UploadBrokenOff from None
    except OSError as error:
        raise refusal_of(error) from error
    try:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise InvalidInput("The form has no file.", field="file")
        yield Upload(
            _text(form, "name") or plain.name or file.filename,
            _text(form, "format") or plain.format,
            _text(form, "mapping") or plain.mapping,
            _chunks(file),
        )
    finally:
        await form.close()


def _text(form: FormData, field: str) -> str | None:
    value = form.get(field)
    if isinstance(value, UploadFile):
        raise InvalidInput(f"{field} is text, not a file.", field=field)
    return value or None


async def _body(request: Request) -> AsyncIterator[bytes]:
    try:
        async for chunk in request.stream():
            yield chunk
    except ClientDisconnect:
        raise UploadBrokenOff from None


async def _chunks(file: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await file.read(CHUNK):
        yield chunk
