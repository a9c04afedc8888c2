"""Who may call what, and how often; exactly, whatever happens at once."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from netra.db.database import Database
from netra.errors import Unauthenticated
from netra.ids import PlanId, UserId, new_uuid
from netra.tools.gate import Gate, Limit, PermissionDenied, RateLimited, ToolCaller, limits_of, upgrade_path
from netra.tools.plans import Plan, add_version, current_plans
from tests.tools.conftest import give

GATE = Gate()
TOOL = "create_thread"


async def admit(database: Database, user_id: UserId, tool: str = TOOL, permission: str = "basic", **caller: object) -> None:
    async with database.for_user(user_id).transaction() as connection:
        await GATE.admit(connection, ToolCaller(user_id, "http", **caller), tool, permission)  # type: ignore[arg-type]


async def limits(database: Database, user_id: UserId, tool: str = TOOL, permission: str = "basic") -> dict[str, Limit]:
    async with database.for_user(user_id).transaction() as connection:
        plan = (await GATE.entitlement(connection, user_id)).plan
        found = limits_of(plan, tool, permission, await GATE.usage(connection, user_id))
    return {limit.counter: limit for limit in found}


async def set_plan(database: Database, name: str, **wanted: object) -> Plan:
    """Put a version of a plan in force that differs in what is wanted."""
    async with database.system().transaction() as connection:
        known = {plan.id.name: plan for plan in await current_plans(connection)}
        return await add_version(connection, replace(known[name], **wanted))  # type: ignore[arg-type]


async def test_a_call_is_counted_and_the_last_that_has_room_is_the_last(database: Database, alice: UserId) -> None:
    for _ in range(10):
        await admit(database, alice)
    with pytest.raises(RateLimited) as caught:
        await admit(database, alice)
    info = caught.value.extra["permission_info"]
    assert info["required_permissions"] == ["basic"]
    assert info["missing_permissions"] == []
    assert info["upgrade_path"] == "pro"
    (status,) = info["rate_limit_status"]
    assert (status["scope"], status["name"], status["window"]) == ("tool", TOOL, "day")
    assert (status["limit"], status["used"]) == (10, 10)
    assert 0 < caught.value.retry_after <= 86_400


async def test_two_hundred_at_once_against_an_allowance_of_a_hundred_are_a_hundred(
    database_url: str, alice: UserId, database: Database
) -> None:
    async with Database.open(database_url, pool_size=8) as one, Database.open(database_url, pool_size=8) as other:

        async def call(nth: int) -> bool:
            try:
                await admit(one if nth % 2 else other, alice, "get_thread_history")
            except RateLimited:
                return False
            return True

        async with asyncio.timeout(60):
            admitted = await asyncio.gather(*(call(nth) for nth in range(200)))
    assert sum(admitted) == 100
    assert (await limits(database, alice, "get_thread_history"))["tool/get_thread_history/day"].used == 100


async def test_what_is_rolled_back_was_not_counted(database: Database, alice: UserId) -> None:
    with pytest.raises(ZeroDivisionError):
        async with database.for_user(alice).transaction() as connection:
            await GATE.admit(connection, ToolCaller(alice, "http"), TOOL, "basic")
            raise ZeroDivisionError
    assert (await limits(database, alice))["tool/create_thread/day"].used == 0


async def test_one_call_that_is_begun_twice_is_counted_once(database: Database, alice: UserId) -> None:
    call_id = new_uuid()
    for _ in range(3):
        await admit(database, alice, call_id=call_id)
    assert (await limits(database, alice))["tool/create_thread/day"].used == 1


async def test_a_count_is_of_one_user(database: Database, alice: UserId, bob: UserId) -> None:
    for _ in range(10):
        await admit(database, alice)
    await admit(database, bob)
    assert (await limits(database, bob))["tool/create_thread/day"].used == 1


async def test_a_new_day_begins_at_nothing(database: Database, alice: UserId) -> None:
    for _ in range(10):
        await admit(database, alice)
    async with database.system().transaction() as connection:
        await connection.execute("UPDATE tool_usage SET starts_at = starts_at - interval '1 day'")
    await admit(database, alice)
    assert (await limits(database, alice))["tool/create_thread/day"].used == 1


async def test_the_rate_of_a_permission_is_shared_by_its_tools_and_multiplied_by_the_plan(
    database: Database, alice: UserId
) -> None:
    await give(database, alice, "pro")
    await set_plan(database, "pro", rate_multiplier=Decimal("0.02"))  # 2 of 100 an hour
    await admit(database, alice, "analyze_workload", "analytics")
    await admit(database, alice, "query_corpus", "analytics")
    with pytest.raises(RateLimited) as caught:
        await admit(database, alice, "optimize_prompt", "analytics")
    statuses = {(s["scope"], s["window"]): s for s in caught.value.extra["permission_info"]["rate_limit_status"]}
    assert statuses["permission", "hour"]["used"] == statuses["permission", "hour"]["limit"] == 2
    # The refused call is counted nowhere, not even where there was room.
    assert (statuses["permission", "day"]["used"], statuses["tool", "day"]["used"]) == (2, 0)
    assert caught.value.retry_after <= 3600
    assert caught.value.extra["permission_info"]["upgrade_path"] == "enterprise"
    found = await limits(database, alice, "optimize_prompt", "analytics")
    assert found["permission/analytics/hour"].used == 2
    assert found["tool/optimize_prompt/day"].used == 0


async def test_an_allowance_of_nothing_admits_nobody(database: Database, alice: UserId) -> None:
    await set_plan(database, "free", allowances={TOOL: 0})
    with pytest.raises(RateLimited):
        await admit(database, alice)


async def test_a_tool_without_an_allowance_is_counted_and_never_refused(database: Database, alice: UserId) -> None:
    for _ in range(20):
        await admit(database, alice, "get_agent_status")
    async with database.for_user(alice).transaction() as connection:
        assert (await GATE.usage(connection, alice)).today("get_agent_status") == 20
    assert await limits(database, alice, "get_agent_status") == {}


async def test_what_is_lacking_is_said_with_the_way_to_get_it(database: Database, alice: UserId) -> None:
    for permission, upgrade, words in (
        ("analytics", "pro", ["plan"]),
        ("data_management", "pro", ["plan", "flag:data_operations"]),
        ("advanced_optimization", "enterprise", ["plan", "flag:advanced_optimization"]),
        ("developer_tools", None, ["plan"]),
    ):
        with pytest.raises(PermissionDenied) as caught:
            await admit(database, alice, "some_tool", permission)
        assert caught.value.extra["permission_info"] == {
            "required_permissions": [permission],
            "missing_permissions": words,
            "upgrade_path": upgrade,
            "rate_limit_status": [],
        }
    await give(database, alice, "pro")
    with pytest.raises(PermissionDenied, match="the flag data_operations") as caught:
        await admit(database, alice, "create_corpus", "data_management")
    assert caught.value.extra["permission_info"]["upgrade_path"] is None  # no plan gives a flag


async def test_a_call_that_was_denied_is_counted_nowhere(database: Database, alice: UserId) -> None:
    with pytest.raises(PermissionDenied):
        await admit(database, alice, "analyze_workload", "analytics")
    async with database.system().transaction() as connection:
        for table in ("tool_usage", "tool_call"):
            assert (await (await connection.execute(f"SELECT * FROM {table}")).fetchall()) == []


async def test_role_flags_and_plan_are_those_of_this_moment(database: Database, alice: UserId) -> None:
    await give(database, alice, "enterprise", "admin")
    await admit(database, alice, "user_admin", "system_management")
    await give(database, alice, "enterprise", "user")
    with pytest.raises(PermissionDenied):
        await admit(database, alice, "user_admin", "system_management")


async def test_a_run_keeps_its_plan_in_its_version_and_nothing_else_of_then(database: Database, alice: UserId) -> None:
    kept = PlanId("pro", 1)
    await set_plan(database, "pro", permissions=("basic",))
    await admit(database, alice, "analyze_workload", "analytics", plan_id=kept)
    with pytest.raises(PermissionDenied):
        await admit(database, alice, "analyze_workload", "analytics")
    with pytest.raises(PermissionDenied, match="flag"):
        await admit(database, alice, "create_corpus", "data_management", plan_id=kept)
    with pytest.raises(Unauthenticated):
        await admit(database, alice, plan_id=PlanId("pro", 99))  # there is no such version: closed, not open


async def test_a_plan_that_has_run_out_is_the_free_one(database: Database, alice: UserId) -> None:
    await give(database, alice, "enterprise")
    async with database.system().transaction() as connection:
        await connection.execute("UPDATE account SET plan_expires_at = now() - interval '1 second'")
    with pytest.raises(PermissionDenied):
        await admit(database, alice, "analyze_workload", "analytics")


async def test_a_closed_account_is_refused_in_the_middle_of_a_run(database: Database, alice: UserId) -> None:
    async with database.system().transaction() as connection:
        await connection.execute("UPDATE account SET disabled_at = now()")
    with pytest.raises(Unauthenticated):
        await admit(database, alice, plan_id=PlanId("free", 1))


async def test_production_closes_what_is_for_developers(database: Database, alice: UserId) -> None:
    await give(database, alice, "developer", "super_admin", "*")
    await admit(database, alice, "debug_panel", "developer_tools")
    async with database.for_user(alice).transaction() as connection:
        with pytest.raises(PermissionDenied, match="not in production"):
            await Gate(production=True).admit(connection, ToolCaller(alice, "http"), "debug_panel", "developer_tools")


async def test_windows_end_at_the_full_hour_and_day_of_utc(database: Database, alice: UserId) -> None:
    async with database.for_user(alice).transaction() as connection:
        usage = await GATE.usage(connection, alice)
    assert timedelta(0) < usage.ends["hour"] - usage.at <= timedelta(hours=1)
    assert timedelta(0) < usage.ends["day"] - usage.at <= timedelta(days=1)
    assert (usage.ends["day"].hour, usage.ends["day"].minute, usage.ends["hour"].minute) == (0, 0, 0)


async def test_an_upgrade_is_one_that_gives_more_and_takes_nothing(database: Database, alice: UserId) -> None:
    async with database.for_user(alice).transaction() as connection:
        entitlement, plans = await GATE.entitlement(connection, alice), await current_plans(connection)
    known = {plan.id.name: plan for plan in plans}
    assert upgrade_path(entitlement, plans, TOOL, "basic") == "pro"
    assert upgrade_path(entitlement.under(known["pro"]), plans, TOOL, "basic") == "enterprise"
    assert upgrade_path(entitlement.under(known["enterprise"]), plans, TOOL, "basic") is None
    assert upgrade_path(entitlement.under(known["enterprise"]), plans, "user_admin", "system_management") is None
