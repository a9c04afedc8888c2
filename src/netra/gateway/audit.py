"""The audit over HTTP, for administrators: what happened to whose account, and who did it."""

from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from netra.auth.identity import Identity
from netra.errors import Forbidden, InvalidInput, Unauthenticated
from netra.gateway.auth import forbid_storing
from netra.gateway.dependencies import CurrentUser, WithSignIn
from netra.gateway.paging import After, Limit, decode_place, page_of
from netra.gateway.problems import problem_responses

ADMINISTRATORS: Final = frozenset({"admin", "super_admin"})

router = APIRouter(prefix="/auth/audit", tags=["sign-in"], dependencies=[Depends(forbid_storing)])


class AdministratorsOnly(Forbidden):
    """This is for administrators."""

    code = "administrators_only"


class AuditEntry(BaseModel):
    """One thing that happened. Without an actor it was the operator's command line, or somebody who proved nothing."""

    id: UUID
    at: datetime
    action: str
    user_id: UUID | None = Field(description="Whose account it is about; null: the installation's, or nobody's.")
    actor_id: UUID | None
    detail: dict[str, Any]


class AuditPage(BaseModel):
    """Some lines, the newest first."""

    entries: list[AuditEntry]
    next_cursor: str | None = Field(description="Leads to the next page; null on the last.")


async def get_administrator(user: CurrentUser) -> Identity:
    """Who is asking, with the role as it is now. Raises `AdministratorsOnly`."""
    if user.role not in ADMINISTRATORS:
        raise AdministratorsOnly
    return user


@router.get(
    "",
    operation_id="list_audit",
    dependencies=[Depends(get_administrator)],
    responses=problem_responses(Unauthenticated, AdministratorsOnly, InvalidInput),
)
async def list_audit(
    sign_in: WithSignIn,
    cursor: After = None,
    limit: Limit = 50,
    user_id: Annotated[UUID | None, Query(description="Only what is about this account.")] = None,
    action: Annotated[str | None, Query(pattern="^[a-z_]{1,64}$", description="Only this action.")] = None,
) -> AuditPage:
    """What happened, the newest first."""
    before = None if cursor is None else decode_place(cursor)
    lines = await sign_in.audit.page(limit=limit + 1, before=before, user_id=user_id, action=action)
    shown, more = page_of(lines, limit, lambda line: (line.at, line.id))
    entries = [AuditEntry.model_validate(line, from_attributes=True) for line in shown]
    return AuditPage(entries=entries, next_cursor=more)
