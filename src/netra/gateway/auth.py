"""Sign-in over HTTP: `/auth`, and the public keys under `/.well-known`."""

from dataclasses import asdict
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Response, status
from pydantic import BaseModel, Field, SecretStr

from netra.auth.accounts import EmailTaken, InvalidEmail, InvalidName, Profile, normalise_name
from netra.auth.api_keys import PersonRequired, TooManyKeys
from netra.auth.identity import Via
from netra.auth.passwords import HashingBusy, WeakPassword
from netra.auth.services import InvalidServiceCredentials
from netra.auth.sessions import InvalidRefreshToken
from netra.auth.sign_in import InvalidCredentials, SessionRequired, TokenPair
from netra.auth.throttle import TooManyAttempts, TooManyFromAddress
from netra.errors import NotFound, Unauthenticated
from netra.gateway.dependencies import ClientAddress, CurrentUser, PathId, SignedInUser, WithSignIn
from netra.gateway.problems import problem_responses

TEN_YEARS: Final = 10 * 365 * 86_400
"""Seconds. A key that is to last longer than that is one that does not expire."""

KEYS_MAX_AGE: Final = 60
"""Seconds that others may keep our public keys; a new one signs at once, and an unknown `kid` makes them ask again."""


def forbid_storing(response: Response) -> None:
    """Tokens are in these answers: no cache on the way may keep one."""
    response.headers["Cache-Control"] = "no-store"


router = APIRouter(prefix="/auth", tags=["sign-in"], dependencies=[Depends(forbid_storing)])
well_known = APIRouter(prefix="/.well-known", tags=["sign-in"])


class RegistrationForm(BaseModel):
    """A new account. A password has at least 12 characters."""

    email: str
    password: SecretStr
    name: str = ""


class LoginForm(BaseModel):
    """An account that exists."""

    email: str
    password: SecretStr


class RefreshForm(BaseModel):
    """A refresh token that has not been used."""

    refresh_token: SecretStr


class ValidationForm(BaseModel):
    """An access token or an API key."""

    token: SecretStr


class ServiceTokenForm(BaseModel):
    """A program, by the id and the secret that the operator gave it."""

    service_id: str
    service_secret: SecretStr


class ApiKeyForm(BaseModel):
    """A key's name, for its owner to know it by, and perhaps how long it lasts (seconds)."""

    name: str = Field(min_length=1)
    expires_in: int | None = Field(None, ge=60, le=TEN_YEARS)


class UserAnswer(BaseModel):
    """A user as they see themselves."""

    id: UUID
    email: str
    name: str
    role: str
    plan: str

    @classmethod
    def of(cls, profile: Profile) -> "UserAnswer":
        return cls(id=profile.user_id, email=profile.email, name=profile.name, role=profile.role, plan=profile.plan)


class TokensAnswer(BaseModel):
    """A pair of tokens; the access token is good for `expires_in` seconds, the refresh token for one use."""

    access_token: str
    refresh_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the name of a scheme
    expires_in: int


class SignedInAnswer(TokensAnswer):
    """Tokens, and whose they are."""

    user: UserAnswer

    @classmethod
    def of(cls, signed_in: tuple[TokenPair, Profile]) -> "SignedInAnswer":
        pair, profile = signed_in
        return cls(
            access_token=pair.access_token,
            refresh_token=pair.refresh_token,
            expires_in=pair.expires_in,
            user=UserAnswer.of(profile),
        )


class ServiceTokenAnswer(BaseModel):
    """An access token for `expires_in` seconds. There is no refresh token: ask again with the secret."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the name of a scheme
    expires_in: int


class ValidAnswer(BaseModel):
    """What a valid token proves at this moment; `expires_at` is null for an API key."""

    valid: Literal[True] = True
    user_id: UUID
    email: str
    role: str
    plan: str
    expires_at: datetime | None


class TicketAnswer(BaseModel):
    """A WebSocket ticket: for one use, within `expires_in` seconds."""

    ticket: str
    expires_in: int


class MeAnswer(UserAnswer):
    """The user who asks, and how they proved who they are."""

    feature_flags: list[str]
    via: Via
    expires_at: datetime | None


class ConfigAnswer(BaseModel):
    """What a sign-in form needs to know. Times are seconds."""

    providers: list[str]
    registration: bool
    password_min_length: int
    access_token_lifetime: int
    ticket_lifetime: int


class CountsAnswer(BaseModel):
    """How many there are: enabled accounts, live sessions, live API keys."""

    accounts: int
    sessions: int
    api_keys: int


class ApiKeyAnswer(BaseModel):
    """What is known of a key once it has been shown."""

    id: UUID
    name: str
    prefix: str
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None


class NewApiKeyAnswer(ApiKeyAnswer):
    """A key, for the only time."""

    key: str


class ApiKeysAnswer(BaseModel):
    """A user's live keys, the oldest first."""

    api_keys: list[ApiKeyAnswer]


class PublicKeyAnswer(BaseModel):
    """One public key as a JSON Web Key (RFC 7517, RFC 8037)."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    x: str
    kid: str
    use: Literal["sig"]
    alg: Literal["EdDSA"]


class KeySetAnswer(BaseModel):
    """Every key whose signature counts, the one that signs first."""

    keys: list[PublicKeyAnswer]


@router.post(
    "/register",
    status_code=status.HTTP_201_CREATED,
    responses=problem_responses(EmailTaken, InvalidEmail, InvalidName, WeakPassword, TooManyFromAddress, HashingBusy),
)
async def register(form: RegistrationForm, sign_in: WithSignIn, address: ClientAddress) -> SignedInAnswer:
    """Make an account and sign in. One network address may do so only so often in an hour (`Retry-After`)."""
    password = form.password.get_secret_value()
    return SignedInAnswer.of(await sign_in.register(form.email, password, form.name, address=address))


@router.post("/login", responses=problem_responses(InvalidCredentials, TooManyAttempts, HashingBusy))
async def log_in(form: LoginForm, sign_in: WithSignIn, address: ClientAddress) -> SignedInAnswer:
    """Sign in with a password. After repeated failures the account and the address have to wait (`Retry-After`)."""
    return SignedInAnswer.of(await sign_in.log_in(form.email, form.password.get_secret_value(), address))


@router.post("/refresh", responses=problem_responses(InvalidRefreshToken))
async def refresh(form: RefreshForm, sign_in: WithSignIn) -> TokensAnswer:
    """Use a refresh token for a new pair. A second use of the same one ends the session: one of the two users is a thief."""
    pair = await sign_in.refresh(form.refresh_token.get_secret_value())
    return TokensAnswer(access_token=pair.access_token, refresh_token=pair.refresh_token, expires_in=pair.expires_in)


@router.post("/service-token", responses=problem_responses(InvalidServiceCredentials, TooManyAttempts))
async def issue_service_token(form: ServiceTokenForm, sign_in: WithSignIn, address: ClientAddress) -> ServiceTokenAnswer:
    """Sign a program in. It then acts as an account of its own, which has a plan and a role like any other."""
    issued = await sign_in.log_in_service(form.service_id, form.service_secret.get_secret_value(), address)
    return ServiceTokenAnswer(access_token=issued.access_token, expires_in=issued.expires_in)


@router.post("/logout", status_code=status.HTTP_204_NO_CONTENT, responses=problem_responses(Unauthenticated, SessionRequired))
async def log_out(user: CurrentUser, sign_in: WithSignIn) -> None:
    """End this session, at once and on every process, open sockets included."""
    await sign_in.log_out(user)


@router.post("/validate", responses=problem_responses(Unauthenticated))
async def validate(form: ValidationForm, sign_in: WithSignIn) -> ValidAnswer:
    """Say whose token this is, with role and plan as they are now."""
    identity = await sign_in.identities.authenticate(form.token.get_secret_value())
    return ValidAnswer(
        user_id=identity.user_id,
        email=identity.email,
        role=identity.role,
        plan=identity.plan,
        expires_at=identity.expires_at,
    )


@router.post("/ticket", responses=problem_responses(Unauthenticated, SessionRequired))
async def issue_ticket(user: CurrentUser, sign_in: WithSignIn) -> TicketAnswer:
    """A single-use ticket for opening a WebSocket from a browser, which cannot set a header: `/ws?ticket=…`."""
    return TicketAnswer(ticket=await sign_in.issue_ticket(user), expires_in=int(sign_in.tickets.lifetime))


@router.get("/me", responses=problem_responses(Unauthenticated))
async def me(user: CurrentUser) -> MeAnswer:
    """Who I am."""
    return MeAnswer(
        id=user.user_id,
        email=user.email,
        name=user.name,
        role=user.role,
        plan=user.plan,
        feature_flags=list(user.feature_flags),
        via=user.via,
        expires_at=user.expires_at,
    )


@router.get("/config")
async def config(sign_in: WithSignIn) -> ConfigAnswer:
    """Ways to sign in, and what a password needs."""
    return ConfigAnswer(
        providers=sign_in.federation.names,
        registration=True,
        password_min_length=sign_in.passwords.minimum_length,
        access_token_lifetime=int(sign_in.tokens.lifetime),
        ticket_lifetime=int(sign_in.tickets.lifetime),
    )


@router.get("/status")
async def read_status(sign_in: WithSignIn) -> CountsAnswer:
    """Counts only, at most five seconds old."""
    return CountsAnswer(**asdict(await sign_in.census.counts()))


@router.get("/api-keys", responses=problem_responses(Unauthenticated))
async def list_api_keys(user: CurrentUser, sign_in: WithSignIn) -> ApiKeysAnswer:
    """My live keys."""
    return ApiKeysAnswer(api_keys=[ApiKeyAnswer(**asdict(record)) for record in await sign_in.api_keys.list(user.user_id)])


@router.post(
    "/api-keys",
    status_code=status.HTTP_201_CREATED,
    responses=problem_responses(Unauthenticated, SessionRequired, PersonRequired, TooManyKeys, InvalidName),
)
async def create_api_key(form: ApiKeyForm, user: SignedInUser, sign_in: WithSignIn) -> NewApiKeyAnswer:
    """Make a key, usable as a bearer token. It is shown in this answer and never again."""
    name = normalise_name(form.name)
    key, record = await sign_in.api_keys.create(user.user_id, name, lifetime=form.expires_in)
    return NewApiKeyAnswer(key=key, **asdict(record))


@router.delete(
    "/api-keys/{key_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problem_responses(Unauthenticated, SessionRequired, NotFound),
)
async def revoke_api_key(key_id: PathId, user: SignedInUser, sign_in: WithSignIn) -> None:
    """End a key, at once and on every process."""
    await sign_in.api_keys.revoke(user.user_id, key_id)


@well_known.get("/jwks.json")
async def jwks(sign_in: WithSignIn, response: Response) -> KeySetAnswer:
    """The public keys that access tokens are signed with (RFC 7517)."""
    response.headers["Cache-Control"] = f"public, max-age={KEYS_MAX_AGE}"
    return KeySetAnswer.model_validate(await sign_in.keys.jwks())
