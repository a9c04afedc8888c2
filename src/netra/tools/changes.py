"""Changing what somebody may use: a plan, its end, flags; the versions of a plan itself.

Every change of an account goes through one function and is one transaction: the account's row is locked, changed, written
about in the audit, and told on the account's own log as `plan_changed`, or none of it. The next call of a tool reads the new
state; open sockets hear of it by the log, on every process.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence, Set
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg.rows import dict_row

from netra.auth.audit import note
from netra.clock import Clock
from netra.db.database import Connection
from netra.db.sql import NamedQueries
from netra.errors import NotFound
from netra.events.codec import draft, format_time
from netra.events.model import PlanChanged
from netra.ids import ThreadId, UserId
from netra.streams.streams import Streams, Transaction
from netra.tools.gate import Entitlement, Gate
from netra.tools.plans import FREE, Plan, PlanMoved, UnknownPlan, add_version, current_plans

QUERIES: Final = NamedQueries("netra.tools", "changes.sql")

TOLD_AT_ONCE: Final = 100
"""Accounts that one transaction tells of a plan's new version."""

ENDED_AT_ONCE: Final = 100
"""Plans that one transaction ends."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What an account has been given: a plan, perhaps with an end, and feature flags."""

    plan: str
    plan_expires_at: datetime | None
    feature_flags: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        ends = self.plan_expires_at
        return {
            "plan": self.plan,
            "plan_expires_at": ends and format_time(ends),
            "feature_flags": list(self.feature_flags),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Grant":
        ends = stored["plan_expires_at"]
        return cls(stored["plan"], datetime.fromisoformat(ends) if ends else None, tuple(stored["feature_flags"]))


@dataclass(frozen=True, slots=True)
class HeldAccount:
    """An account whose row is locked until the transaction ends."""

    user_id: UserId
    email: str
    role: str
    migrated_role: str | None
    grant: Grant

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "HeldAccount":
        grant = Grant(row["plan"], row["plan_expires_at"], tuple(row["feature_flags"]))
        return cls(UserId(row["id"]), row["email"], row["role"], row["migrated_role"], grant)


@dataclass(frozen=True, slots=True)
class Changed:
    """What a change was, and which tools it opened and closed. Nothing changed when `old` is `new`."""

    account: HeldAccount
    old: Grant
    new: Grant
    gained: tuple[str, ...]
    lost: tuple[str, ...]


class PlanChanges:
    """Changes what accounts may use. `tools` says which permission each tool of this server belongs to."""

    def __init__(self, streams: Streams, clock: Clock, gate: Gate, tools: Callable[[], Mapping[str, str]]) -> None:
        self._streams = streams
        self._clock = clock
        self._gate = gate
        self._tools = tools

    @asynccontextmanager
    async def transaction(self, user_id: UserId) -> AsyncIterator[Transaction]:
        """A transaction of the system role about one account; every process is told after its commit."""
        async with self._streams.system_transaction(user_id) as transaction:
            yield transaction

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        """A transaction of the system role for looking at many accounts."""
        async with self._streams.database.system().transaction() as connection:
            yield connection

    async def set_plan(
        self, user_id: UserId, plan: str, *, until: datetime | None = None, actor_id: UserId | None = None
    ) -> Changed:
        """Give somebody a plan, for ever or `until` a time. Raises `NotFound`, `UnknownPlan`."""
        async with self.transaction(user_id) as transaction:
            return await self.set_plan_within(transaction, plan, until=until, actor_id=actor_id)

    async def set_plan_within(
        self, transaction: Transaction, plan: str, *, until: datetime | None = None, actor_id: UserId | None = None
    ) -> Changed:
        """The same inside the caller's transaction, which is about that user and of the system role."""
        account = await self.hold(transaction.connection, transaction.user_id)
        grant = replace(account.grant, plan=plan, plan_expires_at=until)
        return await self.apply(transaction, account, grant, "plan_changed", actor_id)

    async def set_flag(self, user_id: UserId, flag: str, *, on: bool, actor_id: UserId | None = None) -> Changed:
        """Give somebody a feature flag, or take it away. Raises `NotFound`."""
        async with self.transaction(user_id) as transaction:
            return await self.set_flag_within(transaction, flag, on=on, actor_id=actor_id)

    async def set_flag_within(
        self, transaction: Transaction, flag: str, *, on: bool, actor_id: UserId | None = None
    ) -> Changed:
        """The same inside the caller's transaction, which is about that user and of the system role."""
        account = await self.hold(transaction.connection, transaction.user_id)
        flags = tuple(name for name in account.grant.feature_flags if name != flag) + ((flag,) if on else ())
        if set(flags) == set(account.grant.feature_flags):
            flags = account.grant.feature_flags
        return await self.apply(transaction, account, replace(account.grant, feature_flags=flags), "flag_changed", actor_id)

    async def hold(self, connection: Connection, user_id: UserId) -> HeldAccount:
        """Lock an account and say what it has. Raises `NotFound`."""
        async with connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(QUERIES["hold"], {"user_id": user_id})
            row = await cursor.fetchone()
        if row is None:
            raise NotFound
        return HeldAccount.of(row)

    async def apply(
        self,
        transaction: Transaction,
        account: HeldAccount,
        grant: Grant,
        action: str,
        actor_id: UserId | None,
        **detail: Any,
    ) -> Changed:
        """Give an account that is held what `grant` says, note it in the audit under `action`, and tell its sockets.

        Does nothing when that is what it has. `actor_id` is who did it; None is the operator's command line. Raises
        `UnknownPlan`.
        """
        changed = await self.compare(transaction.connection, account, grant)
        if grant == account.grant:
            return changed
        connection, user_id = transaction.connection, account.user_id
        await connection.execute(
            QUERIES["grant"],
            {"user_id": user_id, "plan": grant.plan, "ends": grant.plan_expires_at, "flags": list(grant.feature_flags)},
        )
        told = {**detail, "role": account.role, "old": account.grant.as_json(), "new": grant.as_json()}
        await note(connection, action, user_id, actor_id=actor_id, **told)
        await self._tell(transaction, changed)
        return changed

    async def compare(self, connection: Connection, account: HeldAccount, grant: Grant) -> Changed:
        """What giving an account this would change, without doing it. Raises `UnknownPlan`."""
        plans = {plan.id.name: plan for plan in await current_plans(connection)}
        now = self._clock.now()
        before, after = (self._open(plans, account, each, now) for each in (account.grant, grant))
        return Changed(account, account.grant, grant, *_differences(before, after))

    def _open(self, plans: Mapping[str, Plan], account: HeldAccount, grant: Grant, now: datetime) -> set[str]:
        """The tools that a grant opens to an account."""
        ended = grant.plan_expires_at is not None and grant.plan_expires_at <= now
        plan = plans.get(FREE if ended else grant.plan)
        if plan is None:
            raise UnknownPlan(f"There is no plan {grant.plan[:100]!r}; there are {', '.join(plans)}.")
        entitlement = Entitlement(
            account.user_id, plan, grant.plan_expires_at, account.role, grant.feature_flags, self._gate.production
        )
        return {name for name, permission in self._tools().items() if not entitlement.missing(permission)}

    async def _tell(self, transaction: Transaction, changed: Changed) -> None:
        await transaction.append(ThreadId(changed.account.user_id), [draft(_event(changed), self._clock.now())])
        transaction.access_changed.add(changed.account.user_id)

    # Plans that end -----------------------------------------------------------------------------------------------------

    async def end_expired(self) -> int:
        """Put accounts whose plan has run out on the free plan, as the gate has done since that moment. Returns how many.

        Any number of processes may do this at once: each account is ended by one of them.
        """
        async with self._streams.database.system().transaction() as connection:
            cursor = await connection.execute(QUERIES["find_expired"], {"limit": ENDED_AT_ONCE})
            expired = [UserId(user_id) for (user_id,) in await cursor.fetchall()]
        ended = 0
        for user_id in expired:
            async with self.transaction(user_id) as transaction:
                account = await self.hold(transaction.connection, user_id)
                ends = account.grant.plan_expires_at
                if ends is not None and await self._is_past(transaction.connection, ends):
                    # Compared with what they had, not with what an ended plan gives: this is the moment of the change.
                    had = replace(account, grant=replace(account.grant, plan_expires_at=None))
                    grant = Grant(FREE, None, account.grant.feature_flags)
                    await self.apply(transaction, had, grant, "plan_expired", None, ended_at=format_time(ends))
                    ended += 1
        return ended

    async def _is_past(self, connection: Connection, moment: datetime) -> bool:
        """By the clock of the database, which is the one that the gate goes by."""
        row = await (await connection.execute("SELECT %s <= now()", [moment])).fetchone()
        return bool(row and row[0])

    # Versions -----------------------------------------------------------------------------------------------------------

    async def add_version(self, plan: Plan, told: Callable[[int], None] = lambda _: None) -> Plan:
        """Put another version of a plan in force, and tell everybody who has it which tools that opens and closes.

        `plan.id` names the version that this one is made of, which is in force: 0 for a plan that there is not yet. `told`
        hears after each batch how many accounts have been told. Raises `InvalidPlan`, or `PlanMoved` when another version
        has come in between.
        """
        async with self._streams.database.system().transaction() as connection:
            before = {known.id.name: known for known in await current_plans(connection)}.get(plan.id.name)
            added = await add_version(connection, plan)
            if added.id.version != plan.id.version + 1:
                raise PlanMoved
            await note(connection, "plan_version_added", None, plan=added.id.name, version=added.id.version)
        if before is not None:
            await self._tell_all(before, added, told)
        return added

    async def _tell_all(self, before: Plan, after: Plan, told: Callable[[int], None]) -> None:
        last, count, name = UserId(UUID(int=0)), 0, after.id.name
        while True:
            async with self.reading() as connection:
                cursor = await connection.execute(QUERIES["holders"], {"plan": name, "after": last, "limit": TOLD_AT_ONCE})
                holders = [UserId(user_id) for (user_id,) in await cursor.fetchall()]
            if not holders:
                return
            async with self.transaction(holders[0]) as transaction:
                # Who has another plan by now changed it meanwhile, and was told of that.
                async with transaction.connection.cursor(row_factory=dict_row) as held:
                    await held.execute(QUERIES["hold_all"], {"user_ids": holders, "plan": name})
                    accounts = [HeldAccount.of(row) for row in await held.fetchall()]
                await self._tell_versions(transaction, accounts, before, after)
            last, count = holders[-1], count + len(holders)
            told(count)

    async def _tell_versions(
        self, transaction: Transaction, accounts: Sequence[HeldAccount], before: Plan, after: Plan
    ) -> None:
        """Tell accounts that are held what another version of their plan opens and closes."""
        now = self._clock.now()
        drafts = {}
        for account in accounts:
            endless = replace(account.grant, plan_expires_at=None)
            old, new = (self._open({plan.id.name: plan}, account, endless, now) for plan in (before, after))
            drafts[account.user_id] = draft(_event(Changed(account, endless, endless, *_differences(old, new))), now)
        await transaction.append_to_accounts(drafts)
        transaction.access_changed.update(drafts)


def _differences(before: Set[str], after: Set[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The tools that were gained, and those that were lost."""
    return tuple(sorted(after - before)), tuple(sorted(before - after))


def _event(changed: Changed) -> PlanChanged:
    return PlanChanged(old=changed.old.plan, new=changed.new.plan, gained=list(changed.gained), lost=list(changed.lost))
