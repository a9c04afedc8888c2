"""The handler that LangGraph's documentation asks for: who is asking, and that each sees what they own."""

from typing import Any

import jwt
from identity import subject
from langgraph_sdk import Auth

auth = Auth()


@auth.authenticate
async def authenticate(authorization: str | None) -> Auth.types.MinimalUserDict:
    try:
        return {"identity": subject(authorization or "")}
    except jwt.PyJWTError as error:
        raise Auth.exceptions.HTTPException(status_code=401, detail="Invalid token") from error


@auth.on
async def add_owner(ctx: Auth.types.AuthContext, value: dict[str, Any]) -> dict[str, str]:
    owner = {"owner": ctx.user.identity}
    value.setdefault("metadata", {}).update(owner)
    return owner
