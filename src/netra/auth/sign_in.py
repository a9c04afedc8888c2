"""Signing in and out: the parts of this package put together, one method for each thing that a person does.

Each has the order of its steps for a reason. What costs a core (a password hash) happens while no database connection is
held; the signing key is at hand before anything is written; what belongs together is one transaction; and the rest of the
system is told after the commit.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import undefer

from netra.auth.access import AccessListener, nobody_listens
from netra.auth.accounts import Accounts, InvalidEmail, Profile, Role, normalise_email, normalise_name
from netra.auth.api_keys import ApiKeys
from netra.auth.census import Census
from netra.auth.identity import Identities, Identity
from netra.auth.keys import SigningKeys
from netra.auth.passwords import Passwords
from netra.auth.sessions import Sessions
from netra.auth.throttle import Throttle
from netra.auth.tickets import Tickets
from netra.auth.tokens import AccessTokens
from netra.clock import Clock, SystemClock
from netra.db.database import Database
from netra.db.tables import Account
from netra.errors import Forbidden, Unauthenticated
from netra.ids import SessionId, UserId, new_uuid

AUDIENCE: Final = "netra"


class InvalidCredentials(Unauthenticated):
    """The e-mail address or the password is wrong, or the account is disabled."""

    code = "invalid_credentials"


class SessionRequired(Forbidden):
    """This needs somebody who has signed in with a password; an API key is not enough."""

    code = "session_required"


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a client holds: an access token for `expires_in` seconds, and a refresh token that is good for one use."""

    access_token: str
    refresh_token: str
    expires_in: int


@dataclass(frozen=True, slots=True)
class SignIn:
    """Everything about identity that one process needs. Make it with `SignIn.open`."""

    database: Database
    passwords: Passwords
    throttle: Throttle
    keys: SigningKeys
    tokens: AccessTokens
    sessions: Sessions
    accounts: Accounts
    api_keys: ApiKeys
    tickets: Tickets
    identities: Identities
    census: Census

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        database: Database,
        *,
        issuer: str,
        audience: str = AUDIENCE,
        access_lifetime: float = 900,
        refresh_lifetime: float = 30 * 86_400,
        ticket_lifetime: float = 30,
        passwords: Passwords | None = None,
        throttle: Throttle | None = None,
        on_access_change: AccessListener = nobody_listens,
        clock: Clock | None = None,
    ) -> AsyncIterator["SignIn"]:
        """Put the parts together and see to it that there is a signing key. Lifetimes are seconds.

        `passwords` and `throttle` have defaults of their own; `on_access_change` is told after every commit that ends or
        changes somebody's access.
        """
        clock = clock or SystemClock()
        passwords = passwords or Passwords()
        keys = SigningKeys(database, clock, token_lifetime=access_lifetime)
        tokens = AccessTokens(keys, clock, issuer=issuer, audience=audience, lifetime=access_lifetime)
        sessions = Sessions(database, lifetime=refresh_lifetime, on_access_change=on_access_change)
        try:
            await keys.ensure()
            yield cls(
                database=database,
                passwords=passwords,
                throttle=throttle or Throttle(database),
                keys=keys,
                tokens=tokens,
                sessions=sessions,
                accounts=Accounts(database, sessions, on_access_change),
                api_keys=ApiKeys(database, on_access_change),
                tickets=Tickets(database, lifetime=ticket_lifetime),
                identities=Identities(database, tokens, clock),
                census=Census(database, clock),
            )
        finally:
            passwords.close()

    async def register(self, email: str, password: str, name: str = "") -> tuple[TokenPair, Profile]:
        """Make an account and sign its owner in. Raises `InvalidEmail`, `InvalidName`, `WeakPassword` or `EmailTaken`."""
        email, name, hashed = await self._prepare(email, password, name)
        user_id, session_id = UserId(new_uuid()), SessionId(new_uuid())
        access_token = self.tokens.issue(await self.keys.signing(), user_id, session_id)
        async with self.database.system().session() as session:
            profile = await self.accounts.add(session, user_id, email, hashed, name=name)
            refresh_token = await self.sessions.begin(session, user_id, session_id)
        return TokenPair(access_token, refresh_token, int(self.tokens.lifetime)), profile

    async def create_account(self, email: str, password: str, *, name: str = "", role: Role = "user") -> Profile:
        """Make an account in the operator's name, with the errors of `register`; its owner signs in afterwards."""
        email, name, hashed = await self._prepare(email, password, name)
        async with self.database.system().session() as session:
            return await self.accounts.add(session, UserId(new_uuid()), email, hashed, name=name, role=role, by_operator=True)

    async def log_in(self, email: str, password: str, address: str) -> tuple[TokenPair, Profile]:
        """Sign somebody in who comes from the network address `address`. Raises `InvalidCredentials` or `TooManyAttempts`.

        An unknown address, a malformed one, a wrong password and a disabled account cost the same and answer the same.
        """
        try:
            email, findable = normalise_email(email), True
        except InvalidEmail:
            findable = False
        await self.throttle.admit(email, address)
        found = await self._find(email) if findable else None
        hashed = found.password_hash if found is not None else None
        if hashed is None:
            await self.passwords.spend(password)
            right, renewed = False, None
        else:
            right, renewed = await self.passwords.verify(password, hashed)
        if found is None or not right or found.disabled_at is not None:
            await self.throttle.fail(email, address)
            raise InvalidCredentials
        await self.throttle.succeed(email, address)
        user_id, session_id = UserId(found.id), SessionId(new_uuid())
        access_token = self.tokens.issue(await self.keys.signing(), user_id, session_id)
        async with self.database.system().session() as session:
            refresh_token = await self.sessions.begin(session, user_id, session_id)
        if hashed is not None and renewed is not None:
            await self.accounts.renew_hash(user_id, hashed, renewed)
        profile = Profile(user_id, email, found.name, found.role, found.plan)
        return TokenPair(access_token, refresh_token, int(self.tokens.lifetime)), profile

    async def _prepare(self, email: str, password: str, name: str) -> tuple[str, str, str]:
        """Check what a new account is made of: its address and name as they are stored, and the password's hash."""
        email, name = normalise_email(email), normalise_name(name)
        self.passwords.check(password, email=email)
        return email, name, await self.passwords.hash(password)

    async def _find(self, email: str) -> Account | None:
        """The account, its password hash included."""
        query = select(Account).where(Account.email == email).options(undefer(Account.password_hash))
        async with self.database.system().session() as session:
            return await session.scalar(query)

    async def refresh(self, refresh_token: str) -> TokenPair:
        """Use a refresh token for a new pair. Raises `InvalidRefreshToken`; a second use has then ended the session."""
        key = await self.keys.signing()
        renewal = await self.sessions.renew(refresh_token)
        access_token = self.tokens.issue(key, renewal.user_id, renewal.session_id)
        return TokenPair(access_token, renewal.refresh_token, int(self.tokens.lifetime))

    async def log_out(self, identity: Identity) -> None:
        """End the session that `identity` came with, on every process. Raises `SessionRequired` for an API key."""
        await self.sessions.revoke(identity.user_id, session_of(identity))

    async def issue_ticket(self, identity: Identity) -> str:
        """A WebSocket ticket for the session that `identity` came with. Raises `SessionRequired` for an API key."""
        return await self.tickets.issue(identity.user_id, session_of(identity))

    async def sweep(self) -> None:
        """Remove what has expired: throttle windows, tickets, refresh tokens, sessions, retired keys. Run it now and then."""
        await self.throttle.sweep()
        await self.tickets.sweep()
        await self.sessions.sweep()
        await self.keys.sweep()


def session_of(identity: Identity) -> SessionId:
    """The session that `identity` came with. Raises `SessionRequired` for an API key."""
    if identity.session_id is None:
        raise SessionRequired
    return identity.session_id
