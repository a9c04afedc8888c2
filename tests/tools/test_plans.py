import asyncio
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from netra.db.database import Database
from netra.ids import PlanId
from netra.tools.legacy import GRANTS
from netra.tools.permissions import PERMISSIONS
from netra.tools.plans import FREE, InvalidPlan, Plan, UnknownPlan, add_version, current_plans, read_plan, versions_of

TEAM = Plan(PlanId("team", 0), False, Decimal(99), ("basic", "analytics"), {"*": 10, "list_agents": 3}, Decimal("1.5"), 7)


async def plans(database: Database) -> dict[str, Plan]:
    async with database.system().transaction() as connection:
        return {plan.id.name: plan for plan in await current_plans(connection)}


async def add(database: Database, plan: Plan) -> Plan:
    async with database.system().transaction() as connection:
        return await add_version(connection, plan)


async def test_the_four_plans_of_the_contract_are_there(database: Database) -> None:
    found = await plans(database)
    assert list(found) == ["free", "pro", "enterprise", "developer"]
    assert [plan.price_usd for plan in found.values()] == [0, 29, 299, None]
    assert [plan.rate_multiplier for plan in found.values()] == [1, 2, 10, 100]
    assert [plan.threads for plan in found.values()] == [5, 50, None, None]
    assert [plan.hidden for plan in found.values()] == [False, False, False, True]
    assert found["developer"].permissions == tuple(PERMISSIONS)
    assert found[FREE].permissions == ("basic",)


async def test_an_allowance_is_the_tools_own_or_that_of_every_tool(database: Database) -> None:
    found = await plans(database)
    allowed = {
        (plan, tool): found[plan].allowance(tool)
        for plan in found
        for tool in ("create_thread", "get_agent_status", "generate_synthetic_data", "analyze_workload")
    }
    assert allowed[FREE, "create_thread"] == 10
    assert allowed[FREE, "get_agent_status"] is None
    assert (allowed["pro", "create_thread"], allowed["pro", "analyze_workload"]) == (1000, 500)
    assert allowed["pro", "generate_synthetic_data"] == 10_000
    assert {limit for (plan, _), limit in allowed.items() if plan in ("enterprise", "developer")} == {None}


def test_a_rate_is_multiplied_and_never_nothing() -> None:
    assert TEAM.rate(100) == 150
    assert replace(TEAM, rate_multiplier=Decimal("0.001")).rate(100) == 1


async def test_a_new_version_is_in_force_and_the_old_one_can_still_be_read(database: Database) -> None:
    first, second = await add(database, TEAM), await add(database, replace(TEAM, threads=8))
    assert (first.id, second.id) == (PlanId("team", 1), PlanId("team", 2))
    assert (await plans(database))["team"] == second
    async with database.system().transaction() as connection:
        assert await read_plan(connection, first.id) == first
        assert [plan.threads for plan in await versions_of(connection, "team")] == [8, 7]


async def test_simultaneous_changes_of_a_plan_are_versions_of_their_own(database: Database) -> None:
    async with asyncio.timeout(20):
        added = await asyncio.gather(*(add(database, replace(TEAM, threads=n)) for n in range(10)))
    assert sorted(plan.id.version for plan in added) == list(range(1, 11))


@pytest.mark.parametrize(
    "wrong",
    [
        {"permissions": ("basic", "flying")},
        {"rate_multiplier": Decimal(0)},
        {"threads": -1},
        {"price_usd": Decimal(-1)},
        {"allowances": {"*": -1}},
    ],
    ids=["permissions", "rate", "threads", "price", "allowances"],
)
async def test_a_plan_that_cannot_be_is_refused(database: Database, wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidPlan):
        await add(database, replace(TEAM, **wrong))  # type: ignore[arg-type]
    assert "team" not in await plans(database)


async def test_an_unknown_plan_is_unknown(database: Database) -> None:
    async with database.system().transaction() as connection:
        for plan_id in (PlanId("team", 1), PlanId("pro", 2)):
            with pytest.raises(UnknownPlan):
                await read_plan(connection, plan_id)
        with pytest.raises(UnknownPlan):
            await versions_of(connection, "team")


# The page ---------------------------------------------------------------------------------------------------------------------

PAGE = (Path(__file__).parents[2] / "docs/plans.md").read_text("utf-8")


async def test_the_page_shows_the_plans_that_come_with_netra(database: Database) -> None:
    def calls(plan: Plan) -> set[str]:
        return {f"{tool if tool != '*' else 'every other tool'} {count}" for tool, count in plan.allowances.items()}

    rows = [[cell.strip() for cell in line.strip("| ").split("|")] for line in PAGE.splitlines() if line.startswith("|")]
    shown = {name.split()[0]: cells for name, *cells in rows if len(cells) == 5}
    for name, plan in (await plans(database)).items():
        price, permissions, allowances, rate, threads = shown[name]
        assert price == ("not for sale" if plan.price_usd is None else f"${float(plan.price_usd):g}")
        assert tuple(permissions.split(", ")) == plan.permissions
        assert set(allowances.split(", ")) == (calls(plan) or {"no limit"})
        assert rate == f"× {float(plan.rate_multiplier):g}"
        assert threads == ("no limit" if plan.threads is None else str(plan.threads))


def test_the_page_shows_what_each_permission_asks_for() -> None:
    for name, permission in PERMISSIONS.items():
        (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| {name} |")]
        limits = ", ".join(
            f"{n} {'an' if window == 'hour' else 'a'} {window}" for window, n in (permission.limits or {}).items()
        )
        assert row.endswith(f"| {limits or 'no limit'} |")
        assert permission.flag is None or f"`{permission.flag}`" in row
        assert ("admin" in row) == bool(permission.roles)
        assert ("not in production" in row) == (not permission.in_production)


def test_the_page_shows_what_each_role_becomes() -> None:
    for role, (plan, flags) in GRANTS.items():
        words = ", ".join(f"`{flag}`" if flag == "*" else flag for flag in flags)
        assert f"| {role} | {plan} | {words} |" in PAGE
