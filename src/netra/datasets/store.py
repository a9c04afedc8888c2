"""Datasets as their owner sees them: a row in the database, and beside it a folder with the original and its Parquet file.

The folder is `root/<user id>/<dataset id>`, and both names are ids, whatever came in: a path leads nowhere but to the folder
of one user's one dataset. A folder is filled under another name, made durable and renamed before its row is committed, so a
row always has its files (`netra.datasets.loading`); the other way round, a folder whose row never came is what `sweep` removes.
"""

import asyncio
import errno
import hashlib
import math
import shutil
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, cast
from uuid import UUID

import duckdb
from sqlalchemy import delete, select

from netra.clock import Clock, SystemClock
from netra.datasets.engine import ConnectionSource
from netra.datasets.importer import FORMATS, Format, Imported, ImportProgress, import_file
from netra.datasets.loading import (
    ORIGINAL,
    ROWS,
    LoadingDataset,
    LoadingFolder,
    Stage,
    find_loading,
    is_held,
    list_loading,
)
from netra.datasets.offload import in_thread
from netra.datasets.original import OriginalQuery, open_original
from netra.datasets.query import DatasetQuery, open_query
from netra.db.database import Database
from netra.db.tables import Dataset
from netra.errors import Conflict, InvalidInput, NetraError, NotFound, Unavailable
from netra.ids import DatasetId, UserId, new_uuid, parse_uuid

LONGEST_NAME: Final = 200
LARGEST_PAGE: Final = 100
# How old a folder without a row that nobody holds must be before it is taken for one that a crash left: the instant between
# making a folder and holding it, and a commit whose connection died, are over long before.
ORPHAN_AFTER: Final = 300.0
WRITE_BYTES: Final = 1 << 20
STATEMENTS_AT_ONCE: Final = 4
"""Statements over datasets that one process executes at once; others wait for their turn. A hundred runs that all measured at
once left the process no time to say that it was alive. Statements take turns, not datasets: who compares two has both open."""


class DatasetTooLarge(InvalidInput):
    """The file is larger than this server takes."""

    code, status = "dataset_too_large", 413


class StorageRefused(Unavailable):
    """The server's disk does not take the dataset now; nothing of it was kept."""

    code = "storage_refused"


class StorageFull(StorageRefused):
    """The server's disk has no room for the dataset; nothing of it was kept."""

    code, status = "storage_full", 507


class DatasetLoading(Conflict):
    """The dataset is still loading."""

    code = "dataset_loading"


def refusal_of(error: Exception) -> StorageRefused:
    """What a user is told of an error of the disk, from the system or out of DuckDB, which has no class for a full one."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT) if isinstance(error, OSError) else "No space left" in str(error)
    return StorageFull() if full else StorageRefused()


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """What is known of a dataset without reading its rows."""

    id: DatasetId
    name: str
    format: Format
    mapping: Mapping[str, str]
    """Canonical column to source column."""
    rows: int
    rejected: int
    problems: tuple[Mapping[str, Any], ...]
    """The first rejected rows: `line`, `field`, `reason`, `value`."""
    notes: tuple[str, ...]
    bytes: int
    sha256: str
    first_at: datetime | None
    last_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class DatasetPage:
    """Some of a user's datasets, newest first, and where the next page begins."""

    items: tuple[DatasetInfo, ...]
    next_cursor: str | None


class Datasets:
    """The datasets of every user, each reachable by its owner alone."""

    def __init__(
        self,
        database: Database,
        root: Path,
        max_bytes: int,
        *,
        imports_at_once: int = 2,
        clock: Clock | None = None,
        pool: ConnectionSource | None = None,
    ) -> None:
        """`max_bytes` bounds one upload; `imports_at_once` bounds the memory that all imports of this process take.

        Queries use connections out of `pool`; an import, which takes far longer than making one, makes its own.
        """
        self._database = database
        self._root = root
        self._max_bytes = max_bytes
        self._imports = asyncio.Semaphore(imports_at_once)
        self._turns = asyncio.Semaphore(STATEMENTS_AT_ONCE)
        self._clock = clock or SystemClock()
        self._pool = pool

    async def create(
        self,
        user_id: UserId,
        name: str,
        chunks: AsyncIterable[bytes],
        file_format: str | None = None,
        mapping: Mapping[str, str | None] | None = None,
        *,
        tell: Callable[[LoadingDataset], None] = lambda _: None,
    ) -> DatasetInfo:
        """Store the file that `chunks` bring and import it; see `importer.import_file` for format and mapping.

        `tell` hears, in one thread or another, how far it is; others read it with `loading` and `find_loading`.

        Raises `InvalidInput` naming the field, `DatasetTooLarge` as soon as too much has come, or `StorageRefused`; then
        nothing is kept.
        """
        name = _checked_name(name)
        if file_format is not None and file_format not in FORMATS:
            raise InvalidInput(f"The format is one of {', '.join(FORMATS)}.", field="format")
        dataset_id = DatasetId(new_uuid())
        loading = LoadingDataset(dataset_id, name, "receiving", self._clock.now())
        folder = LoadingFolder(self._folder(user_id, dataset_id), loading, tell)
        source, rows = folder.partial / ORIGINAL, folder.partial / ROWS

        def read(progress: ImportProgress) -> None:
            stage: Stage = "reading" if progress.share < 1 else "writing"
            folder.say(stage, records=progress.records, share=progress.share)

        try:
            try:
                await in_thread(folder.begin)
                size, sha256 = await self._receive(chunks, source, folder)
                await in_thread(lambda: folder.say("waiting", received=size))
                async with self._imports:
                    imported = await import_file(source, rows, file_format=file_format, mapping=mapping, tell=read)
                await in_thread(folder.publish)
            except (OSError, duckdb.IOException) as error:
                raise refusal_of(error) from error
            # From here on a failure may be one of the answer only, with the row committed: the folder stays, and `sweep`
            # judges it.
            return await self._record(user_id, dataset_id, name, imported, size, sha256)
        finally:
            await in_thread(folder.end)

    async def list(self, user_id: UserId, cursor: str | None = None, limit: int = 50) -> DatasetPage:
        """A page of the user's datasets, newest first; `cursor` is the `next_cursor` of the page before."""
        query = select(Dataset).where(Dataset.user_id == user_id).order_by(Dataset.id.desc())
        limit = max(1, min(limit, LARGEST_PAGE))
        if cursor is not None:
            # Ids are UUIDv7, so their order is that of creation.
            if (before := parse_uuid(cursor)) is None:
                raise InvalidInput("The cursor is not one that a page gave.", field="cursor")
            query = query.where(Dataset.id < before)
        async with self._database.for_user(user_id).session() as session:
            found = list(await session.scalars(query.limit(limit + 1)))
        items = tuple(map(_info, found[:limit]))
        return DatasetPage(items, str(items[-1].id) if len(found) > limit else None)

    async def get(self, user_id: UserId, dataset_id: DatasetId) -> DatasetInfo:
        """Raises `NotFound` for an unknown id, and for somebody else's just so; `DatasetLoading` while it is on its way."""
        query = select(Dataset).where(Dataset.user_id == user_id, Dataset.id == dataset_id)
        async with self._database.for_user(user_id).session() as session:
            row = await session.scalar(query)
        if row is None:
            raise await self._absent(user_id, dataset_id)
        return _info(row)

    async def loading(self, user_id: UserId) -> Sequence[LoadingDataset]:
        """The user's datasets that are on their way, the newest first."""
        owner = self._root / str(UUID(str(user_id)))
        return sorted(await in_thread(lambda: list(list_loading(owner))), key=lambda each: each.id, reverse=True)

    async def find_loading(self, user_id: UserId, dataset_id: DatasetId) -> LoadingDataset | None:
        """One of them; None when there is none of this id."""
        return await in_thread(find_loading, self._folder(user_id, dataset_id))

    async def find(self, user_id: UserId, reference: str) -> DatasetInfo:
        """The user's dataset with this id, else the newest with this name. Raises `NotFound`."""
        newest = select(Dataset).where(Dataset.user_id == user_id).order_by(Dataset.id.desc()).limit(1)
        wanted = [Dataset.name == reference] if reference.isprintable() else []
        if (dataset_id := parse_uuid(reference)) is not None:
            wanted.insert(0, Dataset.id == dataset_id)
        async with self._database.for_user(user_id).session() as session:
            for condition in wanted:
                if (row := await session.scalar(newest.where(condition))) is not None:
                    return _info(row)
        raise NotFound

    async def delete(self, user_id: UserId, dataset_id: DatasetId) -> None:
        """Forget the dataset, then its files. Raises `NotFound`, or `DatasetLoading` while it is on its way."""
        async with self._database.for_user(user_id).session() as session:
            gone = await session.scalar(
                delete(Dataset).where(Dataset.user_id == user_id, Dataset.id == dataset_id).returning(Dataset.id)
            )
        if gone is None:
            raise await self._absent(user_id, dataset_id)
        await in_thread(lambda: shutil.rmtree(self._folder(user_id, dataset_id), ignore_errors=True))

    async def path(self, user_id: UserId, dataset_id: DatasetId) -> Path:
        """The canonical Parquet file of a dataset that the user owns. Raises `NotFound`."""
        dataset = await self.get(user_id, dataset_id)
        return self._folder(user_id, dataset.id) / ROWS

    @asynccontextmanager
    async def open(self, user_id: UserId, dataset_id: DatasetId) -> AsyncIterator[DatasetQuery]:
        """The rows of a dataset that the user owns, to query until the block ends. Raises `NotFound`."""
        path = await self.path(user_id, dataset_id)
        async with open_query(dataset_id, path, self._pool, self._turns) as query:
            yield query

    @asynccontextmanager
    async def open_original(
        self, user_id: UserId, dataset_id: DatasetId, pick: Callable[[Sequence[str]], Sequence[str]]
    ) -> AsyncIterator[OriginalQuery]:
        """The columns that `pick` takes of the file as the user uploaded it, until the block ends. Raises `NotFound`."""
        dataset = await self.get(user_id, dataset_id)
        source = self._folder(user_id, dataset.id) / ORIGINAL
        async with AsyncExitStack() as stack:
            # Reading a whole file takes what an import takes, so it waits among the imports; querying it does not.
            async with self._imports:
                opening = open_original(dataset.id, source, dataset.format, dataset.mapping, pick, self._pool)
                query = await stack.enter_async_context(opening)
            yield query

    async def sweep(self) -> int:
        """Remove what crashes left: folders whose row never came or is gone. Returns how many."""
        removed = 0
        before = self._clock.now().timestamp() - ORPHAN_AFTER
        # Who holds a folder lets go of it when its row is there, so of those that nobody holds the rows say all.
        for user_id, folders in (await in_thread(_old_folders, self._root, before)).items():
            async with self._database.for_user(user_id).session() as session:
                known = set(await session.scalars(select(Dataset.id).where(Dataset.user_id == user_id)))
            orphans = [folder for folder in folders if parse_uuid(folder.name) not in known]
            for folder in orphans:
                await in_thread(shutil.rmtree, folder, True)
            removed += len(orphans)
        return removed

    async def _absent(self, user_id: UserId, dataset_id: DatasetId) -> NetraError:
        """Why a dataset that was asked for is not there."""
        loading = await self.find_loading(user_id, dataset_id)
        if loading is None:
            return NotFound()
        return DatasetLoading(f"The dataset is still loading; {loading.records} records of it are read.")

    def _folder(self, user_id: UserId, dataset_id: DatasetId) -> Path:
        # Through UUID on both: whatever reaches this line can name nothing but a folder of this shape.
        return self._root / str(UUID(str(user_id))) / str(UUID(str(dataset_id)))

    async def _receive(self, chunks: AsyncIterable[bytes], target: Path, folder: LoadingFolder) -> tuple[int, str]:
        """Write the upload to `target` as it comes. Returns its size in bytes and its SHA-256 in hex."""
        digest, size, held = hashlib.sha256(), 0, bytearray()

        def write() -> None:
            digest.update(held)
            with target.open("ab") as file:
                file.write(held)
            held.clear()
            folder.say("receiving", received=size)

        async for chunk in chunks:
            size += len(chunk)
            if size > self._max_bytes:
                raise DatasetTooLarge(
                    f"The file is larger than the {self._max_bytes} bytes that this server takes.",
                    field="file",
                    limit=self._max_bytes,
                )
            held += chunk
            if len(held) >= WRITE_BYTES:
                await in_thread(write)
        await in_thread(write)
        return size, digest.hexdigest()

    async def _record(
        self, user_id: UserId, dataset_id: DatasetId, name: str, imported: Imported, size: int, sha256: str
    ) -> DatasetInfo:
        row = Dataset(
            user_id=user_id,
            id=dataset_id,
            name=name,
            format=imported.format,
            mapping=dict(imported.mapping.sources),
            rows=imported.rows,
            rejected=imported.rejected,
            problems=[asdict(problem) for problem in imported.problems],
            notes=list(imported.notes),
            bytes=size,
            sha256=sha256,
            first_at=imported.first_at,
            last_at=imported.last_at,
        )
        async with self._database.for_user(user_id).session() as session:
            session.add(row)
            await session.flush()
            await session.refresh(row)
        return _info(row)


def _old_folders(root: Path, before: float) -> dict[UserId, list[Path]]:
    """Every dataset folder that nobody holds and nothing has touched since `before`, by the user whose it is."""
    folders: dict[UserId, list[Path]] = {}
    for owner in root.iterdir() if root.is_dir() else ():
        if (user_id := parse_uuid(owner.name)) is not None:
            old = [folder for folder in owner.iterdir() if _touched(folder) < before and not is_held(folder)]
            if old:
                folders[UserId(user_id)] = old
    return folders


def _touched(folder: Path) -> float:
    """When the folder or a file in it was last written, in seconds since 1970; never, if it goes away while we look."""
    try:
        return max(path.stat().st_mtime for path in (folder, *folder.rglob("*")))
    except FileNotFoundError:
        return math.inf


def _checked_name(name: str) -> str:
    name = name.strip()
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise InvalidInput(f"A dataset's name is 1 to {LONGEST_NAME} printable characters.", field="name")
    return name


def _info(row: Dataset) -> DatasetInfo:
    return DatasetInfo(
        id=DatasetId(row.id),
        name=row.name,
        format=cast(Format, row.format),
        mapping=row.mapping,
        rows=row.rows,
        rejected=row.rejected,
        problems=tuple(row.problems),
        notes=tuple(row.notes),
        bytes=row.bytes,
        sha256=row.sha256,
        first_at=row.first_at,
        last_at=row.last_at,
        created_at=row.created_at,
    )
