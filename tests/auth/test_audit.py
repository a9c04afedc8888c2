"""Audit lines live and die with the transaction that they speak of."""

import ast
from datetime import timedelta

import pytest
from psycopg.errors import InsufficientPrivilege

from netra.auth.audit import AuditLog, note, record
from netra.db.database import Database
from netra.ids import UserId, new_uuid
from tests.fixtures.sign_in import fetch
from tests.structure.source import ROOT, modules


async def test_a_line_says_who_did_what_to_whom(database: Database, alice: UserId, bob: UserId) -> None:
    async with database.system().session() as session:
        record(session, "role_changed", bob, actor_id=alice, old="user", new="admin")
        record(session, "account_disabled", bob, actor_id=None)
    assert await fetch(database, "SELECT action, user_id, actor_id, detail FROM audit ORDER BY action") == [
        ("account_disabled", bob, None, {}),
        ("role_changed", bob, alice, {"old": "user", "new": "admin"}),
    ]


async def test_a_line_of_either_kind_of_connection_says_the_same(database: Database, alice: UserId, bob: UserId) -> None:
    async with database.system().session() as session:
        record(session, "role_changed", bob, actor_id=alice, old="user", new="admin")
    async with database.system().transaction() as connection:
        await note(connection, "role_changed", bob, actor_id=alice, old="user", new="admin")
    first, second = await fetch(database, "SELECT action, user_id, actor_id, detail FROM audit")
    assert first == second


async def test_a_line_about_what_did_not_happen_is_not_kept(database: Database, alice: UserId) -> None:
    with pytest.raises(ZeroDivisionError):
        async with database.system().session() as session:
            record(session, "plan_changed", alice, actor_id=None)
            await session.flush()
            raise ZeroDivisionError
    assert await fetch(database, "SELECT * FROM audit") == []


async def test_nobody_reads_or_rewrites_the_audit_of_their_own_account(database: Database, alice: UserId) -> None:
    for statement in ("SELECT * FROM audit", "DELETE FROM audit"):
        with pytest.raises(InsufficientPrivilege):
            async with database.for_user(alice).transaction() as connection:
                await connection.execute(statement)


async def test_a_note_is_a_line_of_its_transaction_without_an_actor(database: Database, alice: UserId) -> None:
    with pytest.raises(ZeroDivisionError):
        async with database.system().transaction() as connection:
            await note(connection, "sign_in_failed", alice)
            raise ZeroDivisionError
    async with database.system().transaction() as connection:
        await note(connection, "sign_in_failed", alice, via="password", address="192.0.2.7")
    assert await fetch(database, "SELECT action, user_id, actor_id, detail FROM audit") == [
        ("sign_in_failed", alice, None, {"via": "password", "address": "192.0.2.7"})
    ]


async def write(database: Database, *actions: str, user_id: UserId | None = None) -> None:
    """Lines that are written one after the other, and so in transactions of their own."""
    for action in actions:
        async with database.system().session() as session:
            record(session, action, user_id, actor_id=None)


async def test_pages_go_from_the_newest_to_the_oldest_and_show_each_line_once(database: Database) -> None:
    audit = AuditLog(database)
    await write(database, "one", "two", "three", "four", "five")
    seen: list[str] = []
    before = None
    while page := await audit.page(limit=2, before=before):
        seen += [line.action for line in page]
        before = page[-1].at, page[-1].id
        await write(database, "newer")
    assert seen == ["five", "four", "three", "two", "one"]


async def test_lines_of_one_moment_have_an_order(database: Database) -> None:
    async with database.system().session() as session:
        for _ in range(5):
            record(session, "at once", None, actor_id=None)
    audit = AuditLog(database)
    first = await audit.page(limit=3)
    rest = await audit.page(limit=3, before=(first[-1].at, first[-1].id))
    assert len({line.id for line in [*first, *rest]}) == 5


async def test_a_page_may_be_about_one_account_or_one_action(database: Database, alice: UserId, bob: UserId) -> None:
    audit = AuditLog(database)
    await write(database, "signed_in", "signed_out", user_id=alice)
    await write(database, "signed_in", user_id=bob)
    assert [line.user_id for line in await audit.page(limit=10, action="signed_in")] == [bob, alice]
    assert [line.action for line in await audit.page(limit=10, user_id=alice)] == ["signed_out", "signed_in"]
    assert len(await audit.page(limit=10, user_id=alice, action="signed_in")) == 1
    assert await audit.page(limit=10, user_id=UserId(new_uuid())) == []


async def test_old_lines_are_removed_unless_they_are_kept_for_ever(database: Database) -> None:
    await write(database, "old", "new")
    await fetch(database, "UPDATE audit SET at = now() - interval '366 days' WHERE action = 'old'")
    assert await AuditLog(database).sweep() == 0
    assert await AuditLog(database, keep=timedelta(days=365)).sweep() == 1
    assert await fetch(database, "SELECT action FROM audit") == [("new",)]


def test_every_action_that_is_recorded_is_documented() -> None:
    recorded = {
        str(call.args[1].value)
        for module in modules()
        for call in ast.walk(module.tree)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in ("record", "note")
        if len(call.args) > 1 and isinstance(call.args[1], ast.Constant)
    }
    assert len(recorded) > 10
    page = (ROOT / "docs/sign-in.md").read_text("utf-8")
    assert sorted(action for action in recorded if f"`{action}`" not in page) == []
