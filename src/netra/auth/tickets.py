"""WebSocket tickets, for browsers: they cannot set a header, and a token does not belong into a URL that gets logged.

A ticket is good for one use within seconds, and the use itself deletes it (`Identities.redeem`).
"""

from datetime import timedelta

from sqlalchemy import delete, func, insert

from netra.auth import opaque
from netra.db.database import Database
from netra.db.tables import Ticket
from netra.ids import SessionId, UserId


class Tickets:
    """The tickets of every session. `lifetime` is in seconds."""

    def __init__(self, database: Database, *, lifetime: float = 30) -> None:
        self._database = database
        self.lifetime = lifetime

    async def issue(self, user_id: UserId, session_id: SessionId) -> str:
        """Return a ticket for a session that the caller has just proved to be this user's."""
        ticket = opaque.mint(opaque.TICKET)
        async with self._database.system().session() as session:
            await session.execute(
                insert(Ticket).values(
                    hash=opaque.digest(opaque.TICKET, ticket),
                    user_id=user_id,
                    session_id=session_id,
                    expires_at=func.now() + timedelta(seconds=self.lifetime),
                )
            )
        return ticket

    async def sweep(self) -> int:
        """Remove tickets that nobody used in time; returns how many."""
        async with self._database.system().session() as session:
            gone = await session.scalars(delete(Ticket).where(Ticket.expires_at <= func.now()).returning(Ticket.hash))
            return len(gone.all())
