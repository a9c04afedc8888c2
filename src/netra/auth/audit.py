"""What somebody did to an account, kept in the transaction that did it."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from netra.db.tables import Audit
from netra.ids import UserId, new_uuid


def record(session: AsyncSession, action: str, user_id: UserId | None, *, actor_id: UserId | None, **detail: Any) -> None:
    """Add one line about `user_id`'s account (None: about the installation).

    `actor_id` is who did it; None is the operator's command line.

    `session` is one of the system scope: nobody can read or change the audit of their own account.
    """
    session.add(Audit(id=new_uuid(), action=action, user_id=user_id, actor_id=actor_id, detail=detail))
