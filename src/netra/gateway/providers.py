"""Signing in with an OpenID provider over HTTP: the way there, and the way back."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request, Response, status
from fastapi.responses import RedirectResponse

from netra.auth.external import AccountDisabled, AddressNotProven, EmailNotVerified
from netra.auth.federation import (
    ATTEMPT_LIFETIME,
    InvalidSignInAttempt,
    Return,
    SignInCancelled,
    UnknownProvider,
)
from netra.auth.id_token import InvalidIdToken
from netra.auth.provider import ProviderUnavailable, SignInRefused
from netra.auth.throttle import TooManyFromAddress
from netra.gateway.auth import SignedInAnswer, forbid_storing
from netra.gateway.dependencies import ClientAddress, WithSignIn
from netra.gateway.problems import problem_responses

LONGEST: Final = 4096
"""Characters of one parameter that a provider may send back. The codes of some are long; none is longer than a header."""

router = APIRouter(prefix="/auth", tags=["sign-in"], dependencies=[Depends(forbid_storing)])

Parameter = Annotated[str | None, Query(max_length=LONGEST)]


@router.get(
    "/login/{provider}",
    operation_id="begin_external_login",
    status_code=status.HTTP_303_SEE_OTHER,
    response_class=RedirectResponse,
    responses={
        303: {"description": "To the provider, with a cookie that only this browser brings back."},
        **problem_responses(UnknownProvider, TooManyFromAddress, ProviderUnavailable),
    },
)
async def begin_external_login(provider: str, sign_in: WithSignIn, address: ClientAddress) -> RedirectResponse:
    """Go to one of the providers of `/auth/config` to sign in there. For browsers: send the person here, do not fetch it."""
    departure = await sign_in.federation.begin(provider, address)
    response = RedirectResponse(departure.url, status.HTTP_303_SEE_OTHER)
    forbid_storing(response)
    response.set_cookie(
        departure.cookie,
        departure.browser,
        max_age=int(ATTEMPT_LIFETIME),
        secure=sign_in.federation.secure,
        httponly=True,
        # Strict would keep it back on the way from the provider.
        samesite="lax",
    )
    return response


@router.get(
    "/callback/{provider}",
    operation_id="end_external_login",
    responses=problem_responses(
        InvalidSignInAttempt,
        SignInRefused,
        InvalidIdToken,
        SignInCancelled,
        AccountDisabled,
        EmailNotVerified,
        UnknownProvider,
        AddressNotProven,
        ProviderUnavailable,
    ),
)
async def end_external_login(
    provider: str,
    request: Request,
    response: Response,
    sign_in: WithSignIn,
    address: ClientAddress,
    state: Parameter = None,
    code: Parameter = None,
    error: Parameter = None,
    iss: Parameter = None,
) -> SignedInAnswer:
    """Where a provider sends the browser back to. The first time, an account is made or linked; docs/sign-in.md says when."""
    cookie = sign_in.federation.cookie_of(state or "")
    returned = Return(state or "", code, error, iss, request.cookies.get(cookie, ""))
    signed_in = await sign_in.log_in_externally(provider, returned, address)
    response.delete_cookie(cookie, secure=sign_in.federation.secure, httponly=True, samesite="lax")
    return SignedInAnswer.of(signed_in)
