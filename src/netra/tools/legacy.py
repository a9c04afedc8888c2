"""From roles to plans: what an account's role allowed before there were plans, given to it as a plan.

One transaction holds the plan, the flags, the audit line and the `plan_changed` event on the account's own log, or none of
them. The account's row is locked first, so of fifty calls at once one migrates and the others find it done. A role is
migrated once: what an operator decides about the plan afterwards stands, and so does taking the migration back.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from netra.db.database import Connection
from netra.db.sql import NamedQueries
from netra.errors import Conflict
from netra.ids import UserId
from netra.tools.changes import Changed, Grant, HeldAccount, PlanChanges
from netra.tools.permissions import EVERY_FLAG

QUERIES: Final = NamedQueries("netra.tools", "legacy.sql")

MIGRATED: Final = "legacy_migrated"
UNDONE: Final = "legacy_undone"
"""Actions of the audit."""

ADMIN_FLAGS: Final = ("data_operations", "advanced_analytics", "advanced_optimization", "system_management")

GRANTS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "super_admin": ("enterprise", (EVERY_FLAG,)),
    "admin": ("enterprise", ADMIN_FLAGS),
    "developer": ("developer", (EVERY_FLAG,)),
}
"""Plan and flags by role. Every other role had nothing that the free plan does not give."""


class NothingToUndo(Conflict):
    """There is no migration of this account to take back: it had none, or the audit no longer knows what was before."""

    code = "nothing_to_undo"


class ChangedSince(Conflict):
    """The account's plan or flags were changed after the migration; taking it back would undo that as well."""

    code = "changed_since"


@dataclass(frozen=True, slots=True)
class Migrated:
    """A role that became a plan, or would (in a dry run)."""

    old_role: str
    changed: Changed

    @property
    def new_plan(self) -> str:
        return self.changed.new.plan

    @property
    def feature_flags(self) -> tuple[str, ...]:
        return self.changed.new.feature_flags


@dataclass(frozen=True, slots=True)
class NothingToMigrate:
    """The account needs no migration, or has had it."""

    current_plan: str


async def migrate_legacy(
    changes: PlanChanges, user_id: UserId, *, dry_run: bool = False, actor_id: UserId | None = None
) -> Migrated | NothingToMigrate:
    """Give the user the plan that goes with their role, once. Raises `NotFound`.

    Open sockets hear `plan_changed`; every process reads the user's plan again. `actor_id` is who asked for it; None is the
    operator's command line.
    """
    async with changes.transaction(user_id) as transaction:
        account = await changes.hold(transaction.connection, user_id)
        grant = granted(account)
        if grant is None:
            return NothingToMigrate(account.grant.plan)
        if dry_run:
            return Migrated(account.role, await changes.compare(transaction.connection, account, grant))
        changed = await changes.apply(transaction, account, grant, MIGRATED, actor_id)
        await transaction.connection.execute(QUERIES["mark"], {"user_id": user_id, "role": account.role})
    return Migrated(account.role, changed)


async def undo_migration(changes: PlanChanges, user_id: UserId, *, actor_id: UserId | None = None) -> Changed:
    """Give the user back what they had before their latest migration, as the audit has it.

    The role stays marked as migrated, so that no later call migrates it again. Raises `NotFound`, `NothingToUndo`, or
    `ChangedSince` when something was decided about the account in between.
    """
    async with changes.transaction(user_id) as transaction:
        account = await changes.hold(transaction.connection, user_id)
        before, after = await _latest(transaction.connection, user_id)
        if account.grant != after:
            raise ChangedSince
        return await changes.apply(transaction, account, before, UNDONE, actor_id)


def granted(account: HeldAccount) -> Grant | None:
    """What a migration gives an account; None when it has had one for its role, needs none, or has all of it."""
    if account.migrated_role == account.role or account.role not in GRANTS:
        return None
    plan, flags = GRANTS[account.role]
    had = account.grant
    # Flags that somebody was given before stay theirs.
    kept = tuple(flag for flag in had.feature_flags if flag not in flags)
    grant = Grant(plan, None, flags + kept)
    same = (grant.plan, set(grant.feature_flags), had.plan_expires_at) == (had.plan, set(had.feature_flags), None)
    return None if same else grant


async def _latest(connection: Connection, user_id: UserId) -> tuple[Grant, Grant]:
    """What an account had before its latest migration, and after it. Raises `NothingToUndo`."""
    cursor = await connection.execute(QUERIES["latest"], {"user_id": user_id, "migrated": MIGRATED, "undone": UNDONE})
    row = await cursor.fetchone()
    if row is None or row[0] != MIGRATED or not isinstance(row[1].get("old"), dict):
        raise NothingToUndo
    return Grant.from_json(row[1]["old"]), Grant.from_json(row[1]["new"])
