"""Personal API keys: shown once, kept as a hash, usable as a bearer token until they are revoked or expire."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from netra.auth import opaque
from netra.auth.access import AccessListener, nobody_listens
from netra.auth.audit import record
from netra.db.database import Database
from netra.db.tables import Account, ApiKey
from netra.errors import Conflict, Forbidden, NotFound
from netra.ids import UserId, new_uuid

PER_USER: Final = 50
"""Live keys that one user may hold. Enough for every machine of a person, and an end for a loop gone wrong."""

SHOWN: Final = len(opaque.API_KEY) + 6
"""Characters of a key that are kept in clear, so that its owner can tell it from the others."""


class TooManyKeys(Conflict):
    """You have as many API keys as one user may have; revoke one first."""

    code = "too_many_keys"


class PersonRequired(Forbidden):
    """This is for people; a service signs in with its secret."""

    code = "person_required"


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """What is known of a key once it has been shown."""

    id: UUID
    name: str
    prefix: str
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None


LIVE: Final = (ApiKey.revoked_at.is_(None), or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > func.now()))


class ApiKeys:
    """The API keys of every user.

    They are read in their owner's scope. What makes and ends them is the system's, as with sessions: each leaves a line in the
    audit in the same transaction, which no transaction of a user may write to.
    """

    def __init__(self, database: Database, on_access_change: AccessListener = nobody_listens) -> None:
        self._database = database
        self._on_access_change = on_access_change

    async def create(self, user_id: UserId, name: str, *, lifetime: float | None = None) -> tuple[str, KeyRecord]:
        """Make a key that lasts `lifetime` seconds (None: until it is revoked). Returns it, for the only time, and its record.

        Raises `TooManyKeys`, or `PersonRequired` for a service: its tokens end when the operator removes it, and a key would
        not.
        """
        key = opaque.mint(opaque.API_KEY)
        async with self._database.system().session() as session:
            # The account's row is the lock that makes the count below true for simultaneous callers.
            locked = select(Account.kind).where(Account.id == user_id).with_for_update(key_share=True)
            if await session.scalar(locked) == "service":
                raise PersonRequired
            live = select(func.count()).select_from(ApiKey).where(ApiKey.user_id == user_id, *LIVE)
            if (await session.scalar(live) or 0) >= PER_USER:
                raise TooManyKeys
            added = await session.scalars(
                insert(ApiKey)
                .values(
                    user_id=user_id,
                    id=new_uuid(),
                    name=name,
                    prefix=key[:SHOWN],
                    hash=opaque.digest(opaque.API_KEY, key),
                    expires_at=None if lifetime is None else func.now() + timedelta(seconds=lifetime),
                )
                .returning(ApiKey)
            )
            row = added.one()
            record(session, "api_key_created", user_id, actor_id=user_id, api_key_id=str(row.id), prefix=row.prefix)
            return key, _record(row)

    async def list(self, user_id: UserId) -> Sequence[KeyRecord]:
        """The user's live keys, the oldest first."""
        async with self._database.for_user(user_id).session() as session:
            rows = await session.scalars(select(ApiKey).where(*LIVE).order_by(ApiKey.id))
            return [_record(row) for row in rows]

    async def revoke(self, user_id: UserId, key_id: UUID) -> None:
        """End a key, on every process. Raises `NotFound` for a key that is unknown, not the user's, or has ended."""
        async with self._database.system().session() as session:
            ended = await session.scalar(
                update(ApiKey)
                .where(ApiKey.user_id == user_id, ApiKey.id == key_id, *LIVE)
                .values(revoked_at=func.now())
                .returning(ApiKey.id)
            )
            if ended is None:
                raise NotFound
            record(session, "api_key_revoked", user_id, actor_id=user_id, api_key_id=str(key_id))
        await self._on_access_change(user_id, None)

    async def revoke_all(self, session: AsyncSession, user_id: UserId) -> int:
        """End every key of a user within the caller's transaction (system scope), who tells the listener afterwards.

        Returns how many there were.
        """
        ended = await session.scalars(
            update(ApiKey).where(ApiKey.user_id == user_id, *LIVE).values(revoked_at=func.now()).returning(ApiKey.id)
        )
        return len(ended.all())


def _record(row: ApiKey) -> KeyRecord:
    return KeyRecord(row.id, row.name, row.prefix, row.created_at, row.last_used_at, row.expires_at)
