"""Tools and plans over HTTP."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from netra.errors import InvalidInput, Unauthenticated
from netra.gateway.dependencies import CurrentUser, ThisProcess
from netra.gateway.problems import problem_responses
from netra.ids import UserId
from netra.tools.answer import call_and_answer
from netra.tools.gate import Entitlement, Limit, ToolCaller, UsageSoFar, limits_of, upgrade_path
from netra.tools.legacy import NothingToMigrate, migrate_legacy
from netra.tools.permissions import PERMISSIONS
from netra.tools.plans import Plan, current_plans
from netra.tools.tool import CATEGORIES, Tool
from netra.tools.toolbox import UnknownTool

router = APIRouter(prefix="/api/tools", tags=["tools"])

SIGNED_IN = problem_responses(Unauthenticated)


class LimitView(BaseModel):
    """A limit on calls, on the tool itself or on all tools of its permission together, and what is used of it."""

    scope: Literal["tool", "permission"]
    name: str
    window: Literal["hour", "day"]
    limit: int
    used: int
    resets_at: datetime

    @classmethod
    def of(cls, limit: Limit) -> Self:
        return cls(
            scope=limit.scope,
            name=limit.name,
            window=limit.window,
            limit=limit.allowed,
            used=limit.used,
            resets_at=limit.resets_at,
        )


class ToolView(BaseModel):
    """A tool, as it is for you."""

    tool_name: str
    category: str
    description: str
    available: bool = Field(description="Whether you may call it, as long as its limits last.")
    required_permissions: list[str]
    missing_requirements: list[str] = Field(description="What you lack: `plan`, `flag:NAME`, `role:NAME`, `environment`.")
    input_schema: dict[str, Any] = Field(description="JSON Schema of its arguments.")
    rate_limits: list[LimitView]
    usage_today: int
    upgrade_required: str | None = Field(description="The cheapest plan that includes it; null when a plan would not help.")


class ToolList(BaseModel):
    """Every tool of this server."""

    tools: list[ToolView]
    user_plan: str
    total_tools: int
    available_tools: int
    categories: list[str]


class ToolCall(BaseModel):
    """Which tool to call, and with what."""

    model_config = ConfigDict(extra="forbid")
    tool_name: Annotated[str, Field(min_length=1, max_length=200, examples=["create_thread"])]
    arguments: dict[str, Any] = Field({}, examples=[{"title": "What did March cost?"}])


class ErrorView(BaseModel):
    """Why a call did not succeed."""

    model_config = ConfigDict(extra="allow")
    code: str
    message: str


class PermissionInfo(BaseModel):
    """What a call that was refused would have needed."""

    required_permissions: list[str]
    missing_permissions: list[str]
    upgrade_path: str | None = Field(description="The cheapest plan that would help; null when none would.")
    rate_limit_status: list[LimitView]


class ToolAnswer(BaseModel):
    """How a call ended: with a `result`, or with an `error` and, where it was refused, with what it would have needed."""

    tool_name: str
    status: Literal["success", "error", "permission_denied", "rate_limited"]
    result: Any = None
    error: ErrorView | None = None
    permission_info: PermissionInfo | None = None
    retry_after: float | None = Field(None, description="Seconds after which the same call may be admitted.")
    execution_time_ms: float
    timestamp: datetime


class CategoryView(BaseModel):
    """Tools that belong together."""

    name: str
    count: int
    description: str
    tools: list[str]


class PermissionCheck(BaseModel):
    """What one tool asks of you."""

    tool_name: str
    available: bool
    required_permissions: list[str]
    missing_requirements: list[str]
    rate_limits: list[LimitView]
    usage_today: int
    upgrade_required: str | None


class FeaturesView(BaseModel):
    """What a plan includes."""

    permissions: list[str]
    feature_flags: list[str] = Field(description="What you have been given beside the plan.")
    tools: list[str] = Field(description="The tools that are open to you.")
    allowances: dict[str, int] = Field(description="Calls a day by tool; `*` is every other tool. No entry: no limit.")
    rate_multiplier: float
    threads: int | None = Field(description="Conversations that you may keep; null: no limit.")


class OfferView(BaseModel):
    """A plan that you could have instead."""

    plan: str
    price_usd_per_month: float
    permissions: list[str]
    threads: int | None
    tools_gained: list[str]


class UserPlan(BaseModel):
    """The plan that you have now, and what you have used of it."""

    current_plan: str
    plan_version: int
    plan_expires_at: datetime | None
    features: FeaturesView
    available_upgrades: list[OfferView]
    usage_summary: dict[str, int] = Field(description="Calls of today (UTC) by tool.")


class MigratedPlan(BaseModel):
    """An old role became a plan, or would in a dry run."""

    status: Literal["migrated"] = "migrated"
    old_role: str = Field(examples=["admin"])
    new_plan: str = Field(examples=["enterprise"])
    feature_flags: list[str]
    message: str
    dry_run: bool = False


class NoMigrationNeeded(BaseModel):
    """The account needs no migration, or has had it."""

    status: Literal["no_migration_needed"] = "no_migration_needed"
    current_plan: str = Field(examples=["free"])
    message: str


@router.get("", operation_id="list_tools", responses=SIGNED_IN)
async def list_tools(
    parts: ThisProcess,
    user: CurrentUser,
    category: Annotated[str | None, Query(max_length=64, description="Only tools of this category.")] = None,
) -> ToolList:
    """Every tool, whether it is open to you, and what you have used of it."""
    entitlement, usage, plans = await _standing(parts, user.user_id)
    shown = [tool for tool in parts.toolbox.values() if category in (None, tool.category)]
    views = [
        ToolView(
            tool_name=tool.name,
            category=tool.category,
            description=tool.description,
            input_schema=dict(tool.schema),
            **_access(tool, entitlement, usage, plans),
        )
        for tool in shown
    ]
    return ToolList(
        tools=views,
        user_plan=entitlement.plan.id.name,
        total_tools=len(views),
        available_tools=sum(view.available for view in views),
        categories=[name for name in CATEGORIES if any(tool.category == name for tool in shown)],
    )


@router.post("/execute", operation_id="execute_tool", responses={**SIGNED_IN, **problem_responses(UnknownTool, InvalidInput)})
async def execute_tool(body: ToolCall, parts: ThisProcess, user: CurrentUser) -> ToolAnswer:
    """Call a tool. A call that is refused, or that fails, is an answer as well; see `status`."""
    begun = parts.clock.monotonic()
    tool = parts.toolbox[body.tool_name]
    answer = await call_and_answer(parts.toolbox, ToolCaller(user.user_id, "http"), tool.name, body.arguments)
    took = round((parts.clock.monotonic() - begun) * 1000, 3)
    return ToolAnswer(tool_name=tool.name, execution_time_ms=took, timestamp=parts.clock.now(), **answer)


@router.get("/categories", operation_id="list_tool_categories")
async def list_categories(parts: ThisProcess) -> list[CategoryView]:
    """The tools of this server by category. Needs no sign-in."""
    by_category = {name: [tool.name for tool in parts.toolbox.values() if tool.category == name] for name in CATEGORIES}
    return [
        CategoryView(name=name, count=len(tools), description=CATEGORIES[name], tools=tools)
        for name, tools in by_category.items()
        if tools
    ]


@router.get(
    "/permissions/{tool}", operation_id="get_tool_permissions", responses={**SIGNED_IN, **problem_responses(UnknownTool)}
)
async def get_permissions(tool: str, parts: ThisProcess, user: CurrentUser) -> PermissionCheck:
    """What one tool asks for, whether you have it, and what is left of its limits."""
    known = parts.toolbox[tool]
    entitlement, usage, plans = await _standing(parts, user.user_id)
    return PermissionCheck(tool_name=known.name, **_access(known, entitlement, usage, plans))


@router.get("/user/plan", operation_id="get_user_plan", responses=SIGNED_IN)
async def get_user_plan(parts: ThisProcess, user: CurrentUser) -> UserPlan:
    """The plan that you have now, what it includes, what you have used of it, and what you could have instead."""
    entitlement, usage, plans = await _standing(parts, user.user_id)
    plan, open_now, ends = entitlement.plan, parts.toolbox.open_to(entitlement), entitlement.plan_expires_at
    return UserPlan(
        current_plan=plan.id.name,
        plan_version=plan.id.version,
        plan_expires_at=ends if ends is not None and ends > usage.at else None,
        features=FeaturesView(
            permissions=[name for name in PERMISSIONS if name in plan.permissions],
            feature_flags=list(entitlement.feature_flags),
            tools=sorted(open_now),
            allowances=dict(plan.allowances),
            rate_multiplier=float(plan.rate_multiplier),
            threads=plan.threads,
        ),
        available_upgrades=[
            OfferView(
                plan=offer.id.name,
                price_usd_per_month=float(offer.price_usd),
                permissions=list(offer.permissions),
                threads=offer.threads,
                tools_gained=sorted(parts.toolbox.open_to(entitlement.under(offer)) - open_now),
            )
            for offer in plans
            if not offer.hidden and offer.price_usd is not None and offer.price_usd > (plan.price_usd or 0)
        ],
        usage_summary={tool: usage.today(tool) for tool in parts.toolbox if usage.today(tool)},
    )


@router.post("/migrate-legacy", operation_id="migrate_legacy", responses=SIGNED_IN)
async def migrate_legacy_role(
    parts: ThisProcess,
    user: CurrentUser,
    dry_run: Annotated[bool, Query(description="Only say what would change.")] = False,
) -> MigratedPlan | NoMigrationNeeded:
    """Give yourself the plan that goes with your old role. However often and from wherever this is called, it happens once."""
    outcome = await migrate_legacy(parts.changes, user.user_id, dry_run=dry_run, actor_id=user.user_id)
    if isinstance(outcome, NothingToMigrate):
        return NoMigrationNeeded(
            current_plan=outcome.current_plan, message=f"Your account is on the {outcome.current_plan} plan; nothing to do."
        )
    verb = "would be" if dry_run else "was"
    return MigratedPlan(
        old_role=outcome.old_role,
        new_plan=outcome.new_plan,
        feature_flags=list(outcome.feature_flags),
        message=f"Your role {outcome.old_role} {verb} migrated to the {outcome.new_plan} plan.",
        dry_run=dry_run,
    )


async def _standing(parts: ThisProcess, user_id: UserId) -> tuple[Entitlement, UsageSoFar, list[Plan]]:
    """What somebody may use, what they have used, and every plan there is, as of one moment."""
    async with parts.database.for_user(user_id).transaction() as connection:
        gate = parts.toolbox.gate
        return (
            await gate.entitlement(connection, user_id),
            await gate.usage(connection, user_id),
            list(await current_plans(connection)),
        )


def _access(tool: Tool, entitlement: Entitlement, usage: UsageSoFar, plans: list[Plan]) -> dict[str, Any]:
    """What a tool asks of somebody."""
    lacking = entitlement.missing(tool.permission)
    limits = limits_of(entitlement.plan, tool.name, tool.permission, usage)
    return {
        "available": not lacking,
        "required_permissions": [tool.permission],
        "missing_requirements": list(lacking),
        "rate_limits": [LimitView.of(limit) for limit in limits],
        "usage_today": usage.today(tool.name),
        "upgrade_required": upgrade_path(entitlement, plans, tool.name, tool.permission) if "plan" in lacking else None,
    }
