"""Accounts: who can sign in, and what an operator may change about them.

Every change writes its audit line in the same transaction. The functions of this module change an account inside a
transaction of the caller's, who tells of it after the commit; `Accounts` does both, in transactions of its own.
"""

import re
import unicodedata
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal, get_args

from psycopg.rows import dict_row
from sqlalchemy import func, insert, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

from netra.auth.access import AccessListener, nobody_listens
from netra.auth.audit import note, record
from netra.auth.sessions import end_sessions
from netra.db.database import Connection, Database
from netra.db.sql import NamedQueries
from netra.db.tables import Account, Thread
from netra.errors import Conflict, InvalidInput, NotFound
from netra.ids import UserId

QUERIES: Final = NamedQueries("netra.auth", "accounts.sql")

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
    plan_expires_at: datetime | None = None
    feature_flags: tuple[str, ...] = ()


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


async def read(connection: Connection, email: str) -> Profile:
    """An account, by its address in any spelling. Raises `UnknownAccount`."""
    return await _one(connection, "read", email)


async def hold(connection: Connection, email: str) -> Profile:
    """The same, its row locked until the transaction ends: for whoever is going to change it."""
    return await _one(connection, "hold", email)


async def page(connection: Connection, after: str, limit: int) -> Sequence[Profile]:
    """Accounts by e-mail address, those behind `after`."""
    return await _fetch(connection, "page", after=after, limit=limit)


async def change_role(connection: Connection, account: Profile, role: Role, *, actor_id: UserId | None = None) -> Profile:
    """Change what a user may administer. `account` is held."""
    if account.role == role:
        return account
    await connection.execute(QUERIES["set_role"], {"user_id": account.user_id, "role": role})
    await note(connection, "role_changed", account.user_id, actor_id=actor_id, old=account.role, new=role)
    return replace(account, role=role)


async def shut_out(connection: Connection, account: Profile, *, actor_id: UserId | None = None) -> Profile:
    """Shut a user out: sign-in, API keys and open sockets. Their data stays. `account` is held."""
    if account.disabled_at is not None:
        return account
    cursor = await connection.execute(QUERIES["disable"], {"user_id": account.user_id})
    row = await cursor.fetchone()
    assert row is not None
    # Enabling the account again must not bring back a session of the time before.
    await end_sessions(connection, account.user_id, "account disabled")
    await note(connection, "account_disabled", account.user_id, actor_id=actor_id)
    return replace(account, disabled_at=row[0])


async def let_in(connection: Connection, account: Profile, *, actor_id: UserId | None = None) -> Profile:
    """Let a disabled user in again. API keys that were not revoked count again. `account` is held."""
    if account.disabled_at is None:
        return account
    await connection.execute(QUERIES["enable"], {"user_id": account.user_id})
    await note(connection, "account_enabled", account.user_id, actor_id=actor_id)
    return replace(account, disabled_at=None)


async def verify(connection: Connection, account: Profile, *, actor_id: UserId | None = None) -> Profile:
    """Note that the account's owner has proved to receive mail at its address. `account` is held."""
    if account.email_verified_at is not None:
        return account
    cursor = await connection.execute(QUERIES["verify"], {"user_id": account.user_id})
    row = await cursor.fetchone()
    assert row is not None
    await note(connection, "email_verified", account.user_id, actor_id=actor_id)
    return replace(account, email_verified_at=row[0])


async def _one(connection: Connection, query: str, email: str) -> Profile:
    for account in await _fetch(connection, query, email=email.strip().lower()):
        return account
    raise UnknownAccount


async def _fetch(connection: Connection, query: str, **parameters: Any) -> list[Profile]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(QUERIES[query], parameters)
        return [Profile(**{**row, "feature_flags": tuple(row["feature_flags"])}) for row in await cursor.fetchall()]


class Accounts:
    """The accounts of this database, through the system scope: whoever signs in is nobody yet."""

    def __init__(self, database: Database, on_access_change: AccessListener = nobody_listens) -> None:
        self._database = database
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
        async with self._database.system().transaction() as connection:
            return await read(connection, email)

    async def list(self, *, after: str = "", limit: int = 100) -> Sequence[Profile]:
        """Accounts by e-mail address, those behind `after`."""
        async with self._database.system().transaction() as connection:
            return await page(connection, after, limit)

    async def set_role(self, email: str, role: Role, *, actor_id: UserId | None = None) -> Profile:
        """Change what a user may administer. Raises `UnknownAccount`."""
        async with self._changing(email) as (connection, account):
            return await change_role(connection, account, role, actor_id=actor_id)

    async def disable(self, email: str, *, actor_id: UserId | None = None) -> Profile:
        """Shut a user out: sign-in, API keys and open sockets. Their data stays. Raises `UnknownAccount`."""
        async with self._changing(email) as (connection, account):
            return await shut_out(connection, account, actor_id=actor_id)

    async def enable(self, email: str, *, actor_id: UserId | None = None) -> Profile:
        """Let a disabled user in again. API keys that were not revoked count again. Raises `UnknownAccount`."""
        async with self._changing(email) as (connection, account):
            return await let_in(connection, account, actor_id=actor_id)

    async def verify_email(self, email: str, *, actor_id: UserId | None = None) -> Profile:
        """Note that the account's owner has proved to receive mail at its address. Raises `UnknownAccount`."""
        async with self._changing(email) as (connection, account):
            return await verify(connection, account, actor_id=actor_id)

    async def renew_hash(self, user_id: UserId, old: str, new: str) -> None:
        """Replace a password hash that was made by older rules, unless the password has been changed meanwhile."""
        async with self._database.system().session() as session:
            await session.execute(
                update(Account).where(Account.id == user_id, Account.password_hash == old).values(password_hash=new)
            )

    @asynccontextmanager
    async def _changing(self, email: str) -> AsyncIterator[tuple[Connection, Profile]]:
        """An account whose row is locked until the block's changes are committed; then the listener is told."""
        async with self._database.system().transaction() as connection:
            account = await hold(connection, email)
            yield connection, account
        await self._on_access_change(account.user_id, None)
