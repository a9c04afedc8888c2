"""Sessions: one sign-in, and the family of refresh tokens that keeps it alive.

A refresh token is good for one use, which gives its successor. A second use means that two parties hold it, and nobody can
say which of them is the thief, so it ends the whole family: everything that was ever refreshed from that sign-in, access
tokens and open sockets included. There is no grace for "almost at the same time". Of fifty simultaneous uses exactly one is
answered with a new pair, and the other forty-nine end the session that it belongs to: a client that refreshes from several
places has to take turns, and one that lost the answer signs in again.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from netra.auth import opaque
from netra.auth.access import AccessListener, nobody_listens
from netra.auth.audit import record
from netra.db.database import Connection, Database
from netra.db.sql import NamedQueries
from netra.db.tables import Account, RefreshTokenRow, SessionRow
from netra.errors import Unauthenticated
from netra.ids import SessionId, UserId

QUERIES: Final = NamedQueries("netra.auth", "sessions.sql")

REUSED = "refresh token used twice"
SIGNED_OUT = "signed out"


class InvalidRefreshToken(Unauthenticated):
    """This refresh token is not valid any more; sign in again."""

    code = "invalid_refresh_token"


@dataclass(frozen=True, slots=True)
class Renewal:
    """The use of a refresh token: whose session it is, and the token for the next time."""

    user_id: UserId
    session_id: SessionId
    refresh_token: str


class Sessions:
    """The sessions of every user. `lifetime` is in seconds and begins anew with each refresh."""

    def __init__(self, database: Database, *, lifetime: float, on_access_change: AccessListener = nobody_listens) -> None:
        self._database = database
        self._lifetime = timedelta(seconds=lifetime)
        self._on_access_change = on_access_change

    async def begin(self, session: AsyncSession, user_id: UserId, session_id: SessionId, **how: Any) -> str:
        """Add a session to the caller's transaction (system scope) and return its first refresh token.

        `how` somebody signed in goes into the audit.
        """
        await self._add(session, user_id, session_id, self._lifetime)
        record(session, "signed_in", user_id, actor_id=user_id, session_id=str(session_id), **how)
        return await self._add_token(session, user_id, session_id)

    async def begin_once(
        self, session: AsyncSession, user_id: UserId, session_id: SessionId, *, lifetime: float, **how: Any
    ) -> None:
        """Add a session that ends after `lifetime` seconds and cannot be refreshed: a program's, for one access token."""
        await self._add(session, user_id, session_id, timedelta(seconds=lifetime))
        record(session, "service_token_issued", user_id, actor_id=user_id, session_id=str(session_id), **how)

    async def renew(self, refresh_token: str) -> Renewal:
        """Use a refresh token. Raises `InvalidRefreshToken`; if it had been used before, its session has then ended."""
        digest = opaque.digest(opaque.REFRESH, refresh_token)
        if digest is None:
            raise InvalidRefreshToken
        async with self._database.system().session() as session:
            # The row's lock puts simultaneous uses into one line: the first marks it, the others find it marked.
            used = await session.execute(
                update(RefreshTokenRow)
                .where(
                    RefreshTokenRow.hash == digest, RefreshTokenRow.used_at.is_(None), RefreshTokenRow.expires_at > func.now()
                )
                .values(used_at=func.now())
                .returning(RefreshTokenRow.user_id, RefreshTokenRow.session_id)
            )
            if row := used.one_or_none():
                user_id, session_id = UserId(row.user_id), SessionId(row.session_id)
                if await self._prolong(session, user_id, session_id):
                    return Renewal(user_id, session_id, await self._add_token(session, user_id, session_id))
            theft = None if row else await self._end_family(session, digest)
        if theft is not None:
            await self._on_access_change(*theft)
        raise InvalidRefreshToken

    async def revoke(self, user_id: UserId, session_id: SessionId, because: str = SIGNED_OUT) -> None:
        """End one session, on every process, open sockets included. Ending it twice is no error."""
        async with self._database.system().session() as session:
            if await self._end(session, because, SessionRow.user_id == user_id, SessionRow.id == session_id):
                record(session, "signed_out", user_id, actor_id=user_id, session_id=str(session_id))
        await self._on_access_change(user_id, session_id)

    async def sweep(self) -> int:
        """Remove refresh tokens that have expired, and sessions that ended a lifetime ago; returns how many sessions.

        A used token is kept until it expires, because only one that is still known can betray its second use. A program's
        session has none and goes as soon as it has ended: there may be one every few minutes.
        """
        async with self._database.system().session() as session:
            await session.execute(delete(RefreshTokenRow).where(RefreshTokenRow.expires_at <= func.now()))
            ended = func.least(SessionRow.expires_at, SessionRow.revoked_at)
            programs = SessionRow.user_id.in_(select(Account.id).where(Account.kind == "service"))
            gone = await session.scalars(
                delete(SessionRow)
                .where(or_(ended < func.now() - self._lifetime, and_(programs, ended < func.now())))
                .returning(SessionRow.id)
            )
            return len(gone.all())

    async def _add(self, session: AsyncSession, user_id: UserId, session_id: SessionId, lifetime: timedelta) -> None:
        expires_at = func.now() + lifetime
        await session.execute(insert(SessionRow).values(user_id=user_id, id=session_id, expires_at=expires_at))

    async def _add_token(self, session: AsyncSession, user_id: UserId, session_id: SessionId) -> str:
        token = opaque.mint(opaque.REFRESH)
        await session.execute(
            insert(RefreshTokenRow).values(
                hash=opaque.digest(opaque.REFRESH, token),
                user_id=user_id,
                session_id=session_id,
                expires_at=func.now() + self._lifetime,
            )
        )
        return token

    async def _prolong(self, session: AsyncSession, user_id: UserId, session_id: SessionId) -> bool:
        """Let a live session of an enabled account run for another lifetime; False when there is none."""
        enabled = select(Account.id).where(Account.id == user_id, Account.disabled_at.is_(None)).exists()
        prolonged = await session.scalar(
            update(SessionRow)
            .where(SessionRow.user_id == user_id, SessionRow.id == session_id, SessionRow.revoked_at.is_(None))
            .where(SessionRow.expires_at > func.now(), enabled)
            .values(expires_at=func.now() + self._lifetime)
            .returning(SessionRow.id)
        )
        return prolonged is not None

    async def _end_family(self, session: AsyncSession, digest: bytes) -> tuple[UserId, SessionId] | None:
        """End the session of a token that was used before; None for a token that is unknown or merely too old."""
        used = select(RefreshTokenRow.user_id, RefreshTokenRow.session_id).where(
            RefreshTokenRow.hash == digest, RefreshTokenRow.used_at.is_not(None)
        )
        row = (await session.execute(used)).one_or_none()
        if row is None:
            return None
        user_id, session_id = UserId(row.user_id), SessionId(row.session_id)
        if await self._end(session, REUSED, SessionRow.user_id == user_id, SessionRow.id == session_id):
            record(session, "refresh_token_reused", user_id, actor_id=user_id, session_id=str(session_id))
        return user_id, session_id

    async def _end(self, session: AsyncSession, because: str, *which: ColumnElement[bool]) -> int:
        """Mark live sessions as revoked; returns how many were live."""
        ended = await session.scalars(
            update(SessionRow)
            .where(*which, SessionRow.revoked_at.is_(None))
            .values(revoked_at=func.now(), revoked_because=because)
            .returning(SessionRow.id)
        )
        return len(ended.all())


async def end_sessions(connection: Connection, user_id: UserId, because: str) -> None:
    """End every session of a user within the caller's transaction (system scope), who tells the listener afterwards."""
    await connection.execute(QUERIES["end_all"], {"user_id": user_id, "because": because})
