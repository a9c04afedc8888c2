"""What changes somebody's plan: whole or not at all, audited, and told."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from netra.db.database import Database
from netra.errors import NotFound
from netra.events.model import PlanChanged
from netra.ids import ThreadId, UserId, new_uuid
from netra.streams import log
from netra.streams.streams import Streams
from netra.tools.changes import PlanChanges
from netra.tools.gate import PermissionDenied, ToolCaller
from netra.tools.plans import PlanMoved, UnknownPlan, current_plans, versions_of
from netra.tools.toolbox import Toolbox
from tests.fixtures.postgres import add_account
from tests.tools.conftest import give

LATER = datetime(2099, 1, 1, tzinfo=UTC)


async def audit(database: Database) -> list[tuple[Any, ...]]:
    async with database.system().transaction() as connection:
        cursor = await connection.execute(
            "SELECT action, actor_id, detail -> 'old', detail -> 'new' FROM audit ORDER BY at, id"
        )
        return await cursor.fetchall()


async def told(database: Database, user_id: UserId) -> list[PlanChanged]:
    _, events = await log.read_page(database.for_user(user_id), ThreadId(user_id), 0)
    return [event.data for event in events if isinstance(event.data, PlanChanged)]


async def test_a_plan_is_given_audited_told_and_in_force(
    changes: PlanChanges, database: Database, streams: Streams, alice: UserId, bob: UserId
) -> None:
    heard: list[UserId] = []
    streams.on_access_changed(heard.append)
    changed = await changes.set_plan(alice, "pro", until=LATER, actor_id=bob)
    assert (changed.old.plan, changed.new.plan, changed.new.plan_expires_at) == ("free", "pro", LATER)
    assert heard == [alice]
    ((action, actor, old, new),) = await audit(database)
    assert (action, actor, old["plan"], new["plan_expires_at"]) == ("plan_changed", bob, "free", "2099-01-01T00:00:00.000000Z")
    (event,) = await told(database, alice)
    assert (event.old, event.new) == ("free", "pro")
    assert await told(database, bob) == []


async def test_a_change_to_what_already_is_does_nothing(changes: PlanChanges, database: Database, alice: UserId) -> None:
    await changes.set_plan(alice, "free")
    await changes.set_flag(alice, "beta", on=False)
    assert await audit(database) == []
    assert await told(database, alice) == []


async def test_a_flag_is_given_once_and_taken_away(changes: PlanChanges, database: Database, alice: UserId) -> None:
    for on in (True, True, False):
        await changes.set_flag(alice, "beta", on=on)
    assert [(old["feature_flags"], new["feature_flags"]) for _, _, old, new in await audit(database)] == [
        ([], ["beta"]),
        (["beta"], []),
    ]


async def test_what_does_not_exist_is_refused_and_changes_nothing(
    changes: PlanChanges, database: Database, alice: UserId
) -> None:
    with pytest.raises(UnknownPlan, match="free, pro, enterprise, developer"):
        await changes.set_plan(alice, "emperor")
    with pytest.raises(NotFound):
        await changes.set_plan(UserId(new_uuid()), "pro")
    assert await audit(database) == []


async def test_simultaneous_changes_are_one_chain(changes: PlanChanges, database: Database, alice: UserId) -> None:
    async with asyncio.timeout(30):
        await asyncio.gather(*(changes.set_plan(alice, plan) for plan in ("pro", "enterprise", "developer")))
    steps = {(old["plan"], new["plan"]) for _, _, old, new in await audit(database)}
    assert {new for _, new in steps} == {"pro", "enterprise", "developer"}
    assert {old for old, _ in steps} - {new for _, new in steps} == {"free"}
    assert (await told(database, alice))[0].old == "free"


async def test_a_plan_that_ran_out_is_ended_once_by_whoever_comes_first(
    changes: PlanChanges, database: Database, alice: UserId, bob: UserId
) -> None:
    await changes.set_plan(alice, "pro", until=LATER)
    await changes.set_plan(bob, "pro", until=LATER)
    assert await changes.end_expired() == 0
    async with database.system().transaction() as connection:
        await connection.execute("UPDATE account SET plan_expires_at = now() - interval '1 minute' WHERE id = %s", [alice])
    async with asyncio.timeout(30):
        ended = await asyncio.gather(*(changes.end_expired() for _ in range(5)))
    assert sum(ended) == 1
    assert [(event.old, event.new) for event in await told(database, alice)] == [("free", "pro"), ("pro", "free")]
    assert [event.new for event in await told(database, bob)] == ["pro"]
    assert (await audit(database))[-1][:2] == ("plan_expired", None)
    async with database.system().transaction() as connection:
        cursor = await connection.execute("SELECT plan, plan_expires_at FROM account WHERE id = %s", [alice])
        assert await cursor.fetchone() == ("free", None)


async def test_a_new_version_is_obeyed_by_the_next_call_and_told_to_all_who_have_the_plan(
    changes: PlanChanges, toolbox: Toolbox, database: Database, alice: UserId, bob: UserId
) -> None:
    await give(database, bob, "pro")
    async with database.system().transaction() as connection:
        free = next(plan for plan in await current_plans(connection) if plan.id.name == "free")
    counts: list[int] = []
    added = await changes.add_version(replace(free, permissions=()), counts.append)
    assert (added.id.version, counts) == (2, [1])
    with pytest.raises(PermissionDenied):
        await toolbox.call(ToolCaller(alice, "http"), "list_agents", {})
    await toolbox.call(ToolCaller(bob, "http"), "list_agents", {})
    (event,) = await told(database, alice)
    assert (event.old, event.new, event.gained) == ("free", "free", [])
    assert "list_agents" in event.lost
    assert await told(database, bob) == []


async def test_the_end_of_a_plan_is_kept_to_the_microsecond(changes: PlanChanges, alice: UserId) -> None:
    until = LATER + timedelta(microseconds=1)
    await changes.set_plan(alice, "pro", until=until)
    async with changes.transaction(alice) as transaction:
        assert (await changes.hold(transaction.connection, alice)).grant.plan_expires_at == until


async def test_of_a_new_version_everybody_is_told_once_but_those_who_have_another_plan_by_then(
    changes: PlanChanges, database: Database, streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netra.tools.changes.TOLD_AT_ONCE", 3)
    people = sorted([await add_account(database, f"person{number}@example.com") for number in range(8)])
    for user_id in people:
        await give(database, user_id, "pro")
    await changes.set_plan(people[-1], "enterprise")
    async with database.system().transaction() as connection:
        pro = next(plan for plan in await current_plans(connection) if plan.id.name == "pro")
    heard: list[UserId] = []
    streams.on_access_changed(heard.append)
    counts: list[int] = []
    await changes.add_version(replace(pro, permissions=("basic",)), counts.append)
    assert counts == [3, 6, 7]
    assert sorted(heard) == people[:-1]
    assert [[event.new for event in await told(database, user_id)] for user_id in people] == [["pro"]] * 7 + [["enterprise"]]


async def test_a_version_that_has_come_in_between_is_not_overwritten(changes: PlanChanges, database: Database) -> None:
    async with changes.reading() as connection:
        pro = next(plan for plan in await current_plans(connection) if plan.id.name == "pro")
    await changes.add_version(replace(pro, threads=51))
    with pytest.raises(PlanMoved):
        await changes.add_version(replace(pro, threads=52))
    async with changes.reading() as connection:
        assert [plan.threads for plan in await versions_of(connection, "pro")] == [51, 50]


async def test_an_account_without_a_log_is_passed_over_when_many_are_told(
    changes: PlanChanges, database: Database, alice: UserId, bob: UserId
) -> None:
    async with database.system().transaction() as connection:
        await connection.execute("DELETE FROM thread WHERE user_id = %s", [bob])
        free = next(plan for plan in await current_plans(connection) if plan.id.name == "free")
    await changes.add_version(replace(free, threads=6))
    assert len(await told(database, alice)) == 1
