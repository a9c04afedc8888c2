"""One OpenID provider as a client sees it: where it says that things are, its keys, and the exchange of a code for an identity.

What comes from it is bounded in size and time and never followed to another address. Its answers are believed because TLS says
who gives them, and its ID token because of its signature (`id_token.py`).

Each exchange has an `AsyncOAuth2Client` of its own: that class keeps the token it has fetched, and one that is shared by two
people would hold the other's. What they share is the pool of connections below.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2
from joserfc.jwk import KeySet

from netra.auth.accounts import InvalidName, normalise_name
from netra.auth.id_token import InvalidIdToken, UnknownSigner, read_keys, verify
from netra.clock import Clock
from netra.errors import NetraError, Unavailable

SCOPE: Final = "openid email profile"

KEPT: Final = 600.0
"""Seconds that what a provider publishes is kept. A new key shows at once, because a token names it; a withdrawn one, then."""

PAUSE: Final = 5.0
"""Seconds for which nobody asks again after what a provider publishes could not be read. Everybody who wants to sign in waits
for one question; without this each of them would then wait for a question of their own, and for the one before."""

PATIENCE: Final = 10.0
"""Seconds that one question to a provider may take, from the connection to the last byte of the answer."""

LARGEST_ANSWER: Final = 256 * 1024
"""Bytes. The largest discovery documents and key sets in use have some ten thousand."""

UNANSWERED: Final = (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, ValueError, RecursionError)
"""What comes of a question to a provider that is down, slow, or answers with something else than what was asked for."""

logger = logging.getLogger(__name__)


class ProviderUnavailable(Unavailable):
    """The sign-in provider does not answer as it should; try again shortly."""

    code = "provider_unavailable"


class SignInRefused(NetraError):
    """The sign-in provider did not accept this sign-in; begin again."""

    code, status = "sign_in_refused", 400


@dataclass(frozen=True, slots=True)
class ClientRegistration:
    """What an operator says of a provider: its name here, its issuer, and as whom it knows us."""

    name: str
    issuer: str
    client_id: str
    client_secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ExternalUser:
    """Somebody as a provider knows them. `issuer` and `subject` are who they are; the rest is what it says of them."""

    provider: str
    issuer: str
    subject: str
    email: str | None
    email_verified: bool
    name: str


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where a provider says that things are (OpenID Connect Discovery 1.0)."""

    authorization: str
    token: str
    keys: str
    user_info: str | None
    sends_issuer: bool
    """Whether its redirects name the issuer (RFC 9207)."""
    secret_in_body: bool
    """Whether it wants the client's secret in the body, because it does not take it as HTTP Basic."""


class BoundedBody(httpx2.AsyncByteStream):
    """The body of an answer, as long as it is not too long."""

    def __init__(self, body: httpx2.AsyncByteStream, limit: int) -> None:
        self._body = body
        self._limit = limit

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._body:
            size += len(chunk)
            if size > self._limit:
                raise httpx2.ReadError("the answer is too long")
            yield chunk

    async def aclose(self) -> None:
        await self._body.aclose()


class BoundedTransport(httpx2.AsyncBaseTransport):
    """A pool of connections, lent to one client: answers are bounded, and closing the client leaves the pool open."""

    def __init__(self, pool: httpx2.AsyncBaseTransport, limit: int = LARGEST_ANSWER) -> None:
        self._pool = pool
        self._limit = limit

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        # Not compressed: a small answer could otherwise become one without end.
        request.headers["Accept-Encoding"] = "identity"
        response = await self._pool.handle_async_request(request)
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        if response.headers.get("Content-Encoding", "identity") != "identity":
            await response.stream.aclose()
            raise httpx2.DecodingError("the answer is compressed, which nobody asked for")
        body = BoundedBody(response.stream, self._limit)
        return httpx2.Response(response.status_code, headers=response.headers, stream=body, extensions=response.extensions)


class OpenIdProvider:
    """One provider, with what it publishes kept for a while."""

    def __init__(self, registration: ClientRegistration, pool: httpx2.AsyncBaseTransport, clock: Clock) -> None:
        # A tenth of a second of imports, at the start of a server that has a provider and of no other.
        import authlib.integrations.httpx_client  # type: ignore[import-untyped] # noqa: F401 - Authlib says nothing about types

        self._ours = registration
        self._pool = pool
        self._clock = clock
        self._reading = asyncio.Lock()
        self._endpoints: Endpoints | None = None
        self._keys: KeySet | None = None
        self._endpoints_read_at = self._keys_read_at = self._failed_at = float("-inf")

    @property
    def name(self) -> str:
        return self._ours.name

    async def authorization_url(self, *, redirect_uri: str, state: str, nonce: str, verifier: str) -> str:
        """Where a browser is sent to sign in. Raises `ProviderUnavailable`."""
        from authlib.oauth2.rfc6749.parameters import prepare_grant_uri  # type: ignore[import-untyped]
        from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]

        endpoints = await self._published()
        url: str = prepare_grant_uri(
            endpoints.authorization,
            self._ours.client_id,
            "code",
            redirect_uri=redirect_uri,
            scope=SCOPE,
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        return url

    async def identify(self, code: str, *, issuer: str | None, redirect_uri: str, verifier: str, nonce: str) -> ExternalUser:
        """Give `code` back to the provider and learn whose it is. `issuer` is the one that the redirect named, if it did.

        Raises `SignInRefused`, `InvalidIdToken` or `ProviderUnavailable`.
        """
        endpoints = await self._published()
        if issuer not in ((self._ours.issuer,) if endpoints.sends_issuer else (None, self._ours.issuer)):
            # The answer of another provider that somebody leads past us, to have its code sent to this one.
            raise SignInRefused
        tokens = await self._exchange(endpoints, code, redirect_uri=redirect_uri, verifier=verifier)
        claims = await self._verified(endpoints, tokens.get("id_token"), nonce)
        if "email" not in claims and endpoints.user_info is not None:
            # Some providers keep the ID token short and tell the rest only when they are asked. An address and whether it is
            # verified come from one place: the word of the one says nothing about the other.
            told = await self._get(endpoints.user_info, bearer=str(tokens.get("access_token")))
            if told.get("sub") != claims["sub"]:
                raise InvalidIdToken
            claims = {**claims, **{name: told.get(name) for name in ("email", "email_verified", "name")}}
        email, verified = claims.get("email"), claims.get("email_verified")
        return ExternalUser(
            self._ours.name,
            self._ours.issuer,
            claims["sub"],
            email if isinstance(email, str) else None,
            # Some spell it as a text. Whatever else it may be is not true.
            verified is True or verified == "true",
            _name(claims.get("name")),
        )

    async def _exchange(self, endpoints: Endpoints, code: str, *, redirect_uri: str, verifier: str) -> Mapping[str, Any]:
        from authlib.integrations.httpx_client import AsyncOAuth2Client, OAuthError

        method = "none"
        if self._ours.client_secret is not None:
            method = "client_secret_post" if endpoints.secret_in_body else "client_secret_basic"
        try:
            async with (
                asyncio.timeout(PATIENCE),
                AsyncOAuth2Client(
                    self._ours.client_id,
                    self._ours.client_secret,
                    token_endpoint_auth_method=method,
                    transport=BoundedTransport(self._pool),
                    trust_env=False,
                ) as client,
            ):
                tokens: Mapping[str, Any] = await client.fetch_token(
                    endpoints.token,
                    grant_type="authorization_code",
                    code=code,
                    redirect_uri=redirect_uri,
                    code_verifier=verifier,
                )
                return tokens
        except OAuthError as error:
            if error.error == "invalid_grant":
                raise SignInRefused from error
            # It does not know us, or does not like how we ask: nothing that the person who signs in could mend.
            logger.warning("the sign-in provider %s refuses us: %.100r", self.name, error.error)
            raise ProviderUnavailable from error
        except (*UNANSWERED, TypeError, OverflowError) as error:
            # The last two are what Authlib makes of a lifetime that is no number.
            raise self._unavailable(error) from error

    async def _verified(self, endpoints: Endpoints, token: Any, nonce: str) -> dict[str, Any]:
        if not isinstance(token, str):
            raise InvalidIdToken
        asked = self._keys_read_at
        try:
            return self._verify(token, await self._key_set(endpoints), nonce)
        except UnknownSigner:
            if self._keys_read_at > asked:
                raise  # those were read for this very token
        self._keys_read_at = float("-inf")
        return self._verify(token, await self._key_set(endpoints), nonce)

    def _verify(self, token: str, keys: KeySet, nonce: str) -> dict[str, Any]:
        ours = self._ours
        return verify(token, keys, issuer=ours.issuer, client_id=ours.client_id, nonce=nonce, now=self._clock.now())

    async def _published(self) -> Endpoints:
        async with self._reading:
            if self._endpoints is None or self._clock.monotonic() - self._endpoints_read_at > KEPT:
                with self._pausing():
                    document = await self._get(f"{self._ours.issuer.rstrip('/')}/.well-known/openid-configuration")
                    try:
                        self._endpoints = _endpoints(document, self._ours.issuer)
                    except ValueError as error:
                        raise self._unavailable(error) from error
                self._endpoints_read_at = self._clock.monotonic()
            return self._endpoints

    async def _key_set(self, endpoints: Endpoints) -> KeySet:
        async with self._reading:
            if self._keys is None or self._clock.monotonic() - self._keys_read_at > KEPT:
                with self._pausing():
                    self._keys = read_keys(await self._get(endpoints.keys))
                self._keys_read_at = self._clock.monotonic()
            return self._keys

    @contextmanager
    def _pausing(self) -> Iterator[None]:
        """Do not begin to read within `PAUSE` of a failure, and note a failure. Raises `ProviderUnavailable`."""
        if (wait := self._failed_at + PAUSE - self._clock.monotonic()) > 0:
            raise ProviderUnavailable(retry_after=wait)
        try:
            yield
        except ProviderUnavailable:
            self._failed_at = self._clock.monotonic()
            raise

    async def _get(self, url: str, *, bearer: str | None = None) -> dict[str, Any]:
        """The JSON object at `url`. Raises `ProviderUnavailable`."""
        headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {bearer}"} if bearer is not None else {})
        try:
            async with (
                asyncio.timeout(PATIENCE),
                httpx2.AsyncClient(transport=BoundedTransport(self._pool), trust_env=False) as client,
            ):
                answer = await client.get(url, headers=headers)
                answer.raise_for_status()
                document = answer.json()
                if not isinstance(document, dict):
                    raise ValueError("it is not a JSON object")
                return document
        except UNANSWERED as error:
            raise self._unavailable(error) from error

    def _unavailable(self, error: Exception) -> ProviderUnavailable:
        logger.warning("the sign-in provider %s does not answer as it should: %s", self.name, type(error).__name__)
        return ProviderUnavailable()


def _endpoints(document: Mapping[str, Any], issuer: str) -> Endpoints:
    """Read a discovery document. Raises ValueError where it is not the issuer's own, or leads to where anybody can listen."""
    if document.get("issuer") != issuer:
        raise ValueError("the document speaks of another issuer")
    home = urlsplit(issuer)

    def where(member: str) -> str:
        url = document.get(member)
        parts = urlsplit(url if isinstance(url, str) else "")
        # An issuer without TLS is on this machine, for development; then what it names may be there, too.
        local = parts.scheme == home.scheme == "http" and parts.hostname == home.hostname
        if not isinstance(url, str) or not (local or (parts.scheme == "https" and parts.hostname)):
            raise ValueError(f"{member} is not an https URL")
        return url

    methods = document.get("token_endpoint_auth_methods_supported")
    known = methods if isinstance(methods, list) else ["client_secret_basic"]
    return Endpoints(
        where("authorization_endpoint"),
        where("token_endpoint"),
        where("jwks_uri"),
        where("userinfo_endpoint") if "userinfo_endpoint" in document else None,
        document.get("authorization_response_iss_parameter_supported") is True,
        "client_secret_basic" not in known and "client_secret_post" in known,
    )


def _name(claim: Any) -> str:
    """What somebody is called, if that can be a name here."""
    try:
        return normalise_name(claim) if isinstance(claim, str) else ""
    except InvalidName:
        return ""
