"""Files that tools made for a user: too large for an answer, fetched by their owner alone.

A file is written once, whole, in one transaction, and never changes: its id comes from the call that made it, so that a call
which is begun again after a crash writes the same file or finds it there. What one user's files take together is bounded;
simultaneous writes of one user take turns, so that the bound is exact.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import delete, select, tuple_

from netra.db.database import Connection, Database
from netra.db.sql import NamedQueries
from netra.db.tables import ArtifactRow
from netra.errors import InvalidInput, NetraError, NotFound
from netra.ids import ArtifactId, UserId
from netra.protocols.value import objection

QUERIES: Final = NamedQueries("netra.datasets", "artifacts.sql")

LARGEST_ARTIFACT: Final = 32 * 1024 * 1024
"""Bytes of one file. It is in memory as a whole while it is made, and again while it is fetched."""

ROOM: Final = 256 * 1024 * 1024
"""Bytes that one user's files may take together, unless the operator says otherwise."""

LONGEST_NAME: Final = 100


class ArtifactTooLarge(InvalidInput):
    """The file would be larger than one may be."""

    code, status = "artifact_too_large", 413


class ArtifactsFull(NetraError):
    """Your files take all the room that they may; delete some."""

    code, status = "artifacts_full", 409


@dataclass(frozen=True, slots=True)
class ArtifactInfo:
    """What is known of a file without reading it."""

    id: ArtifactId
    name: str
    media_type: str
    tool: str
    bytes: int
    sha256: str
    """In hex."""
    created_at: datetime


COLUMNS: Final = (
    ArtifactRow.id,
    ArtifactRow.name,
    ArtifactRow.media_type,
    ArtifactRow.tool,
    ArtifactRow.bytes,
    ArtifactRow.sha256,
    ArtifactRow.created_at,
)


class Artifacts:
    """The files of every user, each reachable by its owner alone."""

    def __init__(self, database: Database, room: int = ROOM) -> None:
        """`room` is in bytes: what one user's files may take together."""
        self._database = database
        self._room = room

    async def add(
        self, user_id: UserId, artifact_id: ArtifactId, name: str, media_type: str, tool: str, body: bytes
    ) -> ArtifactInfo:
        """Keep a file, unless one of this id is kept already; return what is kept.

        Raises `ArtifactTooLarge`, or `ArtifactsFull` with `room` and `used` in bytes.
        """
        if len(body) > LARGEST_ARTIFACT:
            raise ArtifactTooLarge(f"The file would have {len(body):,} bytes; {LARGEST_ARTIFACT:,} are the most.")
        async with self._database.for_user(user_id).transaction(turn="artifacts") as connection:
            used = await self._used(connection, user_id, artifact_id)
            if used + len(body) > self._room:
                raise ArtifactsFull(
                    f"Your files take {used:,} of {self._room:,} bytes, and this one has {len(body):,}; delete some.",
                    room=self._room,
                    used=used,
                )
            await connection.execute(
                QUERIES["add"],
                {
                    "user_id": user_id,
                    "id": artifact_id,
                    "name": name,
                    "media_type": media_type,
                    "tool": tool,
                    "body": body,
                    "sha256": hashlib.sha256(body).hexdigest(),
                },
            )
        return await self.get(user_id, artifact_id)

    async def list(self, user_id: UserId, before: tuple[datetime, UUID] | None, limit: int) -> Sequence[ArtifactInfo]:
        """The user's files, the newest first, from the one after `before` on."""
        query = select(*COLUMNS).where(ArtifactRow.user_id == user_id)
        if before is not None:
            query = query.where(tuple_(ArtifactRow.created_at, ArtifactRow.id) < before)
        query = query.order_by(ArtifactRow.created_at.desc(), ArtifactRow.id.desc()).limit(limit)
        async with self._database.for_user(user_id).session() as session:
            return [_info(*row) for row in await session.execute(query)]

    async def get(self, user_id: UserId, artifact_id: ArtifactId) -> ArtifactInfo:
        """Raises `NotFound` for an unknown id, and for somebody else's just so."""
        query = select(*COLUMNS).where(ArtifactRow.user_id == user_id, ArtifactRow.id == artifact_id)
        async with self._database.for_user(user_id).session() as session:
            row = (await session.execute(query)).one_or_none()
        if row is None:
            raise NotFound
        return _info(*row)

    async def read(self, user_id: UserId, artifact_id: ArtifactId) -> bytes:
        """The file itself. Raises `NotFound`."""
        query = select(ArtifactRow.body).where(ArtifactRow.user_id == user_id, ArtifactRow.id == artifact_id)
        async with self._database.for_user(user_id).session() as session:
            body = await session.scalar(query)
        if body is None:
            raise NotFound
        return body

    async def delete(self, user_id: UserId, artifact_id: ArtifactId) -> None:
        """Forget a file. Raises `NotFound`."""
        gone = (
            delete(ArtifactRow).where(ArtifactRow.user_id == user_id, ArtifactRow.id == artifact_id).returning(ArtifactRow.id)
        )
        async with self._database.for_user(user_id).session() as session:
            if await session.scalar(gone) is None:
                raise NotFound

    @staticmethod
    async def _used(connection: Connection, user_id: UserId, apart_from: ArtifactId) -> int:
        cursor = await connection.execute(QUERIES["used"], {"user_id": user_id, "apart_from": apart_from})
        return int((await cursor.fetchone() or (0,))[0])


def _info(
    artifact_id: UUID, name: str, media_type: str, tool: str, size: int, sha256: str, created_at: datetime
) -> ArtifactInfo:
    """What `COLUMNS` say of a file."""
    return ArtifactInfo(ArtifactId(artifact_id), name, media_type, tool, size, sha256, created_at)


def checked_name(name: str, field: str) -> str:
    """A file's name as its owner may choose it. Raises `InvalidInput` that names the field."""
    name = name.strip()
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable() or name.strip(".") == "" or set(name) & set('/\\:"'):
        raise InvalidInput(
            f"A file's name is 1 to {LONGEST_NAME} printable characters, without / \\ : and quotation marks.", field=field
        )
    if (words := objection(name)) is not None:
        raise InvalidInput(f"A file's name {words}.", field=field)
    return name
