"""From roles to plans: what an account's role allowed before there were plans, given to it as a plan.

One transaction holds the plan, the flags, the audit line and the `plan_changed` event on the account's own log, or none of
them. The account's row is locked first, so of fifty calls at once one migrates and the others find it done. A role is
migrated once: what an operator decides about the plan afterwards stands, and so does taking the migration back.

All accounts are migrated one after another, each in its own transaction: whoever is stopped in between, by whatever, has
migrated some of them wholly, and the next attempt does the rest.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from netra.db.database import Connection
from netra.db.sql import NamedQueries
from netra.errors import Conflict, NetraError, Unavailable
from netra.ids import UserId
from netra.tools.changes import Changed, Grant, HeldAccount, PlanChanges
from netra.tools.permissions import EVERY_FLAG

QUERIES: Final = NamedQueries("netra.tools", "legacy.sql")

LOOKED_AT_ONCE: Final = 100
"""Accounts that are read in one go. Whatever changes them until it is their turn shows, and they are left alone."""

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
    """There is no migration of this account to take back: it had none, or it was taken back."""

    code = "nothing_to_undo"


class MigrationForgotten(Conflict):
    """This account was migrated, but the audit no longer knows what it had before: its lines are removed after a time."""

    code = "migration_forgotten"


class MigrationRefused(NetraError):
    """The database refused to migrate this account; its log says why."""

    code = "migration_refused"


class ChangedMeanwhile(Conflict):
    """The account was changed by somebody else at this moment, and was left as it is. Migrate again to have it looked at."""

    code = "changed_meanwhile"


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
    changes: PlanChanges,
    user_id: UserId,
    *,
    dry_run: bool = False,
    actor_id: UserId | None = None,
    seen: HeldAccount | None = None,
) -> Migrated | NothingToMigrate:
    """Give the user the plan that goes with their role, once. Raises `NotFound`.

    Open sockets hear `plan_changed`; every process reads the user's plan again. `actor_id` is who asked for it; None is the
    operator's command line. An account that is no longer what was `seen` of it raises `ChangedMeanwhile`.
    """
    async with changes.transaction(user_id) as transaction:
        account = await changes.hold(transaction.connection, user_id)
        grant = granted(account)
        if seen not in (None, account) and account.migrated_role != account.role:
            raise ChangedMeanwhile
        if grant is None:
            return NothingToMigrate(account.grant.plan)
        if dry_run:
            return Migrated(account.role, await changes.compare(transaction.connection, account, grant))
        changed = await changes.apply(transaction, account, grant, MIGRATED, actor_id)
        await transaction.connection.execute(QUERIES["mark"], {"user_id": user_id, "role": account.role})
    return Migrated(account.role, changed)


async def count_candidates(changes: PlanChanges) -> int:
    """How many accounts `migrate_all` looks at."""
    async with changes.reading() as connection:
        row = await (await connection.execute(QUERIES["count_candidates"], {"roles": list(GRANTS)})).fetchone()
    return row[0] if row else 0


async def migrate_all(
    changes: PlanChanges, *, dry_run: bool = False
) -> AsyncIterator[tuple[HeldAccount, Migrated | NothingToMigrate | NetraError]]:
    """Migrate every account whose role goes with a plan, in the order of ids; yield each as it was, and what came of it.

    An error of one account is yielded, and the others go on. Raises `Unavailable` when the database goes away.
    """
    last = UserId(UUID(int=0))
    while page := await _candidates(changes, last):
        for seen in page:
            outcome: Migrated | NothingToMigrate | NetraError
            try:
                outcome = await migrate_legacy(changes, seen.user_id, dry_run=dry_run, seen=seen)
            except Unavailable:
                raise
            except NetraError as error:
                outcome = error
            except psycopg.Error as error:
                outcome = MigrationRefused()
                outcome.__cause__ = error
            yield seen, outcome
        last = page[-1].user_id


async def _candidates(changes: PlanChanges, after: UserId) -> list[HeldAccount]:
    wanted = {"roles": list(GRANTS), "after": after, "limit": LOOKED_AT_ONCE}
    async with changes.reading() as connection, connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(QUERIES["candidates"], wanted)
        return [HeldAccount.of(row) for row in await cursor.fetchall()]


async def undo_migration(
    changes: PlanChanges, user_id: UserId, *, dry_run: bool = False, actor_id: UserId | None = None
) -> Changed:
    """Give the user back what they had before their latest migration, as the audit has it.

    The role stays marked as migrated, so that no later call migrates it again. Raises `NotFound`, `NothingToUndo`,
    `MigrationForgotten` when the audit's line has been removed, or `ChangedSince` when something was decided about the
    account in between.
    """
    async with changes.transaction(user_id) as transaction:
        account = await changes.hold(transaction.connection, user_id)
        before, after = await _latest(transaction.connection, account)
        if account.grant != after:
            raise ChangedSince
        if dry_run:
            return await changes.compare(transaction.connection, account, before)
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


async def _latest(connection: Connection, account: HeldAccount) -> tuple[Grant, Grant]:
    """What an account had before its latest migration, and after it. Raises `NothingToUndo` or `MigrationForgotten`."""
    cursor = await connection.execute(QUERIES["latest"], {"user_id": account.user_id, "migrated": MIGRATED, "undone": UNDONE})
    row = await cursor.fetchone()
    if account.migrated_role is None or (row is not None and row[0] != MIGRATED):
        raise NothingToUndo
    if row is None or not isinstance(row[1].get("old"), dict):  # removed, or of a time when lines said less
        raise MigrationForgotten
    return Grant.from_json(row[1]["old"]), Grant.from_json(row[1]["new"])
