"""The one thing that sign-in tells the rest of a running Netra: that somebody's access may have changed.

It is told after the commit, as a hint. Whoever hears it reads the database again (`Identities.recheck`); whoever misses it
finds out at the next periodic check. So a listener never decides anything by what it heard, and never raises.
"""

from typing import Protocol

from netra.ids import SessionId, UserId


class AccessListener(Protocol):
    """Told that a user's session, keys, role, plan or account changed. Must not raise, and should not wait."""

    async def __call__(self, user_id: UserId, session_id: SessionId | None) -> None:
        """`session_id` is the one session that ended; None means: look at everything of this user."""
        ...


async def nobody_listens(user_id: UserId, session_id: SessionId | None) -> None:
    """For a process without open sockets."""
