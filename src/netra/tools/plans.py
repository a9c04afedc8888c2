"""Plans: what is sold, in versions, out of the database.

A plan is changed by adding a version, and the highest counts from that moment on for everybody who has the plan; a run
keeps the version that it was accepted under.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from netra.db.database import Connection
from netra.db.sql import NamedQueries
from netra.errors import Conflict, InvalidInput, NotFound
from netra.ids import PlanId
from netra.tools.permissions import PERMISSIONS

QUERIES: Final = NamedQueries("netra.tools", "plans.sql")

FREE: Final = "free"
"""What everybody has who has nothing else, and what a plan becomes when it ends."""

EVERY_TOOL: Final = "*"
"""In the allowances of a plan: each tool that is not named."""

NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")
"""What a plan may be called."""

LARGEST_COUNT: Final = 2**31 - 1
"""Threads or calls a day: what the database counts with."""

LARGEST_PRICE: Final = Decimal("99999999.99")
LARGEST_RATE: Final = Decimal("999999.99")
CENT: Final = Decimal("0.01")
"""Prices and rate multipliers are kept in hundredths."""


class UnknownPlan(NotFound):
    """There is no plan of that name."""

    code = "unknown_plan"


class PlanMoved(Conflict):
    """Somebody else has changed this plan meanwhile; look at it again, then say once more what is to change."""

    code = "plan_moved"


class InvalidPlan(InvalidInput):
    """A plan cannot be like that."""

    code = "invalid_plan"


@dataclass(frozen=True, slots=True)
class Plan:
    """One version of a plan."""

    id: PlanId
    hidden: bool
    """Not offered to anybody; an operator gives it."""
    price_usd: Decimal | None
    """A month; None: not for sale."""
    permissions: tuple[str, ...]
    allowances: Mapping[str, int]
    """Calls of a tool in a day of UTC; `*` is every tool that is not named. What has no entry has no limit."""
    rate_multiplier: Decimal
    """What the limits of the permissions are multiplied by."""
    threads: int | None
    """Conversations that a user may keep; None: no limit."""
    created_at: datetime | None = None

    def allowance(self, tool: str) -> int | None:
        """Calls a day of one tool; None: no limit."""
        return self.allowances.get(tool, self.allowances.get(EVERY_TOOL))

    def rate(self, limit: int) -> int:
        """What a limit of a permission is under this plan. At least one: a limit is there to be used."""
        return max(1, int(limit * self.rate_multiplier))


async def current_plans(connection: Connection) -> Sequence[Plan]:
    """Every plan in force, the cheapest first; those that are not for sale come last."""
    return await _fetch(connection, "current_plans", {})


async def read_plan(connection: Connection, plan_id: PlanId) -> Plan:
    """One version. Raises `UnknownPlan`."""
    for plan in await _fetch(connection, "read_plan", {"name": plan_id.name, "version": plan_id.version}):
        return plan
    raise UnknownPlan


async def versions_of(connection: Connection, name: str) -> Sequence[Plan]:
    """Every version of a plan, the newest first. Raises `UnknownPlan`."""
    if found := await _fetch(connection, "plan_versions", {"name": name}):
        return found
    raise UnknownPlan(f"There is no plan {name!r}.")


async def add_version(connection: Connection, plan: Plan) -> Plan:
    """Put another version of a plan in force, or the first of a new one; the version in `plan.id` is not looked at.

    `connection` is one of the system role. Raises `InvalidPlan`.
    """
    refuse_invalid(plan)
    await connection.execute(QUERIES["name_plan"], {"name": plan.id.name, "hidden": plan.hidden})
    cursor = await connection.execute(
        QUERIES["add_version"],
        {
            "name": plan.id.name,
            "price_usd": plan.price_usd,
            "permissions": list(plan.permissions),
            "allowances": Jsonb(dict(plan.allowances)),
            "rate_multiplier": plan.rate_multiplier,
            "threads": plan.threads,
        },
    )
    row = await cursor.fetchone()
    assert row is not None
    return replace(plan, id=PlanId(plan.id.name, row[0]), created_at=row[1])


def refuse_invalid(plan: Plan) -> None:
    """Raise `InvalidPlan`, naming what is wrong, unless a plan can be like that."""
    if NAME.fullmatch(plan.id.name) is None:
        raise InvalidPlan("A plan's name has lower-case letters, digits and _, begins with a letter, 32 at most.", field="name")
    if unknown := set(plan.permissions) - PERMISSIONS.keys():
        raise InvalidPlan(f"There is no permission {min(unknown)!r}; there are {', '.join(PERMISSIONS)}.", field="permissions")
    if not 0 < plan.rate_multiplier <= LARGEST_RATE or plan.rate_multiplier % CENT:
        raise InvalidPlan(
            f"The rate multiplier is above zero, {LARGEST_RATE:,} at most, in hundredths.", field="rate_multiplier"
        )
    price = plan.price_usd
    if price is not None and (not 0 <= price <= LARGEST_PRICE or price % CENT):
        raise InvalidPlan(f"A price is not below zero, {LARGEST_PRICE:,} at most, in whole cents.", field="price_usd")
    counts = {"threads": plan.threads, **{f"allowances.{tool}": calls for tool, calls in plan.allowances.items()}}
    for field, count in counts.items():
        if count is not None and not 0 <= count <= LARGEST_COUNT:
            raise InvalidPlan(f"{field} is not below zero, and {LARGEST_COUNT:,} at most.", field=field)


async def count_holders(connection: Connection) -> Mapping[str, int]:
    """How many accounts have each plan that somebody has. `connection` is one of the system role."""
    return dict(await (await connection.execute(QUERIES["count_holders"])).fetchall())


async def _fetch(connection: Connection, query: str, parameters: Mapping[str, Any]) -> list[Plan]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(QUERIES[query], parameters)
        return [plan_of(row) for row in await cursor.fetchall()]


def plan_of(row: Mapping[str, Any]) -> Plan:
    """A plan out of a row of `plan_version`, joined with `plan.hidden`."""
    return Plan(
        id=PlanId(row["plan"], row["version"]),
        hidden=row["hidden"],
        price_usd=row["price_usd"],
        permissions=tuple(row["permissions"]),
        allowances=row["allowances"],
        rate_multiplier=row["rate_multiplier"],
        threads=row["threads"],
        created_at=row["created_at"],
    )
