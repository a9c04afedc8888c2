"""Secrets over HTTP: put in, listed by name, taken out, and never given back."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, status
from pydantic import BaseModel, Field, SecretStr

from netra.auth.sign_in import SessionRequired
from netra.errors import NotFound, Unauthenticated
from netra.gateway.dependencies import CurrentUser, SignedInUser, ThisProcess
from netra.gateway.problems import problem_responses
from netra.vault.scrub import SHORTEST
from netra.vault.vault import LONGEST, NAME, InvalidSecret, SecretsNotConfigured, TooManySecrets

router = APIRouter(prefix="/api/secrets", tags=["secrets"], responses=problem_responses(Unauthenticated, SecretsNotConfigured))

SecretName = Annotated[str, Path(pattern=f"^{NAME.pattern}$", examples=["OPENAI_API_KEY"])]


class SecretForm(BaseModel):
    """The value of a secret. It cannot be read back."""

    # The bounds are for whoever reads the description; the vault refuses in better words, and tells no length.
    value: SecretStr = Field(json_schema_extra={"minLength": SHORTEST, "maxLength": LONGEST})


class SecretAnswer(BaseModel):
    """What is told of a secret: everything but its value."""

    name: str
    created_at: datetime
    updated_at: datetime


class SecretsAnswer(BaseModel):
    """A user's secrets, by name."""

    secrets: list[SecretAnswer]


@router.get("")
async def list_secrets(user: CurrentUser, parts: ThisProcess) -> SecretsAnswer:
    """What my secrets are called, and since when they are what they are."""
    return SecretsAnswer(secrets=[SecretAnswer(**asdict(record)) for record in await parts.vault.names(user.user_id)])


@router.put(
    "/{name}",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problem_responses(SessionRequired, InvalidSecret, TooManySecrets),
)
async def put_secret(name: SecretName, form: SecretForm, user: SignedInUser, parts: ThisProcess) -> None:
    """Keep a secret, in place of an earlier one of that name. My runs see it as `ctx.env[name]` from their next start on."""
    await parts.vault.put(user.user_id, name, form.value.get_secret_value())


@router.delete(
    "/{name}",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problem_responses(SessionRequired, NotFound),
)
async def remove_secret(name: str, user: SignedInUser, parts: ThisProcess) -> None:
    """Forget a secret."""
    await parts.vault.remove(user.user_id, name)
