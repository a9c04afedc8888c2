"""Forgotten passwords over HTTP."""

from typing import Literal

from fastapi import APIRouter, Depends, status
from pydantic import BaseModel, SecretStr

from netra.auth.passwords import HashingBusy, WeakPassword
from netra.auth.reset import InvalidResetToken
from netra.gateway.auth import forbid_storing
from netra.gateway.dependencies import ClientAddress, WithSignIn
from netra.gateway.problems import problem_responses

router = APIRouter(prefix="/auth/password-reset", tags=["sign-in"], dependencies=[Depends(forbid_storing)])


class ResetRequestForm(BaseModel):
    """The address of an account whose password is forgotten."""

    email: str


class ResetForm(BaseModel):
    """The token of the mail, and a new password of at least 12 characters."""

    token: SecretStr
    password: SecretStr


class ResetRequestedAnswer(BaseModel):
    """The same for every address, whether it has an account or not."""

    status: Literal["requested"] = "requested"


@router.post("/request", operation_id="request_password_reset", status_code=status.HTTP_202_ACCEPTED)
async def request_password_reset(form: ResetRequestForm, sign_in: WithSignIn, address: ClientAddress) -> ResetRequestedAnswer:
    """Have a link sent to an address, if there is an account with it. The answer says nothing of that."""
    sign_in.resets.request(form.email, address)
    return ResetRequestedAnswer()


@router.post(
    "/confirm",
    operation_id="confirm_password_reset",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problem_responses(InvalidResetToken, WeakPassword, HashingBusy),
)
async def confirm_password_reset(form: ResetForm, sign_in: WithSignIn) -> None:
    """Set a new password, once, with the token of the mail. Every session of the account ends; sign in anew."""
    await sign_in.resets.confirm(form.token.get_secret_value(), form.password.get_secret_value())
