"""The vault: users' secrets, put in by their owners, sealed, and opened for their owners' runs alone."""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import delete, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from netra.auth.audit import note
from netra.db.database import Database
from netra.db.scope import as_system, connection_of
from netra.db.tables import Account, SecretRow
from netra.env import INHERITED_NAMES
from netra.errors import Conflict, InvalidInput, NotFound, Unavailable
from netra.ids import UserId
from netra.protocols.value import objection
from netra.vault.scrub import SHORTEST
from netra.vault.sealing import Sealed, SealingKeys, SecretUnreadable

PER_USER: Final = 100
"""Secrets that one user may keep. Each is opened for every run, and looked for in all that it shows."""

LONGEST: Final = 16 * 1024
"""Characters of a value: room for a certificate chain with its key."""

NAME: Final = re.compile(r"[A-Z][A-Z0-9_]{0,63}", re.ASCII)

UNTIL_CONFIGURED: Final = 300.0
"""Seconds after which it makes sense to ask a server without a key again: somebody has to give it one and restart it."""

AT_ONCE: Final = 500
"""Rows that are sealed anew in one transaction. It holds their locks for some tens of milliseconds."""

# Names that mean something to a shell, a language, the linker or TLS. A run may hand its environment to a program, and whoever
# may write a secret is not to decide what that program loads, executes or trusts.
RESERVED_PREFIXES: Final = ("NETRA_", "LD_", "DYLD_", "PYTHON", "LC_", "XDG_", "MALLOC_", "GIT_CONFIG")
RESERVED: Final = INHERITED_NAMES | frozenset(
    """
    IFS ENV BASH_ENV BASHOPTS SHELLOPTS CDPATH PS4 PROMPT_COMMAND EDITOR VISUAL PAGER BROWSER PWD OLDPWD
    NODE_OPTIONS NODE_PATH NODE_EXTRA_CA_CERTS NODE_TLS_REJECT_UNAUTHORIZED
    PERL5LIB PERL5OPT PERLLIB PERL5DB RUBYLIB RUBYOPT PHPRC PHP_INI_SCAN_DIR
    CLASSPATH JAVA_HOME JAVA_TOOL_OPTIONS JDK_JAVA_OPTIONS LUA_PATH LUA_CPATH
    GIT_SSH GIT_SSH_COMMAND GIT_ASKPASS GIT_EXEC_PATH GIT_EDITOR GIT_PAGER GIT_EXTERNAL_DIFF GIT_PROXY_COMMAND
    GIT_SSL_NO_VERIFY GIT_TEMPLATE_DIR SSH_ASKPASS SSH_AUTH_SOCK
    GCONV_PATH GETCONF_DIR GLIBC_TUNABLES HOSTALIASES LOCALDOMAIN LOCPATH NLSPATH RESOLV_HOST_CONF RES_OPTIONS TERMINFO
    OPENSSL_CONF OPENSSL_ENGINES OPENSSL_MODULES REQUESTS_CA_BUNDLE CURL_CA_BUNDLE CURL_HOME WGETRC SSLKEYLOGFILE
    HTTP_PROXY HTTPS_PROXY FTP_PROXY ALL_PROXY NO_PROXY
    VIRTUAL_ENV
    """.split()
)


class SecretsNotConfigured(Unavailable):
    """This server keeps no secrets: its operator has given it no key to seal them with."""

    code, status = "secrets_not_configured", 503


class InvalidSecret(InvalidInput):
    """A secret has a name of capitals, digits and `_` that no program gives a meaning to, and 8 to 16,384 characters."""

    code = "invalid_secret"


class TooManySecrets(Conflict):
    """You have as many secrets as one user may have; remove one first."""

    code = "too_many_secrets"


class SealingKeyMissing(Conflict):
    """There are secrets that none of the given keys opens."""

    code = "sealing_key_missing"


@dataclass(frozen=True, slots=True)
class SecretRecord:
    """What is told of a secret: everything but its value."""

    name: str
    created_at: datetime
    updated_at: datetime


@dataclass(slots=True)
class Rotation:
    """How far a rotation has come."""

    wanted: int
    """Secrets that were not under the first key when it began."""
    sealed: int = 0
    """Sealed anew."""
    unreadable: list[tuple[UserId, str]] = field(default_factory=list)
    """Whose key is here and does not open them: they were changed outside Netra. Left as they are."""


class Vault:
    """The secrets of every user, each reached through its owner's scope."""

    def __init__(self, database: Database, keys: SealingKeys | None) -> None:
        """Without `keys` nothing is kept: what users and operators ask for raises `SecretsNotConfigured`."""
        self._database = database
        self._keys = keys

    async def put(self, user_id: UserId, name: str, value: str) -> None:
        """Keep a secret, in place of an earlier one of that name. Raises `InvalidSecret`, `TooManySecrets`."""
        keys = self._with_keys()
        require_fit(name, value)
        sealed = keys.seal(user_id, name, value)
        written = {"key_id": sealed.key_id, "sealed": sealed.data}
        async with self._database.for_user(user_id).session() as session:
            # The account's row is the lock that makes the count below true for simultaneous callers.
            await session.execute(select(Account.id).where(Account.id == user_id).with_for_update(key_share=True))
            others = select(func.count()).select_from(SecretRow).where(SecretRow.name != name)
            if (await session.scalar(others) or 0) >= PER_USER:
                raise TooManySecrets
            await session.execute(
                insert(SecretRow)
                .values(user_id=user_id, name=name, **written)
                .on_conflict_do_update(
                    index_elements=[SecretRow.user_id, SecretRow.name], set_={**written, "updated_at": func.now()}
                )
            )
            connection = await connection_of(session)
            async with as_system(connection):
                await note(connection, "secret_kept", user_id, actor_id=user_id, name=name)

    async def names(self, user_id: UserId) -> Sequence[SecretRecord]:
        """What the user keeps, by name."""
        self._with_keys()
        query = select(SecretRow.name, SecretRow.created_at, SecretRow.updated_at).order_by(SecretRow.name)
        async with self._database.for_user(user_id).session() as session:
            return [SecretRecord(*row) for row in await session.execute(query)]

    async def remove(self, user_id: UserId, name: str) -> None:
        """Forget a secret. Runs that have begun keep what they saw. Raises `NotFound`."""
        self._with_keys()
        if NAME.fullmatch(name) is None:
            raise NotFound  # and perhaps nothing that the database could be asked for
        gone = delete(SecretRow).where(SecretRow.user_id == user_id, SecretRow.name == name).returning(SecretRow.name)
        async with self._database.for_user(user_id).session() as session:
            if await session.scalar(gone) is None:
                raise NotFound
            connection = await connection_of(session)
            async with as_system(connection):
                await note(connection, "secret_removed", user_id, actor_id=user_id, name=name)

    async def open_all(self, user_id: UserId) -> Mapping[str, str]:
        """Every secret of the user, open. Raises `SecretUnreadable` when there is one that cannot be opened."""
        keys = self._keys
        async with self._database.for_user(user_id).transaction() as connection:
            cursor = await connection.execute(
                "SELECT name, key_id, sealed FROM secret WHERE user_id = %s ORDER BY name", [user_id]
            )
            rows = await cursor.fetchall()
        if not rows:
            return {}
        if keys is None:
            raise SecretUnreadable("this user's secrets cannot be opened: this server was given no key.")
        return {name: keys.open(user_id, name, Sealed(key_id, data)) for name, key_id, data in rows}

    async def rotate(self, at_once: int = AT_ONCE) -> AsyncIterator[Rotation]:
        """Seal every secret anew that is not under the first key; yield how far this is, after each transaction.

        A rotation that is stopped anywhere has done whole transactions, and the next goes on with the rest. Raises
        `SealingKeyMissing`, before anything is changed, when there are secrets that none of the keys opens.
        """
        keys = self._with_keys()
        rotation = Rotation(await self._count_for(keys))
        place = SecretRow.user_id, SecretRow.name
        stale = select(SecretRow).where(SecretRow.key_id != keys.first).order_by(*place).limit(at_once).with_for_update()
        query, rows = stale, True
        while rows:
            async with self._database.system().session() as session:
                rows = False
                for row in await session.scalars(query):
                    rows = True
                    user_id = UserId(row.user_id)
                    query = stale.where(tuple_(*place) > (row.user_id, row.name))
                    try:
                        value = keys.open(user_id, row.name, Sealed(row.key_id, row.sealed))
                    except SecretUnreadable:
                        if row.key_id not in keys.ids:
                            raise SealingKeyMissing(_missing({row.key_id: 1})) from None  # of a server that has more keys
                        rotation.unreadable.append((user_id, row.name))
                        continue
                    sealed = keys.seal(user_id, row.name, value)
                    row.key_id, row.sealed = sealed.key_id, sealed.data
                    rotation.sealed += 1
            if rows:
                yield rotation

    async def _count_for(self, keys: SealingKeys) -> int:
        """How many secrets are not under the first key. Raises `SealingKeyMissing`."""
        async with self._database.system().session() as session:
            query = select(SecretRow.key_id, func.count()).group_by(SecretRow.key_id).order_by(SecretRow.key_id)
            counts = dict((await session.execute(query)).all())
        if missing := {key_id: count for key_id, count in counts.items() if key_id not in keys.ids}:
            raise SealingKeyMissing(_missing(missing))
        return sum(counts.values()) - counts.get(keys.first, 0)

    def _with_keys(self) -> SealingKeys:
        if self._keys is None:
            raise SecretsNotConfigured(retry_after=UNTIL_CONFIGURED)
        return self._keys


def require_fit(name: str, value: str) -> None:
    """Raise `InvalidSecret` unless a secret can have this name and this value."""
    if NAME.fullmatch(name) is None:
        raise InvalidSecret("The name of a secret has capitals, digits and _, at most 64, a letter first.", field="name")
    if name in RESERVED or name.startswith(RESERVED_PREFIXES):
        raise InvalidSecret(f"{name} changes how programs run, so no secret can have that name.", field="name")
    if not SHORTEST <= len(value) <= LONGEST:
        raise InvalidSecret(f"A secret has {SHORTEST} to {LONGEST:,} characters.", field="value")
    if (complaint := objection(value)) is not None:
        raise InvalidSecret(f"The value {complaint}.", field="value")


def _missing(counts: Mapping[str, int]) -> str:
    each = ", ".join(f"{count} under {key_id}" for key_id, count in counts.items())
    return (
        f"There are secrets that none of the given keys opens ({each}). Add those keys to NETRA_SECRET_KEYS, behind the first."
    )
