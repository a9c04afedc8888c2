"""Signing in with somebody else's account: a browser goes to an OpenID provider and comes back, and only that browser may.

Each departure is kept, as hashes, until it returns: for ten minutes, for one use, and for the browser that it began in. Without
the last, an attacker could sign in at the provider as themselves, keep the way back to us, and have a victim's browser take it:
the victim would then work, and leave their secrets, in the attacker's account.
"""

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Self

import httpx2
from sqlalchemy import delete, func, insert

from netra.auth import opaque
from netra.auth.provider import ClientRegistration, ExternalUser, OpenIdProvider, ProviderUnavailable, SignInRefused
from netra.auth.throttle import Counter, Throttle
from netra.clock import Clock
from netra.db.database import Database
from netra.db.tables import SignInAttempt
from netra.errors import Forbidden, NetraError, NotFound

ATTEMPT_LIFETIME: Final = 600.0
"""Seconds that somebody has for signing in with the provider, perhaps for finding their second factor first."""

BEGUN_PER_ADDRESS: Final = 1000
"""Departures from one network address in `ATTEMPT_LIFETIME`. Each is a row, and anybody may begin one; an office of a thousand
people that comes to work at nine does not notice."""

CANCELLED: Final = frozenset({"access_denied", "login_required", "consent_required", "interaction_required"})
"""What a provider says when the person did not sign in there (RFC 6749, OpenID Connect Core 3.1.2.6)."""

OUTAGES: Final = frozenset({"server_error", "temporarily_unavailable"})


class UnknownProvider(NotFound):
    """There is no sign-in provider of that name."""

    code = "unknown_provider"


class InvalidSignInAttempt(NetraError):
    """This sign-in did not begin in this browser, has been used, or took too long; begin again."""

    code, status = "invalid_sign_in_attempt", 400


class SignInCancelled(Forbidden):
    """The provider did not sign you in: it was cancelled, or is not allowed to you there."""

    code = "sign_in_cancelled"


@dataclass(frozen=True, slots=True)
class Departure:
    """Where a browser is sent, and the cookie by which it is known when it returns."""

    url: str
    cookie: str
    """The cookie's name: one for each sign-in, so that two tabs do not take each other's."""
    browser: str = field(repr=False)
    """The cookie's value."""


@dataclass(frozen=True, slots=True)
class Return:
    """What a browser brings back from a provider: the parameters of the redirect, and the value of its cookie."""

    state: str = ""
    code: str | None = field(default=None, repr=False)
    error: str | None = None
    issuer: str | None = None
    browser: str = field(default="", repr=False)


class Federation:
    """The providers of this installation, and who is on the way to them."""

    def __init__(
        self, database: Database, throttle: Throttle, providers: Mapping[str, OpenIdProvider], public_url: str
    ) -> None:
        self._database = database
        self._throttle = throttle
        self._providers = providers
        self._public_url = public_url

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        database: Database,
        throttle: Throttle,
        clock: Clock,
        registrations: Sequence[ClientRegistration],
        *,
        public_url: str,
    ) -> AsyncIterator[Self]:
        """`public_url`: the origin that providers send browsers back to."""
        if not registrations:
            yield cls(database, throttle, {}, public_url)
            return
        # Reading the certificates that the system trusts takes a while.
        pool = await asyncio.to_thread(httpx2.AsyncHTTPTransport, trust_env=False)
        async with pool:
            providers = {ours.name: OpenIdProvider(ours, pool, clock) for ours in registrations}
            yield cls(database, throttle, providers, public_url)

    @property
    def names(self) -> list[str]:
        """The names of the providers, as the operator ordered them."""
        return list(self._providers)

    @property
    def secure(self) -> bool:
        """Whether browsers reach us by https, and so keep cookies for https only."""
        return self._public_url.startswith("https:")

    async def begin(self, name: str, address: str) -> Departure:
        """Send somebody at the network address `address` to a provider.

        Raises `UnknownProvider`, `ProviderUnavailable` or `TooManyFromAddress`.
        """
        provider = self._provider(name)
        state, browser = opaque.mint(opaque.STATE), opaque.mint(opaque.BROWSER)
        nonce, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
        url = await provider.authorization_url(
            redirect_uri=self._redirect_uri(name), state=state, nonce=nonce, verifier=verifier
        )
        await self._throttle.take((Counter.of_address("departures", address, BEGUN_PER_ADDRESS),), ATTEMPT_LIFETIME)
        async with self._database.system().session() as session:
            await session.execute(
                insert(SignInAttempt).values(
                    state_hash=opaque.digest(opaque.STATE, state),
                    browser_hash=opaque.digest(opaque.BROWSER, browser),
                    provider=name,
                    nonce=nonce,
                    code_verifier=verifier,
                    expires_at=func.now() + timedelta(seconds=ATTEMPT_LIFETIME),
                )
            )
        return Departure(url, self.cookie_of(state), browser)

    async def end(self, name: str, returned: Return) -> ExternalUser:
        """Learn from a provider who has come back.

        Raises `UnknownProvider`, `InvalidSignInAttempt`, `SignInCancelled`, `SignInRefused`, `InvalidIdToken` or
        `ProviderUnavailable`.
        """
        provider = self._provider(name)
        attempt = await self._take(returned)
        if attempt is None or attempt.provider != name:
            raise InvalidSignInAttempt
        if returned.error in CANCELLED:
            raise SignInCancelled
        if returned.error in OUTAGES:
            raise ProviderUnavailable
        if returned.error is not None or not returned.code:
            raise SignInRefused
        return await provider.identify(
            returned.code,
            issuer=returned.issuer,
            redirect_uri=self._redirect_uri(name),
            verifier=attempt.code_verifier,
            nonce=attempt.nonce,
        )

    def cookie_of(self, state: str) -> str:
        """The name of the cookie that ties a sign-in to its browser.

        With the prefix, browsers take it only from this very host: a neighbour's subdomain cannot plant one.
        """
        number = hashlib.sha256(state.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        return f"{'__Host-' if self.secure else ''}netra_sign_in_{number}"

    async def sweep(self) -> int:
        """Remove sign-ins that did not come back in time; returns how many."""
        async with self._database.system().session() as session:
            old = delete(SignInAttempt).where(SignInAttempt.expires_at <= func.now())
            return len((await session.scalars(old.returning(SignInAttempt.state_hash))).all())

    def _provider(self, name: str) -> OpenIdProvider:
        if (provider := self._providers.get(name)) is None:
            raise UnknownProvider
        return provider

    def _redirect_uri(self, name: str) -> str:
        """An address for each provider, so that what one of them sends is never taken for another's."""
        return f"{self._public_url}/auth/callback/{name}"

    async def _take(self, returned: Return) -> SignInAttempt | None:
        """Use an attempt up; None if there is none, it is too old, or it began in another browser."""
        state = opaque.digest(opaque.STATE, returned.state)
        browser = opaque.digest(opaque.BROWSER, returned.browser)
        if state is None or browser is None:
            return None
        mine = (SignInAttempt.state_hash == state, SignInAttempt.browser_hash == browser)
        async with self._database.system().session() as session:
            # The deletion is what makes a second use impossible.
            taken = delete(SignInAttempt).where(*mine, SignInAttempt.expires_at > func.now()).returning(SignInAttempt)
            return (await session.scalars(taken)).one_or_none()
