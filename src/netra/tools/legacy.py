"""From roles to plans: what an account's role allowed before there were plans, given to it as a plan.

One transaction holds the plan, the flags, the audit line and the `plan_changed` event on the account's own log, or none of
them. The account's row is locked first, so of fifty calls at once one migrates and the others find it done. A role is
migrated once: what an operator decides about the plan afterwards stands.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from psycopg.types.json import Jsonb

from netra.clock import Clock
from netra.db.sql import NamedQueries
from netra.errors import NotFound
from netra.events.codec import draft
from netra.events.model import PlanChanged
from netra.ids import ThreadId, UserId, new_uuid
from netra.streams.streams import Streams
from netra.tools.plans import EVERY_FLAG, tools_of

QUERIES: Final = NamedQueries("netra.tools", "legacy.sql")


@dataclass(frozen=True, slots=True)
class Grant:
    """What a role becomes."""

    plan: str
    flags: tuple[str, ...]


ADMIN_FLAGS: Final = ("data_operations", "advanced_analytics", "advanced_optimization", "system_management")

GRANTS: Final[Mapping[str, Grant]] = {
    "super_admin": Grant("enterprise", (EVERY_FLAG,)),
    "admin": Grant("enterprise", ADMIN_FLAGS),
    "developer": Grant("developer", (EVERY_FLAG,)),
}
"""By role. Every other role had nothing that the free plan does not give."""


@dataclass(frozen=True, slots=True)
class Migrated:
    """A role that became a plan, or would (in a dry run)."""

    old_role: str
    old_plan: str
    new_plan: str
    feature_flags: tuple[str, ...]
    gained: tuple[str, ...]
    lost: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NothingToMigrate:
    """The account needs no migration, or has had it."""

    current_plan: str


async def migrate_legacy(
    streams: Streams, clock: Clock, user_id: UserId, *, dry_run: bool = False
) -> Migrated | NothingToMigrate:
    """Give the user the plan that goes with their role, once. Raises `NotFound`.

    Open sockets hear `plan_changed`; every process reads the user's plan again.
    """
    async with streams.system_transaction(user_id) as transaction:
        cursor = await transaction.connection.execute(QUERIES["lock_account"], {"user_id": user_id})
        account = await cursor.fetchone()
        if account is None:
            raise NotFound
        role, plan, flags, done_before = account
        migrated = _plan_for(role, plan, tuple(flags))
        if migrated is None or done_before:
            return NothingToMigrate(plan)
        if dry_run:
            return migrated
        await transaction.connection.execute(
            QUERIES["change_plan"],
            {"user_id": user_id, "plan": migrated.new_plan, "flags": list(migrated.feature_flags)},
        )
        detail = {"role": role, "old": plan, "new": migrated.new_plan, "feature_flags": list(migrated.feature_flags)}
        await transaction.connection.execute(
            QUERIES["add_audit"], {"id": new_uuid(), "user_id": user_id, "detail": Jsonb(detail)}
        )
        changed = PlanChanged(old=plan, new=migrated.new_plan, gained=list(migrated.gained), lost=list(migrated.lost))
        await transaction.append(ThreadId(user_id), [draft(changed, clock.now())])
    streams.hints.access_changed(user_id)
    return migrated


def _plan_for(role: str, plan: str, flags: tuple[str, ...]) -> Migrated | None:
    """What a role becomes for somebody with this plan and these flags; None when that is what they have."""
    if (grant := GRANTS.get(role)) is None:
        return None
    # Flags that somebody was given before stay theirs.
    granted = (*grant.flags, *(flag for flag in flags if flag not in grant.flags))
    if grant.plan == plan and set(granted) == set(flags):
        return None
    before, after = tools_of(plan, role, flags), tools_of(grant.plan, role, granted)
    return Migrated(
        old_role=role,
        old_plan=plan,
        new_plan=grant.plan,
        feature_flags=granted,
        gained=tuple(sorted(after - before)),
        lost=tuple(sorted(before - after)),
    )
