"""Accounts: who can sign in, and what an operator may change about them.

Every change writes its audit line in the same transaction and is told to the access listener after the commit.
"""

import re
import unicodedata
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, get_args

from sqlalchemy import func, insert, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

from netra.auth.access import AccessListener, nobody_listens
from netra.auth.audit import record
from netra.auth.sessions import Sessions
from netra.db.database import Database
from netra.db.tables import Account, Thread
from netra.errors import Conflict, InvalidInput, NotFound
from netra.ids import UserId

Role = Literal["user", "developer", "admin", "super_admin"]
Kind = Literal["person", "service"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)

MAX_EMAIL: Final = 254
"""Characters that an address may have in SMTP (RFC 5321, with its erratum 1690)."""

MAX_NAME: Final = 100
"""Characters of a person's name as it is shown."""

# The dot-atom of RFC 5322 before the @, host names of RFC 1123 after it. ASCII only: two addresses that look alike must not
# be two people. An international domain is written in its xn-- form.
EMAIL: Final = re.compile(
    r"(?=[^@]{1,64}@)[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])",
    re.ASCII,
)


class InvalidEmail(InvalidInput):
    """This is not an e-mail address that Netra accepts: name@example.com, in ASCII."""

    code = "invalid_email"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail, field="email")


class InvalidName(InvalidInput):
    """A name has at most 100 characters and no control characters."""

    code = "invalid_name"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail, field="name")


class EmailTaken(Conflict):
    """There is an account with this e-mail address already; sign in instead."""

    code = "email_taken"


class UnknownAccount(NotFound):
    """There is no account with this e-mail address."""

    code = "unknown_account"


@dataclass(frozen=True, slots=True)
class Profile:
    """An account as its owner and the operator see it. `plan` is what is written; `Identity.plan` is what is in force."""

    user_id: UserId
    email: str
    name: str
    role: str
    plan: str
    disabled_at: datetime | None = None
    created_at: datetime | None = None
    email_verified_at: datetime | None = None


def normalise_email(text: str) -> str:
    """Return the one spelling under which an address is stored and looked up. Raises `InvalidEmail`.

    All of it in lower case: in theory the part before the @ is not ours to fold, in practice two accounts that differ only
    there belong to one person who is then locked out of one of them.
    """
    email = text.strip().lower()
    if len(email) > MAX_EMAIL or EMAIL.fullmatch(email) is None:
        raise InvalidEmail
    return email


def normalise_name(text: str) -> str:
    """Return a name as it is stored: composed, without space around it. Raises `InvalidName`."""
    name = unicodedata.normalize("NFC", text).strip()
    if len(name) > MAX_NAME or any(_unsuitable(character) for character in name):
        raise InvalidName
    return name


def _unsuitable(character: str) -> bool:
    """Control, surrogate, private and unassigned characters, line ends, and formatting that turns the text around it.

    The zero-width joiner and non-joiner are formatting, too, but belong into real names.
    """
    category = unicodedata.category(character)
    return (category[0] == "C" or category in ("Zl", "Zp")) and character not in "\u200c\u200d"


class Accounts:
    """The accounts of this database, through the system scope: whoever signs in is nobody yet."""

    def __init__(self, database: Database, sessions: Sessions, on_access_change: AccessListener = nobody_listens) -> None:
        self._database = database
        self._sessions = sessions
        self._on_access_change = on_access_change

    async def add(
        self,
        session: AsyncSession,
        user_id: UserId,
        email: str,
        password_hash: str | None,
        *,
        name: str = "",
        role: Role = "user",
        kind: Kind = "person",
        verified: bool = False,
        by_operator: bool = False,
    ) -> Profile:
        """Add an account and its account thread to the caller's transaction. `email` is normalised. Raises `EmailTaken`.

        Without a password hash its owner signs in otherwise. `verified`: they have proved to receive mail at that address.
        """
        # No exception for the ordinary case of an address that is taken: it would spoil the caller's transaction.
        added = await session.scalar(
            postgresql.insert(Account)
            .values(
                id=user_id,
                email=email,
                name=name,
                password_hash=password_hash,
                role=role,
                feature_flags=[],
                kind=kind,
                email_verified_at=func.now() if verified else None,
            )
            # Whichever key it is: of two that are made at once for one program, both are taken.
            .on_conflict_do_nothing()
            .returning(Account.id)
        )
        if added is None:
            raise EmailTaken
        await session.execute(insert(Thread).values(user_id=user_id, id=user_id, kind="account"))
        record(session, "account_created", user_id, actor_id=None if by_operator else user_id, role=role)
        return Profile(user_id, email, name, role, "free")

    async def find(self, email: str) -> Profile:
        """Raises `UnknownAccount`."""
        async with self._database.system().session() as session:
            account = await _read(session, email)
            return _profile(account)

    async def list(self, *, after: str = "", limit: int = 100) -> Sequence[Profile]:
        """Accounts by e-mail address, those behind `after`."""
        async with self._database.system().session() as session:
            rows = await session.scalars(select(Account).where(Account.email > after).order_by(Account.email).limit(limit))
            return [_profile(account) for account in rows]

    async def set_role(self, email: str, role: Role, *, actor_id: UserId | None = None) -> Profile:
        """Change what a user may administer. Raises `UnknownAccount`."""
        async with self._changing(email) as (session, account):
            if account.role != role:
                record(session, "role_changed", UserId(account.id), actor_id=actor_id, old=account.role, new=role)
                account.role = role
        return _profile(account)

    async def disable(self, email: str, *, actor_id: UserId | None = None) -> Profile:
        """Shut a user out: sign-in, API keys and open sockets. Their data stays. Raises `UnknownAccount`."""
        async with self._changing(email) as (session, account):
            if account.disabled_at is None:
                record(session, "account_disabled", UserId(account.id), actor_id=actor_id)
                account.disabled_at = await session.scalar(select(func.now()))
                # Enabling the account again must not bring back a session of the time before.
                await self._sessions.revoke_all(session, UserId(account.id), "account disabled")
        return _profile(account)

    async def enable(self, email: str, *, actor_id: UserId | None = None) -> Profile:
        """Let a disabled user in again. API keys that were not revoked count again. Raises `UnknownAccount`."""
        async with self._changing(email) as (session, account):
            if account.disabled_at is not None:
                record(session, "account_enabled", UserId(account.id), actor_id=actor_id)
                account.disabled_at = None
        return _profile(account)

    async def verify_email(self, email: str, *, actor_id: UserId | None = None) -> Profile:
        """Note that the account's owner has proved to receive mail at its address. Raises `UnknownAccount`."""
        async with self._changing(email) as (session, account):
            if account.email_verified_at is None:
                record(session, "email_verified", UserId(account.id), actor_id=actor_id)
                account.email_verified_at = await session.scalar(select(func.now()))
        return _profile(account)

    async def renew_hash(self, user_id: UserId, old: str, new: str) -> None:
        """Replace a password hash that was made by older rules, unless the password has been changed meanwhile."""
        async with self._database.system().session() as session:
            await session.execute(
                update(Account).where(Account.id == user_id, Account.password_hash == old).values(password_hash=new)
            )

    @asynccontextmanager
    async def _changing(self, email: str) -> AsyncIterator[tuple[AsyncSession, Account]]:
        """An account whose row is locked until the block's changes are committed; then the listener is told."""
        async with self._database.system().session() as session:
            account = await _read(session, email, lock=True)
            yield session, account
        await self._on_access_change(UserId(account.id), None)


async def _read(session: AsyncSession, email: str, *, lock: bool = False) -> Account:
    query: Any = select(Account).where(Account.email == email.strip().lower())
    account = await session.scalar(query.with_for_update(key_share=True) if lock else query)
    if account is None:
        raise UnknownAccount
    assert isinstance(account, Account)
    return account


def _profile(account: Account) -> Profile:
    return Profile(
        UserId(account.id),
        account.email,
        account.name,
        account.role,
        account.plan,
        account.disabled_at,
        account.created_at,
        account.email_verified_at,
    )
