"""What happened to accounts: written in the transaction that does it, read by administrators, removed when it is old.

A line holds ids, names of roles and keys, a network address, and never a password, a token or what somebody typed into a
form: people type passwords into the field for the address, and the address of an account that does not exist is nobody's
business. docs/sign-in.md lists the actions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from psycopg.types.json import Jsonb
from sqlalchemy import delete, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from netra.db.database import Connection, Database
from netra.db.sql import NamedQueries
from netra.db.tables import Audit
from netra.ids import UserId, new_uuid

QUERIES: Final = NamedQueries("netra.auth", "audit.sql")


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One thing that happened. Without an actor it was the operator's command line, or somebody who proved nothing."""

    id: UUID
    at: datetime
    action: str
    user_id: UserId | None
    actor_id: UserId | None
    detail: dict[str, Any]


def record(session: AsyncSession, action: str, user_id: UserId | None, *, actor_id: UserId | None, **detail: Any) -> None:
    """Add one line about `user_id`'s account (None: about the installation).

    `actor_id` is who did it; None is the operator's command line, or somebody who has not proved who they are.

    `session` is one of the system scope: nobody can read or change the audit of their own account.
    """
    session.add(Audit(id=new_uuid(), action=action, user_id=user_id, actor_id=actor_id, detail=detail))


async def note(
    connection: Connection, action: str, user_id: UserId | None, *, actor_id: UserId | None = None, **detail: Any
) -> None:
    """The same as `record`, on a psycopg connection of the system role."""
    line = {"id": new_uuid(), "actor_id": actor_id, "user_id": user_id, "action": action, "detail": Jsonb(detail)}
    await connection.execute(QUERIES["note"], line)


class AuditLog:
    """The lines of this database. `keep`: how long they are kept; None is for ever."""

    def __init__(self, database: Database, *, keep: timedelta | None = None) -> None:
        self._database = database
        self._keep = keep

    async def page(
        self,
        *,
        limit: int,
        before: tuple[datetime, UUID] | None = None,
        user_id: UUID | None = None,
        action: str | None = None,
    ) -> Sequence[AuditLine]:
        """The newest lines, those before the place `before`: about one account, of one action, or all."""
        query = select(Audit).order_by(Audit.at.desc(), Audit.id.desc()).limit(limit)
        if before is not None:
            query = query.where(tuple_(Audit.at, Audit.id) < before)
        if user_id is not None:
            query = query.where(Audit.user_id == user_id)
        if action is not None:
            query = query.where(Audit.action == action)
        async with self._database.system().session() as session:
            return [_line(row) for row in await session.scalars(query)]

    async def sweep(self) -> int:
        """Remove what is older than lines are kept; returns how many."""
        if self._keep is None:
            return 0
        async with self._database.system().session() as session:
            old = await session.scalars(delete(Audit).where(Audit.at < func.now() - self._keep).returning(Audit.id))
            return len(old.all())


def _line(row: Audit) -> AuditLine:
    user_id = None if row.user_id is None else UserId(row.user_id)
    actor_id = None if row.actor_id is None else UserId(row.actor_id)
    return AuditLine(row.id, row.at, row.action, user_id, actor_id, row.detail)
