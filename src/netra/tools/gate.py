"""The gate: whether this user may call this tool now, decided in one place and counted in the transaction of the use.

The order is that of what is cheapest to say no to: the account, what the tool's permission asks for, then what is left of
today's allowance and of the permission's rate. A count moves by one statement that adds only where there is room, under the
row's lock; so of two hundred calls at once against an allowance of a hundred, a hundred are admitted, on however many
processes they arrive. If anything here cannot be found out, the transaction fails and so does the call.

Windows are full hours and days of UTC by the database's clock. What was admitted and then undone by a rollback was not
counted either.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from operator import attrgetter
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

from psycopg.rows import dict_row

from netra.db.database import Connection
from netra.db.sql import NamedQueries
from netra.errors import Forbidden, TooManyRequests, Unauthenticated
from netra.ids import PlanId, RunId, UserId, new_uuid
from netra.tools.permissions import PERMISSIONS, Window, missing
from netra.tools.plans import Plan, current_plans, plan_of

QUERIES: Final = NamedQueries("netra.tools", "gate.sql")

Via = Literal["http", "agent", "mcp"]

Scope = Literal["tool", "permission"]
"""What a limit is on: one tool, or all tools of a permission together."""


@dataclass(frozen=True, slots=True)
class ToolCaller:
    """Who calls, from where. A run names the plan that it keeps; everybody else has what they have at this moment."""

    user_id: UserId
    via: Via
    call_id: UUID = field(default_factory=new_uuid)
    """The same id is the same call: it is counted once, however often it is begun."""
    run_id: RunId | None = None
    plan_id: PlanId | None = None


@dataclass(frozen=True, slots=True)
class Entitlement:
    """What a user may use at this moment: their plan, in the version that counts, and what else opens tools."""

    user_id: UserId
    plan: Plan
    plan_expires_at: datetime | None
    role: str
    feature_flags: tuple[str, ...]
    production: bool

    def missing(self, permission: str) -> tuple[str, ...]:
        """What this user lacks for a permission; see `permissions.missing`."""
        return missing(
            permission,
            held=self.plan.permissions,
            role=self.role,
            flags=self.feature_flags,
            production=self.production,
        )

    def under(self, plan: Plan) -> "Entitlement":
        """The same with another plan."""
        return replace(self, plan=plan)


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit on a tool, and what is used of it. `used` is at most `allowed`."""

    scope: Scope
    name: str
    window: Window
    allowed: int
    used: int
    resets_at: datetime
    """When the window ends, and a new one begins at zero."""

    @property
    def counter(self) -> str:
        return f"{self.scope}/{self.name}/{self.window}"

    @property
    def left(self) -> int:
        return max(0, self.allowed - self.used)


class PermissionDenied(Forbidden):
    """Your plan, role or flags do not open this tool."""

    code = "permission_denied"


class RateLimited(TooManyRequests):
    """You have used this tool as often as your plan allows for now."""

    code = "rate_limited"


@dataclass(frozen=True, slots=True)
class Gate:
    """Admits calls, and says what a user may use. `production` closes what must never be open there."""

    production: bool = False

    async def entitlement(self, connection: Connection, user_id: UserId, plan_id: PlanId | None = None) -> Entitlement:
        """What this user may use now, or under the plan that a run keeps. Raises `Unauthenticated` for a closed account."""
        async with connection.cursor(row_factory=dict_row) as cursor:
            name, version = plan_id or (None, None)
            await cursor.execute(QUERIES["read_entitlement"], {"user_id": user_id, "plan": name, "version": version})
            row = await cursor.fetchone()
        if row is None:
            raise Unauthenticated
        return Entitlement(
            user_id, plan_of(row), row["plan_expires_at"], row["role"], tuple(row["feature_flags"]), self.production
        )

    async def admit(self, connection: Connection, caller: ToolCaller, tool: str, permission: str) -> Entitlement:
        """Count this call inside the caller's transaction and let it pass, or refuse it.

        Raises `PermissionDenied` or `RateLimited`, each with `permission_info` for the caller's program; the transaction is
        then to be rolled back.
        """
        entitlement = await self.entitlement(connection, caller.user_id, caller.plan_id)
        if lacking := entitlement.missing(permission):
            raise PermissionDenied(
                _sentence(tool, lacking), permission_info=await self._explain(connection, entitlement, tool, permission, ())
            )
        cursor = await connection.execute(
            QUERIES["add_call"],
            {
                "user_id": caller.user_id,
                "call_id": caller.call_id,
                "tool": tool,
                "via": caller.via,
                "run_id": caller.run_id,
            },
        )
        if cursor.rowcount == 0:
            return entitlement  # begun before, and counted then
        wanted = _counters(entitlement.plan, tool, permission)
        cursor = await connection.execute(
            QUERIES["count"],
            {
                "user_id": caller.user_id,
                "counters": [counter.key for counter in wanted],
                "windows": [counter.window for counter in wanted],
                "allowed": [counter.allowed for counter in wanted],
            },
        )
        counted = {counter for (counter,) in await cursor.fetchall()}
        if len(counted) < len(wanted):
            usage = (await self.usage(connection, caller.user_id)).without(counted)
            limits = limits_of(entitlement.plan, tool, permission, usage)
            full = [limit for limit in limits if not limit.left]
            wait = max(((limit.resets_at - usage.at).total_seconds() for limit in full), default=1.0)
            info = await self._explain(connection, entitlement, tool, permission, limits)
            raise RateLimited(_exhausted(tool, full), retry_after=round(max(1.0, wait), 3), permission_info=info)
        return entitlement

    async def end(self, connection: Connection, caller: ToolCaller, *, ok: bool) -> None:
        """Note how an admitted call ended."""
        status = "success" if ok else "error"
        await connection.execute(QUERIES["end_call"], {"user_id": caller.user_id, "call_id": caller.call_id, "status": status})

    async def usage(self, connection: Connection, user_id: UserId) -> "UsageSoFar":
        """Everything that this user has used in the present hour and the present day."""
        rows = await (await connection.execute(QUERIES["read_usage"], {"user_id": user_id})).fetchall()
        _, _, at, hour_ends, day_ends = rows[0]  # there is always one, which tells the time
        used = {counter: used for counter, used, *_ in rows if counter is not None}
        return UsageSoFar(used, at, {"hour": hour_ends, "day": day_ends})

    async def _explain(
        self, connection: Connection, entitlement: Entitlement, tool: str, permission: str, limits: Sequence[Limit]
    ) -> dict[str, Any]:
        """What a refused caller is told, the same over HTTP, to an agent and over MCP."""
        return {
            "required_permissions": [permission],
            "missing_permissions": list(entitlement.missing(permission)),
            "upgrade_path": upgrade_path(entitlement, await current_plans(connection), tool, permission),
            "rate_limit_status": [shown(limit) for limit in limits],
        }


@dataclass(frozen=True, slots=True)
class UsageSoFar:
    """What a user has used, by counter, at one moment, in windows that end at these times."""

    used: Mapping[str, int]
    at: datetime
    ends: Mapping[Window, datetime]

    def today(self, tool: str) -> int:
        """Calls of one tool on this day of UTC."""
        return self.used.get(f"tool/{tool}/day", 0)

    def without(self, counters: Collection[str]) -> "UsageSoFar":
        """The same before one use of these counters, which is about to be undone."""
        return replace(self, used={name: used - (name in counters) for name, used in self.used.items()})


def limits_of(plan: Plan, tool: str, permission: str, usage: UsageSoFar) -> tuple[Limit, ...]:
    """Every limit on a tool under a plan, and where it stands."""
    return tuple(
        Limit(
            each.scope,
            each.name,
            each.window,
            each.allowed,
            min(usage.used.get(each.key, 0), each.allowed),
            usage.ends[each.window],
        )
        for each in _counters(plan, tool, permission)
        if each.allowed is not None
    )


def shown(limit: Limit) -> dict[str, Any]:
    """A limit as JSON."""
    return {
        "scope": limit.scope,
        "name": limit.name,
        "window": limit.window,
        "limit": limit.allowed,
        "used": limit.used,
        "resets_at": limit.resets_at.isoformat().replace("+00:00", "Z"),
    }


class _Counter(NamedTuple):
    """What a use counts against, and how often it may in one window; None: as often as one likes."""

    scope: Scope
    name: str
    window: Window
    allowed: int | None

    @property
    def key(self) -> str:
        return f"{self.scope}/{self.name}/{self.window}"


def _counters(plan: Plan, tool: str, permission: str) -> list[_Counter]:
    """What a call counts against, each with its limit. A tool without an allowance is counted all the same.

    In the order of their names: simultaneous calls then take the rows' locks in one order.
    """
    rates = PERMISSIONS[permission].limits or {}
    counters = [_Counter("tool", tool, "day", plan.allowance(tool))]
    counters += [_Counter("permission", permission, window, plan.rate(limit)) for window, limit in rates.items()]
    return sorted(counters, key=attrgetter("key"))


def upgrade_path(entitlement: Entitlement, plans: Sequence[Plan], tool: str, permission: str) -> str | None:
    """The cheapest plan on offer that opens the tool, or gives more of it; None when no plan would help."""
    own = entitlement.plan
    if permission in own.permissions and entitlement.missing(permission):
        return None  # a flag, a role: no plan gives those
    for plan in plans:
        if plan.hidden or plan.price_usd is None or permission not in plan.permissions or plan.id.name == own.id.name:
            continue
        if permission not in own.permissions or _gives_more(plan, own, tool, permission):
            return plan.id.name
    return None


def _gives_more(plan: Plan, own: Plan, tool: str, permission: str) -> bool:
    """Whether no limit of a plan is below one's own, and one is above."""
    pairs = [
        (_or_endless(theirs.allowed), _or_endless(mine.allowed))
        for theirs, mine in zip(_counters(plan, tool, permission), _counters(own, tool, permission), strict=True)
    ]
    return all(theirs >= mine for theirs, mine in pairs) and any(theirs > mine for theirs, mine in pairs)


def _or_endless(limit: int | None) -> float:
    return float("inf") if limit is None else limit


def _sentence(tool: str, lacking: Sequence[str]) -> str:
    """What somebody lacks, in words for people."""
    needs = {"plan": "a plan that includes it", "environment": "a server that is not in production"}
    words = [needs[word] if word in needs else f"the {' '.join(word.split(':'))}" for word in lacking]
    return f"{tool} needs {' and '.join(words)}."


def _exhausted(tool: str, full: Sequence[Limit]) -> str:
    parts = [f"{limit.allowed} calls {'an' if limit.window == 'hour' else 'a'} {limit.window}" for limit in full]
    return f"{tool} has been used as often as your plan allows: {' and '.join(dict.fromkeys(parts))}."
