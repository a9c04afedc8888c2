"""Tools and plans over HTTP."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from netra.errors import Unauthenticated
from netra.gateway.dependencies import CurrentUser, ThisProcess
from netra.gateway.problems import problem_responses
from netra.tools.legacy import NothingToMigrate, migrate_legacy

router = APIRouter(prefix="/api/tools", tags=["tools"], responses=problem_responses(Unauthenticated))


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


@router.post("/migrate-legacy", operation_id="migrate_legacy")
async def migrate_legacy_role(
    parts: ThisProcess,
    user: CurrentUser,
    dry_run: Annotated[bool, Query(description="Only say what would change.")] = False,
) -> MigratedPlan | NoMigrationNeeded:
    """Give yourself the plan that goes with your old role. However often and from wherever this is called, it happens once."""
    outcome = await migrate_legacy(parts.streams, parts.clock, user.user_id, dry_run=dry_run)
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
