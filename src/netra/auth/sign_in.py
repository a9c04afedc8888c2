"""Signing in and out: the parts of this package put together, one method for each thing that a person does.

Each has the order of its steps for a reason. What costs a core (a password hash) happens while no database connection is
held; the signing key is at hand before anything is written; what belongs together is one transaction; and the rest of the
system is told after the commit.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import undefer

from netra.auth.access import AccessListener, nobody_listens
from netra.auth.accounts import Accounts, InvalidEmail, Profile, Role, normalise_email, normalise_name
from netra.auth.api_keys import ApiKeys
from netra.auth.audit import AuditLog
from netra.auth.census import Census
from netra.auth.external import ExternalAccounts
from netra.auth.federation import Federation, Return
from netra.auth.identity import Identities, Identity
from netra.auth.keys import SigningKeys
from netra.auth.mail import MailSender, UnsentSender
from netra.auth.passwords import Passwords
from netra.auth.provider import ClientRegistration
from netra.auth.reset import HOUR, PasswordResets
from netra.auth.services import InvalidServiceCredentials, Services, address_of
from netra.auth.sessions import Sessions
from netra.auth.throttle import Counter, Throttle, network
from netra.auth.tickets import Tickets
from netra.auth.tokens import AccessTokens
from netra.clock import Clock, SystemClock
from netra.db.database import Database
from netra.db.tables import Account
from netra.errors import Forbidden, Unauthenticated
from netra.ids import SessionId, UserId, new_uuid

AUDIENCE: Final = "netra"

NOWHERE: Final = "local"
"""The network address of somebody who comes by no network."""


class InvalidCredentials(Unauthenticated):
    """The e-mail address or the password is wrong, or the account is disabled."""

    code = "invalid_credentials"


class SessionRequired(Forbidden):
    """This needs somebody who has signed in; an API key is not enough."""

    code = "session_required"


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a client holds: an access token for `expires_in` seconds, and a refresh token that is good for one use."""

    access_token: str
    refresh_token: str
    expires_in: int


@dataclass(frozen=True, slots=True)
class ServiceToken:
    """What a program holds: an access token for `expires_in` seconds. It asks for the next one with its secret."""

    access_token: str
    expires_in: int


@dataclass(frozen=True, slots=True)
class SignIn:
    """Everything about identity that one process needs. Make it with `SignIn.open`.

    `resets.serve()` has to run beside it in a process that answers requests.
    """

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
    federation: Federation
    external: ExternalAccounts
    resets: PasswordResets
    services: Services
    audit: AuditLog
    registrations_per_address: int | None

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
        reset_lifetime: float = 1800,
        registrations_per_address: int | None = None,
        audit_kept: timedelta | None = None,
        providers: Sequence[ClientRegistration] = (),
        service_secrets: Mapping[str, str] | None = None,
        mail: MailSender | None = None,
        passwords: Passwords | None = None,
        throttle: Throttle | None = None,
        on_access_change: AccessListener = nobody_listens,
        clock: Clock | None = None,
    ) -> AsyncIterator["SignIn"]:
        """Put the parts together and see to it that there is a signing key. Lifetimes are seconds.

        `issuer` is the origin that people reach us at. `registrations_per_address` is how many there may be in an hour (None:
        any number), `audit_kept` how long the audit is kept (None: for ever), `providers` where people may sign in instead,
        `service_secrets` which programs may, by id. `passwords`, `throttle` and `mail` have defaults of their own;
        `on_access_change` is told after every commit that ends or changes somebody's access.
        """
        clock = clock or SystemClock()
        passwords = passwords or Passwords()
        throttle = throttle or Throttle(database)
        keys = SigningKeys(database, clock, token_lifetime=access_lifetime)
        tokens = AccessTokens(keys, clock, issuer=issuer, audience=audience, lifetime=access_lifetime)
        sessions = Sessions(database, lifetime=refresh_lifetime, on_access_change=on_access_change)
        accounts = Accounts(database, on_access_change)
        api_keys = ApiKeys(database, on_access_change)
        resets = PasswordResets(
            database,
            passwords,
            throttle,
            api_keys,
            mail or UnsentSender(),
            page=f"{issuer}/reset",
            lifetime=reset_lifetime,
            on_access_change=on_access_change,
        )
        try:
            await keys.ensure()
            async with Federation.open(database, throttle, clock, providers, public_url=issuer) as federation:
                yield cls(
                    database=database,
                    passwords=passwords,
                    throttle=throttle,
                    keys=keys,
                    tokens=tokens,
                    sessions=sessions,
                    accounts=accounts,
                    api_keys=api_keys,
                    tickets=Tickets(database, lifetime=ticket_lifetime),
                    identities=Identities(database, tokens, clock),
                    census=Census(database, clock),
                    federation=federation,
                    external=ExternalAccounts(accounts),
                    resets=resets,
                    services=Services(accounts, service_secrets or {}),
                    audit=AuditLog(database, keep=audit_kept),
                    registrations_per_address=registrations_per_address,
                )
        finally:
            passwords.close()

    async def register(self, email: str, password: str, name: str = "", *, address: str = NOWHERE) -> tuple[TokenPair, Profile]:
        """Make an account and sign its owner in, who comes from the network address `address`.

        Raises `InvalidEmail`, `InvalidName`, `WeakPassword`, `EmailTaken` or `TooManyFromAddress`.
        """
        email, name = self._check(email, password, name)
        if self.registrations_per_address is not None:
            # Also those that fail: they would tell which addresses have accounts, and each costs a hash.
            counter = Counter.of_address("registrations", address, self.registrations_per_address)
            await self.throttle.take((counter,), HOUR)
        hashed = await self.passwords.hash(password)
        user_id, session_id = UserId(new_uuid()), SessionId(new_uuid())
        access_token = self.tokens.issue(await self.keys.signing(), user_id, session_id)
        async with self.database.system().session() as session:
            profile = await self.accounts.add(session, user_id, email, hashed, name=name)
            refresh_token = await self.sessions.begin(
                session, user_id, session_id, via="registration", address=network(address)
            )
        return TokenPair(access_token, refresh_token, int(self.tokens.lifetime)), profile

    async def create_account(self, email: str, password: str, *, name: str = "", role: Role = "user") -> Profile:
        """Make an account in the operator's name, with the errors of `register`; its owner signs in afterwards."""
        email, name = self._check(email, password, name)
        hashed = await self.passwords.hash(password)
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
            await self.throttle.fail(email, address, user_id=None if found is None else UserId(found.id))
            raise InvalidCredentials
        await self.throttle.succeed(email, address)
        user_id, session_id = UserId(found.id), SessionId(new_uuid())
        access_token = self.tokens.issue(await self.keys.signing(), user_id, session_id)
        async with self.database.system().session() as session:
            refresh_token = await self.sessions.begin(session, user_id, session_id, via="password", address=network(address))
        if hashed is not None and renewed is not None:
            await self.accounts.renew_hash(user_id, hashed, renewed)
        profile = Profile(user_id, email, found.name, found.role, found.plan)
        return TokenPair(access_token, refresh_token, int(self.tokens.lifetime)), profile

    async def log_in_externally(self, provider: str, returned: Return, address: str) -> tuple[TokenPair, Profile]:
        """Sign somebody in who comes back from a provider, with the errors of `Federation.end` and `ExternalAccounts.admit`."""
        who = await self.federation.end(provider, returned)
        key, session_id = await self.keys.signing(), SessionId(new_uuid())
        async with self.database.system().session() as session:
            account = await self.external.admit(session, who)
            user_id = UserId(account.id)
            refresh_token = await self.sessions.begin(
                session, user_id, session_id, via="oidc", provider=provider, address=network(address)
            )
        profile = Profile(user_id, account.email, account.name, account.role, account.plan)
        access_token = self.tokens.issue(key, user_id, session_id)
        return TokenPair(access_token, refresh_token, int(self.tokens.lifetime)), profile

    async def log_in_service(self, service_id: str, secret: str, address: str) -> ServiceToken:
        """Give a program an access token, with a session that lasts as long. There is no refresh token: it has its secret.

        Raises `InvalidServiceCredentials`, in the same words whatever is wrong, or `TooManyAttempts`.
        """
        email = address_of(service_id)
        await self.throttle.admit(email, address)
        user_id, proved = self.services.find(service_id), self.services.prove(service_id, secret)
        try:
            if user_id is None or not proved:
                raise InvalidServiceCredentials
            await self.throttle.succeed(email, address)
            session_id = SessionId(new_uuid())
            access_token = self.tokens.issue(await self.keys.signing(), user_id, session_id)
            async with self.database.system().session() as session:
                await self.services.admit(session, service_id)
                await self.sessions.begin_once(
                    session, user_id, session_id, lifetime=self.tokens.lifetime, address=network(address)
                )
        except InvalidServiceCredentials:
            await self.throttle.fail(email, address, user_id=user_id, via="service")
            raise
        return ServiceToken(access_token, int(self.tokens.lifetime))

    def _check(self, email: str, password: str, name: str) -> tuple[str, str]:
        """Check what a new account is made of; return its address and name as they are stored."""
        email, name = normalise_email(email), normalise_name(name)
        self.passwords.check(password, email=email)
        return email, name

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
        """Remove what has expired or is old enough: throttle windows, tickets, links, tokens, sessions, keys, audit lines.

        Run it now and then.
        """
        await self.throttle.sweep()
        await self.tickets.sweep()
        await self.federation.sweep()
        await self.resets.sweep()
        await self.sessions.sweep()
        await self.keys.sweep()
        await self.audit.sweep()


def session_of(identity: Identity) -> SessionId:
    """The session that `identity` came with. Raises `SessionRequired` for an API key."""
    if identity.session_id is None:
        raise SessionRequired
    return identity.session_id
