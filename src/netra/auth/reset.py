"""A forgotten password: a link by mail, good for one use, that sets a new one.

Whoever asks always gets the same answer at once, because the work is done beside it; an answer that took longer for accounts
that exist would be a list of them. What waits is bounded, and what one account or one address may have sent is, too.

Who uses the link has proved to own the address. If nobody had proved that before, somebody else may have registered it, to be
there before its owner: so every session ends, and the API keys of the time before are revoked.
"""

import asyncio
import logging
from datetime import timedelta
from typing import Final, NamedTuple

from sqlalchemy import delete, func, insert, select, update

from netra.auth import opaque
from netra.auth.access import AccessListener, nobody_listens
from netra.auth.accounts import InvalidEmail, normalise_email
from netra.auth.api_keys import ApiKeys
from netra.auth.audit import record
from netra.auth.mail import Mail, MailSender
from netra.auth.passwords import Passwords
from netra.auth.sessions import end_sessions
from netra.auth.throttle import Counter, Throttle, TooManyFromAddress, network
from netra.db.database import Database
from netra.db.scope import connection_of
from netra.db.tables import Account, PasswordReset
from netra.errors import Unauthenticated, Unavailable
from netra.ids import UserId

HOUR: Final = 3600.0

MAILS_PER_ACCOUNT: Final = 3
"""In an hour. The first may be slow or lie in the wrong folder; a fourth would be somebody who fills a mailbox."""

MAILS_PER_ADDRESS: Final = 30
"""In an hour, from one network address: an office behind one, but not a list of addresses that somebody tries."""

WAITING: Final = 200
"""Requests that wait to be worked on. Beyond that they are dropped: their answers have promised nothing."""

AT_ONCE: Final = 4
"""Mails that are handed over at once, so that a slow mail server holds up few."""

logger = logging.getLogger(__name__)


class InvalidResetToken(Unauthenticated):
    """This link is not valid any more; ask for a new one."""

    code = "invalid_reset_token"


class ResetRequest(NamedTuple):
    """Somebody at the network address `address` says that they have forgotten the password of `email` (normalised)."""

    email: str
    address: str


class PasswordResets:
    """The links of every account. `lifetime` is in seconds; `page` is the address of the page that takes the new password."""

    def __init__(
        self,
        database: Database,
        passwords: Passwords,
        throttle: Throttle,
        api_keys: ApiKeys,
        mail: MailSender,
        *,
        page: str,
        lifetime: float = 1800,
        on_access_change: AccessListener = nobody_listens,
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._throttle = throttle
        self._api_keys = api_keys
        self._mail = mail
        self._page = page
        self._lifetime = timedelta(seconds=lifetime)
        self._on_access_change = on_access_change
        self._requests: asyncio.Queue[ResetRequest] = asyncio.Queue(WAITING)

    def request(self, email: str, address: str) -> None:
        """Have a link sent to `email` if there is such an account. Never says whether there is, and never waits."""
        try:
            self._requests.put_nowait(ResetRequest(normalise_email(email), address))
        except InvalidEmail:
            return
        except asyncio.QueueFull:
            logger.warning("a request for a password reset was dropped: %s wait already", WAITING)

    async def serve(self) -> None:
        """Work on what was requested, until cancelled. What still waits then is lost, and its sender asks again."""
        async with asyncio.TaskGroup() as group:
            for number in range(AT_ONCE):
                group.create_task(self._serve(), name=f"password resets {number}")

    async def confirm(self, token: str, password: str) -> None:
        """Use a link: set the password and end every session. Raises `InvalidResetToken`, `WeakPassword` or `HashingBusy`."""
        digest = opaque.digest(opaque.RESET, token)
        if digest is None:
            raise InvalidResetToken
        good = (PasswordReset.hash == digest, PasswordReset.expires_at > func.now())
        async with self._database.system().session() as session:
            owner = select(Account.id, Account.email).join(PasswordReset, PasswordReset.user_id == Account.id)
            found = (await session.execute(owner.where(*good, Account.disabled_at.is_(None)))).one_or_none()
        if found is None:
            raise InvalidResetToken
        # Before the link is used up: whoever chooses too weak a password chooses again.
        self._passwords.check(password, email=found.email)
        hashed = await self._passwords.hash(password)
        user_id = UserId(found.id)
        async with self._database.system().session() as session:
            enabled = select(Account.email_verified_at).where(Account.id == user_id, Account.disabled_at.is_(None))
            account = (await session.execute(enabled.with_for_update(key_share=True))).one_or_none()
            # The deletion is what makes a second use impossible; the others were asked for by the same forgetful person.
            used = await session.scalar(delete(PasswordReset).where(*good).returning(PasswordReset.user_id))
            if account is None or used is None:
                raise InvalidResetToken
            await session.execute(delete(PasswordReset).where(PasswordReset.user_id == user_id))
            revoked = 0 if account.email_verified_at else await self._api_keys.revoke_all(session, user_id)
            verified_at = func.coalesce(Account.email_verified_at, func.now())
            await session.execute(
                update(Account).where(Account.id == user_id).values(password_hash=hashed, email_verified_at=verified_at)
            )
            await end_sessions(await connection_of(session), user_id, "password reset")
            record(session, "password_reset", user_id, actor_id=user_id, api_keys_revoked=revoked)
        await self._throttle.forgive(found.email)
        await self._on_access_change(user_id, None)

    async def sweep(self) -> int:
        """Remove links that nobody used in time; returns how many."""
        async with self._database.system().session() as session:
            old = delete(PasswordReset).where(PasswordReset.expires_at <= func.now())
            return len((await session.scalars(old.returning(PasswordReset.hash))).all())

    async def _serve(self) -> None:
        while True:
            request = await self._requests.get()
            try:
                await self._answer(request)
            except TooManyFromAddress:
                logger.info("a request for a password reset was dropped: there were too many for one account or address")
            except Unavailable as error:
                logger.warning("a request for a password reset was lost: %s", error.detail)
            finally:
                self._requests.task_done()

    async def _answer(self, request: ResetRequest) -> None:
        counters = (
            Counter.of_address("reset address", request.address, MAILS_PER_ADDRESS),
            Counter.of_account("reset account", request.email, MAILS_PER_ACCOUNT),
        )
        await self._throttle.take(counters, HOUR)
        token = opaque.mint(opaque.RESET)
        async with self._database.system().session() as session:
            enabled = select(Account.id).where(Account.email == request.email, Account.disabled_at.is_(None))
            if (user_id := await session.scalar(enabled)) is None:
                return
            await session.execute(
                insert(PasswordReset).values(
                    hash=opaque.digest(opaque.RESET, token), user_id=user_id, expires_at=func.now() + self._lifetime
                )
            )
            place = network(request.address)
            record(session, "password_reset_requested", UserId(user_id), actor_id=None, address=place)
        await self._mail.send(self._compose(request.email, token))

    def _compose(self, email: str, token: str) -> Mail:
        minutes = max(1, round(self._lifetime.total_seconds() / 60))
        # The token stands behind a #: no browser sends that to a server, so no log on the way holds it.
        text = f"""\
Somebody, probably you, asked for a new password for {email}.

Choose one here, within {minutes} minutes:
{self._page}#token={token}

If you use the API, the token is:
{token}

If it was not you, do nothing: your password stays as it is.
"""
        return Mail(email, "A new password", text)
