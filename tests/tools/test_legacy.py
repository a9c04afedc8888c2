import asyncio
from collections import Counter
from typing import Any, LiteralString

import pytest

from netra.db.database import Database
from netra.errors import NotFound
from netra.events.model import PlanChanged
from netra.ids import ThreadId, UserId, new_uuid
from netra.streams import log
from netra.streams.streams import Streams
from netra.tools.changes import PlanChanges
from netra.tools.legacy import (
    ADMIN_FLAGS,
    ChangedMeanwhile,
    ChangedSince,
    Migrated,
    MigrationForgotten,
    NothingToMigrate,
    NothingToUndo,
    count_candidates,
    migrate_all,
    migrate_legacy,
    undo_migration,
)
from tests.fixtures.postgres import add_account


async def give(database: Database, user_id: UserId, role: str, plan: str = "free", *flags: str) -> None:
    async with database.system().transaction() as connection:
        await connection.execute(
            "UPDATE account SET role = %s, plan = %s, feature_flags = %s WHERE id = %s", [role, plan, list(flags), user_id]
        )


async def account(database: Database, user_id: UserId) -> tuple[Any, ...]:
    """Plan, flags, audit lines and events of an account."""
    async with database.system().transaction() as connection:
        cursor = await connection.execute(
            """SELECT plan, feature_flags, (SELECT count(*) FROM audit WHERE user_id = account.id),
                      (SELECT count(*) FROM event WHERE user_id = account.id) FROM account WHERE id = %s""",
            [user_id],
        )
        row = await cursor.fetchone()
    assert row is not None
    return row


@pytest.mark.parametrize(
    ("role", "plan", "flags"),
    [
        ("super_admin", "enterprise", ("*",)),
        ("admin", "enterprise", ("data_operations", "advanced_analytics", "advanced_optimization", "system_management")),
        ("developer", "developer", ("*",)),
    ],
)
async def test_a_role_becomes_its_plan(
    database: Database, changes: PlanChanges, alice: UserId, role: str, plan: str, flags: tuple[str, ...]
) -> None:
    await give(database, alice, role)
    outcome = await migrate_legacy(changes, alice)
    assert isinstance(outcome, Migrated)
    assert (outcome.old_role, outcome.new_plan, outcome.feature_flags) == (role, plan, flags)
    assert await account(database, alice) == (plan, list(flags), 1, 1)


async def test_a_plain_user_needs_no_migration(database: Database, changes: PlanChanges, alice: UserId) -> None:
    assert await migrate_legacy(changes, alice) == NothingToMigrate("free")
    assert await account(database, alice) == ("free", [], 0, 0)


async def test_fifty_calls_at_once_migrate_once(database: Database, changes: PlanChanges, alice: UserId) -> None:
    await give(database, alice, "admin")
    async with asyncio.timeout(30):
        outcomes = await asyncio.gather(*(migrate_legacy(changes, alice) for _ in range(50)))
    assert Counter(type(outcome) for outcome in outcomes) == {Migrated: 1, NothingToMigrate: 49}
    assert await account(database, alice) == ("enterprise", list(ADMIN_FLAGS), 1, 1)


async def test_a_dry_run_says_what_would_change_and_changes_nothing(
    database: Database, changes: PlanChanges, alice: UserId
) -> None:
    await give(database, alice, "developer")
    dry = await migrate_legacy(changes, alice, dry_run=True)
    assert await account(database, alice) == ("free", [], 0, 0)
    assert await migrate_legacy(changes, alice) == dry


async def test_the_accounts_own_log_says_which_tools_were_gained(
    database: Database, changes: PlanChanges, alice: UserId
) -> None:
    await give(database, alice, "admin")
    await migrate_legacy(changes, alice)
    _, [event] = await log.read_page(database.for_user(alice), ThreadId(alice), 0)
    assert isinstance(event.data, PlanChanged)
    assert (event.data.old, event.data.new, event.data.lost) == ("free", "enterprise", [])
    assert "create_thread" not in event.data.gained


async def test_a_failed_event_takes_plan_and_audit_with_it(database: Database, changes: PlanChanges, alice: UserId) -> None:
    await give(database, alice, "admin")
    async with database.system().transaction() as connection:
        await connection.execute("DELETE FROM thread WHERE user_id = %s", [alice])
    with pytest.raises(NotFound):
        await migrate_legacy(changes, alice)
    assert await account(database, alice) == ("free", [], 0, 0)


async def test_what_an_operator_decides_afterwards_stands(database: Database, changes: PlanChanges, alice: UserId) -> None:
    await give(database, alice, "admin")
    await migrate_legacy(changes, alice)
    await give(database, alice, "admin", "pro")
    assert await migrate_legacy(changes, alice) == NothingToMigrate("pro")


async def test_another_role_is_another_migration(database: Database, changes: PlanChanges, alice: UserId) -> None:
    await give(database, alice, "admin")
    await migrate_legacy(changes, alice)
    await give(database, alice, "developer", "enterprise", *ADMIN_FLAGS)
    outcome = await migrate_legacy(changes, alice)
    assert isinstance(outcome, Migrated)
    assert (outcome.changed.old.plan, outcome.new_plan) == ("enterprise", "developer")


async def test_flags_that_were_there_before_stay(database: Database, changes: PlanChanges, alice: UserId) -> None:
    await give(database, alice, "admin", "free", "beta", "data_operations")
    outcome = await migrate_legacy(changes, alice)
    assert isinstance(outcome, Migrated)
    assert outcome.feature_flags == (*ADMIN_FLAGS, "beta")


async def test_nobody_elses_account_is_touched(database: Database, changes: PlanChanges, alice: UserId, bob: UserId) -> None:
    await give(database, alice, "admin")
    await give(database, bob, "admin")
    await migrate_legacy(changes, alice)
    assert await account(database, bob) == ("free", [], 0, 0)


async def test_every_process_is_told_to_read_the_plan_again(
    database: Database, streams: Streams, changes: PlanChanges, alice: UserId
) -> None:
    told: list[UserId] = []
    streams.on_access_changed(told.append)
    await give(database, alice, "admin")
    await migrate_legacy(changes, alice)
    await migrate_legacy(changes, alice)
    assert told == [alice]


async def test_an_account_that_does_not_exist_is_not_found(changes: PlanChanges) -> None:
    with pytest.raises(NotFound):
        await migrate_legacy(changes, UserId(new_uuid()))


# All accounts -----------------------------------------------------------------------------------------------------------------


async def test_all_accounts_whose_role_goes_with_a_plan_are_migrated_in_the_order_of_ids(
    database: Database, changes: PlanChanges, alice: UserId, bob: UserId
) -> None:
    await give(database, alice, "admin")
    await give(database, bob, "developer")
    await add_account(database, "carol@example.com")
    assert await count_candidates(changes) == 2
    found = [(seen.user_id, type(outcome)) async for seen, outcome in migrate_all(changes)]
    assert found == [(user_id, Migrated) for user_id in sorted((alice, bob))]
    assert [type(outcome) async for _, outcome in migrate_all(changes)] == [NothingToMigrate] * 2


async def test_more_accounts_than_are_read_at_once_are_each_migrated_once(
    database: Database, changes: PlanChanges, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netra.tools.legacy.LOOKED_AT_ONCE", 3)
    people = [await add_account(database, f"person{number}@example.com") for number in range(8)]
    for user_id in people:
        await give(database, user_id, "admin")
    assert [seen.user_id async for seen, _ in migrate_all(changes)] == sorted(people)
    assert [await account(database, user_id) for user_id in people] == [("enterprise", list(ADMIN_FLAGS), 1, 1)] * 8


async def test_an_account_that_is_changed_before_its_turn_is_reported_and_left_as_it_is(
    database: Database, changes: PlanChanges, alice: UserId, bob: UserId
) -> None:
    first, second = sorted((alice, bob))
    for user_id in (first, second):
        await give(database, user_id, "admin")
    outcomes = {}
    async for seen, outcome in migrate_all(changes):
        outcomes[seen.user_id] = type(outcome)
        if seen.user_id == first:
            await give(database, second, "admin", "pro")
    assert outcomes == {first: Migrated, second: ChangedMeanwhile}
    assert await account(database, second) == ("pro", [], 0, 0)
    assert [type(outcome) async for _, outcome in migrate_all(changes)] == [NothingToMigrate, Migrated]


async def test_five_migrations_of_everybody_at_once_migrate_each_account_once(database: Database, changes: PlanChanges) -> None:
    people = [await add_account(database, f"person{number}@example.com") for number in range(10)]
    for user_id in people:
        await give(database, user_id, "admin")

    async def migrate() -> Counter[str]:
        return Counter([type(outcome).__name__ async for _, outcome in migrate_all(changes)])

    async with asyncio.timeout(60):
        counted = sum(await asyncio.gather(*(migrate() for _ in range(5))), Counter[str]())
    assert counted == {"Migrated": 10, "NothingToMigrate": 40}
    assert [await account(database, user_id) for user_id in people] == [("enterprise", list(ADMIN_FLAGS), 1, 1)] * 10


async def test_a_migration_is_taken_back_as_it_was_and_once(database: Database, changes: PlanChanges, alice: UserId) -> None:
    await give(database, alice, "admin", "pro", "beta")
    with pytest.raises(NothingToUndo):
        await undo_migration(changes, alice)
    await migrate_legacy(changes, alice)
    dry = await undo_migration(changes, alice, dry_run=True)
    assert (await account(database, alice))[0] == "enterprise"
    changed = await undo_migration(changes, alice)
    assert changed == dry
    assert (await account(database, alice))[:2] == ("pro", ["beta"])
    with pytest.raises(NothingToUndo):
        await undo_migration(changes, alice)
    assert await migrate_legacy(changes, alice) == NothingToMigrate("pro")


async def test_what_was_decided_since_is_not_undone(database: Database, changes: PlanChanges, alice: UserId) -> None:
    await give(database, alice, "admin")
    await migrate_legacy(changes, alice)
    await changes.set_flag(alice, "beta", on=True)
    with pytest.raises(ChangedSince):
        await undo_migration(changes, alice)
    await changes.set_flag(alice, "beta", on=False)
    await undo_migration(changes, alice)


@pytest.mark.parametrize("forget", ["DELETE FROM audit", "UPDATE audit SET detail = '{}'"])
async def test_what_the_audit_no_longer_knows_cannot_be_taken_back(
    database: Database, changes: PlanChanges, alice: UserId, forget: LiteralString
) -> None:
    await give(database, alice, "admin")
    await migrate_legacy(changes, alice)
    async with database.system().transaction() as connection:
        await connection.execute(forget)
    with pytest.raises(MigrationForgotten):
        await undo_migration(changes, alice)
