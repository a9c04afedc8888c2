"""Administrators' tools: how far each role reaches, and that what is done is audited, told, and one transaction."""

import asyncio
import itertools
from datetime import UTC, datetime
from typing import Any

import pytest

from netra.auth.accounts import UnknownAccount
from netra.clock import SystemClock
from netra.db.database import Database
from netra.errors import InvalidInput
from netra.events.model import PlanChanged
from netra.gateway.tooling import equip
from netra.ids import ThreadId, UserId
from netra.streams import log
from netra.streams.streams import Streams
from netra.tools.administration import Configuration, Proposal, SettingFact, SettingsUnknown, SuperAdminOnly
from netra.tools.gate import PermissionDenied, ToolCaller
from netra.tools.plans import UnknownPlan
from netra.tools.toolbox import Toolbox
from tests.db.test_database import was_cancelled
from tests.tools.conftest import give

ALICE, BOB = "alice@example.com", "bob@example.com"


@pytest.fixture
async def admin(database: Database, alice: UserId) -> UserId:
    await give(database, alice, "enterprise", "admin")
    return alice


@pytest.fixture
async def super_admin(database: Database, alice: UserId) -> UserId:
    await give(database, alice, "enterprise", "super_admin")
    return alice


async def call(toolbox: Toolbox, user_id: UserId, tool: str, **arguments: Any) -> Any:
    return await toolbox.call(ToolCaller(user_id, "http"), tool, arguments)


async def audit(database: Database) -> list[tuple[Any, ...]]:
    """Who did what to whom."""
    async with database.system().transaction() as connection:
        cursor = await connection.execute("SELECT action, actor_id, user_id FROM audit ORDER BY at, id")
        return await cursor.fetchall()


async def account(database: Database, user_id: UserId) -> tuple[Any, ...]:
    async with database.system().transaction() as connection:
        cursor = await connection.execute(
            "SELECT role, plan, feature_flags, disabled_at IS NOT NULL FROM account WHERE id = %s", [user_id]
        )
        row = await cursor.fetchone()
    assert row is not None
    return row


async def test_whoever_has_the_plan_and_not_the_role_opens_none_of_them(
    toolbox: Toolbox, database: Database, alice: UserId
) -> None:
    calls: dict[str, dict[str, Any]] = {
        "user_admin": {"action": "list"},
        "feature_flag_toggle": {"email": ALICE, "flag": "beta", "on": True},
        "log_analyzer": {},
        "system_configurator": {"action": "show"},
    }
    for role, plan in (("user", "enterprise"), ("developer", "developer"), ("admin", "pro")):
        await give(database, alice, plan, role, "*")
        for tool, arguments in calls.items():
            with pytest.raises(PermissionDenied):
                await call(toolbox, alice, tool, **arguments)
    assert await audit(database) == []


CHANGES: dict[str, tuple[dict[str, Any], str, tuple[Any, ...]]] = {
    "set_role": ({"role": "developer"}, "role_changed", ("developer", "free", [], False)),
    "set_plan": ({"plan": "pro", "until": "2099-01-01T00:00:00Z"}, "plan_changed", ("user", "pro", [], False)),
    "disable": ({}, "account_disabled", ("user", "free", [], True)),
}


@pytest.mark.parametrize("action", CHANGES)
async def test_a_change_is_made_audited_with_its_actor_and_heard_by_every_process_once(
    toolbox: Toolbox, streams: Streams, database: Database, admin: UserId, bob: UserId, action: str
) -> None:
    arguments, audited, result = CHANGES[action]
    heard: list[UserId] = []
    streams.on_access_changed(heard.append)
    answer = await call(toolbox, admin, "user_admin", action=action, email=" Bob@Example.com", **arguments)
    assert (answer["account"]["email"], answer["account"]["role"]) == (BOB, result[0])
    assert await account(database, bob) == result
    assert await audit(database) == [(audited, admin, bob)]
    assert heard == [bob]


async def test_a_disabled_account_is_let_in_again(toolbox: Toolbox, database: Database, admin: UserId, bob: UserId) -> None:
    for action in ("disable", "enable"):
        await call(toolbox, admin, "user_admin", action=action, email=BOB)
    assert await account(database, bob) == ("user", "free", [], False)
    assert [action for action, *_ in await audit(database)] == ["account_disabled", "account_enabled"]


async def test_accounts_are_found_and_listed_and_each_look_is_audited(
    toolbox: Toolbox, database: Database, admin: UserId, bob: UserId
) -> None:
    found = await call(toolbox, admin, "user_admin", action="find", email=BOB)
    assert (found["account"]["id"], found["account"]["plan"]) == (str(bob), "free")
    assert "password" not in str(found)
    first = await call(toolbox, admin, "user_admin", action="list", limit=1)
    rest = await call(toolbox, admin, "user_admin", action="list", after=first["accounts"][-1]["email"])
    assert [entry["email"] for entry in first["accounts"] + rest["accounts"]] == [ALICE, BOB]
    assert (first["more"], rest["more"]) == (True, False)
    assert await audit(database) == [
        ("account_looked_up", admin, bob),
        ("accounts_listed", admin, None),
        ("accounts_listed", admin, None),
    ]


REACHES: list[tuple[str, str, dict[str, Any]]] = [
    # whose account, what that account is, what is tried
    (BOB, "super_admin", {"action": "set_role", "role": "user"}),
    (BOB, "super_admin", {"action": "set_plan", "plan": "free"}),
    (BOB, "super_admin", {"action": "disable"}),
    (BOB, "super_admin", {"action": "enable"}),
    (BOB, "user", {"action": "set_role", "role": "super_admin"}),
    (ALICE, "user", {"action": "set_role", "role": "super_admin"}),
    (ALICE, "user", {"action": "set_role", "role": "user"}),
    (ALICE, "user", {"action": "disable"}),
]


@pytest.mark.parametrize(("whose", "his_role", "tried"), REACHES, ids=str)
async def test_what_only_a_super_admin_may_is_refused_to_an_admin_and_changes_nothing(
    toolbox: Toolbox, database: Database, alice: UserId, bob: UserId, whose: str, his_role: str, tried: dict[str, Any]
) -> None:
    await give(database, alice, "enterprise", "admin")
    await give(database, bob, "free", his_role)
    before = [await account(database, alice), await account(database, bob)]
    with pytest.raises(SuperAdminOnly):
        await call(toolbox, alice, "user_admin", email=whose, **tried)
    assert [await account(database, alice), await account(database, bob)] == before
    assert await audit(database) == []
    await give(database, alice, "enterprise", "super_admin")
    await call(toolbox, alice, "user_admin", email=whose, **tried)


async def test_a_flag_of_a_super_admin_is_not_an_admins_to_toggle(
    toolbox: Toolbox, database: Database, admin: UserId, bob: UserId
) -> None:
    await give(database, bob, "free", "super_admin")
    with pytest.raises(SuperAdminOnly):
        await call(toolbox, admin, "feature_flag_toggle", email=BOB, flag="beta", on=True)


async def test_another_administrator_can_be_made_and_unmade(
    toolbox: Toolbox, database: Database, admin: UserId, bob: UserId
) -> None:
    for role in ("admin", "user"):
        await call(toolbox, admin, "user_admin", action="set_role", email=BOB, role=role)
        assert (await account(database, bob))[0] == role


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"action": "set_role", "email": BOB}, "arguments.role"),
        ({"action": "set_plan", "email": BOB}, "arguments.plan"),
        ({"action": "disable"}, "arguments.email"),
        ({"action": "set_role", "email": BOB, "role": "emperor"}, "arguments.role"),
        ({"action": "set_plan", "email": BOB, "plan": "pro", "until": "2099-01-01T00:00:00"}, "arguments.until"),
        ({"action": "burn", "email": BOB}, "arguments.action"),
    ],
    ids=str,
)
async def test_what_is_missing_or_malformed_is_named(
    toolbox: Toolbox, admin: UserId, bob: UserId, arguments: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await call(toolbox, admin, "user_admin", **arguments)
    assert refused.value.extra["field"] == field


async def test_what_does_not_exist_is_refused_and_not_counted(
    toolbox: Toolbox, database: Database, admin: UserId, bob: UserId
) -> None:
    with pytest.raises(UnknownAccount):
        await call(toolbox, admin, "user_admin", action="disable", email="nobody@example.com")
    with pytest.raises(UnknownPlan):
        await call(toolbox, admin, "user_admin", action="set_plan", email=BOB, plan="emperor")
    async with database.system().transaction() as connection:
        cursor = await connection.execute("SELECT (SELECT count(*) FROM audit), (SELECT count(*) FROM tool_call)")
        assert await cursor.fetchone() == (0, 0)


async def test_a_flag_is_toggled_audited_and_told_on_the_other_accounts_log(
    toolbox: Toolbox, database: Database, admin: UserId, bob: UserId
) -> None:
    for on in (True, True, False):
        answer = await call(toolbox, admin, "feature_flag_toggle", email=BOB, flag="beta", on=on)
        assert answer == {
            "email": BOB,
            "feature_flags": ["beta"] if on else [],
            "tools_gained": [],
            "tools_lost": [],
        }
    assert await audit(database) == [("flag_changed", admin, bob)] * 2
    _, events = await log.read_page(database.for_user(bob), ThreadId(bob), 0)
    assert [type(event.data) for event in events] == [PlanChanged] * 2
    _, hers = await log.read_page(database.for_user(admin), ThreadId(admin), 0)
    assert hers == []


async def test_a_call_that_is_cancelled_anywhere_has_happened_wholly_or_not_at_all(
    toolbox: Toolbox, database: Database, admin: UserId, bob: UserId
) -> None:
    async def state() -> tuple[Any, ...]:
        async with database.system().transaction() as connection:
            cursor = await connection.execute(
                """SELECT (SELECT count(*) FROM audit), (SELECT count(*) FROM event WHERE user_id = %s),
                          (SELECT count(*) FROM tool_call), (SELECT plan FROM account WHERE id = %s)""",
                [bob, bob],
            )
            row = await cursor.fetchone()
        assert row is not None
        return row

    async with asyncio.timeout(60):
        for k in itertools.count(1):
            work = call(toolbox, admin, "user_admin", action="set_plan", email=BOB, plan="pro")
            cancelled = await was_cancelled(work, k)
            happened = await state()
            assert happened in ((0, 0, 0, "free"), (1, 1, 1, "pro"))
            if not cancelled or happened != (0, 0, 0, "free"):
                break
    assert k > 10
    assert (await state())[3] == "pro"


async def test_what_happened_is_counted_without_content_or_addresses(
    toolbox: Toolbox, database: Database, admin: UserId, bob: UserId
) -> None:
    await call(toolbox, bob, "create_thread", title="a secret title")
    await call(toolbox, admin, "user_admin", action="find", email=BOB)
    async with database.system().transaction() as connection:
        await connection.execute(
            """INSERT INTO run (user_id, id, thread_id, agent, state, input, plan, plan_version, error, accepted_seq,
                                finished_at)
               SELECT user_id, gen_random_uuid(), id, 'demo', 'failed', '"secret input"', 'free', 1,
                      '{"code": "timeout", "message": "secret words"}', 1, now() FROM thread WHERE kind = 'conversation'"""
        )
        await connection.execute(
            "INSERT INTO audit (id, at, action) VALUES (gen_random_uuid(), now() - interval '3 hours', 'sign_in_failed')"
        )
    answer = await call(toolbox, admin, "log_analyzer", hours=2)
    assert answer["runs"] == {"demo": {"failed": 1}}
    assert answer["failures"] == {"timeout": 1}
    assert answer["tool_calls"] == {
        "create_thread": {"success": 1},
        "user_admin": {"success": 1},
        "log_analyzer": {"unfinished": 1},  # itself
    }
    assert (answer["sign_ins"], answer["audit"]) == (0, {"account_looked_up": 1})
    assert (await call(toolbox, admin, "log_analyzer", hours=4))["audit"] == {
        "account_looked_up": 1,
        "activity_counted": 1,
        "sign_in_failed": 1,
    }
    assert not [word for word in ("secret", "@", str(bob)) if word in str(answer)]
    since, until = (datetime.fromisoformat(answer[name]) for name in ("since", "until"))
    assert (until - since).total_seconds() == 7200
    assert until.tzinfo == UTC


async def test_settings_are_shown_and_checked_as_they_were_told_and_both_is_audited(
    streams: Streams, database: Database, admin: UserId
) -> None:
    def check(values: Any) -> Proposal:
        return Proposal("no such port") if values["NETRA_PORT"] == "0" else Proposal(None, ("NETRA_PORT=1",))

    told = Configuration([SettingFact("NETRA_PORT", 8000, "8000", False, "The port.")], check)
    toolbox = equip(streams, SystemClock(), [], production=False, configuration=told).toolbox
    (fact,) = (await call(toolbox, admin, "system_configurator", action="show"))["settings"]
    assert fact == {"name": "NETRA_PORT", "value": 8000, "default": "8000", "changed": False, "meaning": "The port."}
    wrong = await call(toolbox, admin, "system_configurator", action="check", values={"NETRA_PORT": "0"})
    assert (wrong["valid"], wrong["problem"], wrong["environment"]) == (False, "no such port", [])
    right = await call(toolbox, admin, "system_configurator", action="check", values={"NETRA_PORT": "1"})
    assert (right["valid"], right["environment"]) == (True, ["NETRA_PORT=1"])
    with pytest.raises(InvalidInput):
        await call(toolbox, admin, "system_configurator", action="check")
    assert [action for action, *_ in await audit(database)] == ["settings_shown", "settings_checked", "settings_checked"]
    assert "frozen" in toolbox["system_configurator"].description


async def test_a_process_that_was_not_told_its_settings_says_so(toolbox: Toolbox, admin: UserId) -> None:
    with pytest.raises(SettingsUnknown):
        await call(toolbox, admin, "system_configurator", action="check", values={"NETRA_PORT": "1"})
