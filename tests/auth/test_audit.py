"""Audit lines live and die with the transaction that they speak of."""

import pytest
from psycopg.errors import InsufficientPrivilege

from netra.auth.audit import record
from netra.db.database import Database
from netra.ids import UserId
from tests.fixtures.sign_in import fetch


async def test_a_line_says_who_did_what_to_whom(database: Database, alice: UserId, bob: UserId) -> None:
    async with database.system().session() as session:
        record(session, "role_changed", bob, actor_id=alice, old="user", new="admin")
        record(session, "account_disabled", bob, actor_id=None)
    assert await fetch(database, "SELECT action, user_id, actor_id, detail FROM audit ORDER BY action") == [
        ("account_disabled", bob, None, {}),
        ("role_changed", bob, alice, {"old": "user", "new": "admin"}),
    ]


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
