"""The keys that sign access tokens: made at the first start, kept in the database, rotated by command.

Every process holds the few keys that count in memory and reads them again when they are a minute old, or sooner when a
token names one it has not seen. So there are two promises about time: a rotation reaches every process within a minute, and
a retired key verifies until the last token that any process may have signed with it has expired.
"""

import asyncio
import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from sqlalchemy import delete, func, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from netra.auth.audit import record
from netra.clock import Clock
from netra.db.database import Database
from netra.db.tables import SigningKey
from netra.errors import NetraError

STALE: Final = 60.0
"""Seconds after which a process reads the keys again."""

BETWEEN_READS: Final = 1.0
"""Seconds between two reads at least. Anybody can invent key ids, and must not make us ask the database for each."""

KEY_ID: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


class NoSigningKey(NetraError):
    """There is no key to sign tokens with. Start the server once, or run `netra keys rotate`."""

    code, status = "no_signing_key", 503


@dataclass(frozen=True, slots=True)
class KeyPair:
    """One Ed25519 key. `retired_at` is None for the key that signs."""

    kid: str
    private: Ed25519PrivateKey
    public: Ed25519PublicKey
    created_at: datetime
    retired_at: datetime | None

    @classmethod
    def load(cls, kid: str, pem: str, created_at: datetime, retired_at: datetime | None) -> "KeyPair":
        private = load_pem_private_key(pem.encode(), password=None)
        assert isinstance(private, Ed25519PrivateKey)
        return cls(kid, private, private.public_key(), created_at, retired_at)

    def __repr__(self) -> str:
        return f"KeyPair(kid={self.kid!r}, retired_at={self.retired_at})"


@dataclass(frozen=True, slots=True)
class KeyStatus:
    """What an operator is told of a key: when it was made, when it was retired, until when it still verifies."""

    kid: str
    created_at: datetime
    retired_at: datetime | None
    verifies_until: datetime | None


class SigningKeys:
    """The signing keys of one database, as one process knows them."""

    def __init__(self, database: Database, clock: Clock, *, token_lifetime: float) -> None:
        """`token_lifetime`: seconds that an access token is good for."""
        self._database = database
        self._clock = clock
        # Another process may sign with a retired key until it reads the keys again.
        self._grace = timedelta(seconds=token_lifetime + STALE)
        self._keys: dict[str, KeyPair] = {}
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()
        self._begun = self._completed = 0  # the numbers of the last read that began, and of the last that succeeded

    async def ensure(self) -> None:
        """Make the first key if there is none, and read what there is. Any number of processes may do so at once."""
        async with self._database.system().session() as session:
            await _lock(session)
            if await session.scalar(select(SigningKey.kid).where(SigningKey.retired_at.is_(None))) is None:
                _add(session)
        await self._read_since(self._begun)

    async def signing(self) -> KeyPair:
        """The key that signs. Raises `NoSigningKey` before `ensure`."""
        await self._refresh_stale()
        for key in self._keys.values():
            if key.retired_at is None:
                return key
        raise NoSigningKey

    async def find(self, kid: str) -> Ed25519PublicKey | None:
        """The public key that `kid` names, or None.

        An id that this process has not seen may be one second old, so it waits for a read that began after the question
        before it says no: a token of a process that has just rotated is never refused because somebody floods us with
        invented ids. They wait in one line for one read a second.
        """
        if KEY_ID.fullmatch(kid) is None:
            return None
        asked = self._begun
        await self._refresh_stale()
        if kid not in self._keys:
            await self._read_since(asked)
        key = self._keys.get(kid)
        return key.public if key else None

    async def jwks(self) -> dict[str, Any]:
        """The public keys as a JSON Web Key Set (RFC 7517, RFC 8037)."""
        await self._refresh_stale()
        return {"keys": [{**jwk(key.public), "kid": key.kid, "use": "sig", "alg": "EdDSA"} for key in self._keys.values()]}

    async def rotate(self, *, drop_old: bool = False) -> str:
        """Make a new key that signs from now on and return its id.

        The old one verifies until its last token has expired; with `drop_old` it is forgotten, and so every access token
        ends within a minute. Sessions stay: clients refresh.
        """
        async with self._database.system().session() as session:
            await _lock(session)
            if drop_old:
                await session.execute(delete(SigningKey))
            else:
                await session.execute(update(SigningKey).where(SigningKey.retired_at.is_(None)).values(retired_at=func.now()))
            kid = _add(session)
            record(session, "signing_key_rotated", None, actor_id=None, kid=kid, old_dropped=drop_old)
        self._read_at = float("-inf")
        return kid

    async def list(self) -> Sequence[KeyStatus]:
        """Every key that the database holds, the newest first."""
        verifies_until = SigningKey.retired_at + self._grace
        query = select(SigningKey.kid, SigningKey.created_at, SigningKey.retired_at, verifies_until)
        async with self._database.system().session() as session:
            rows = await session.execute(query.order_by(SigningKey.created_at.desc(), SigningKey.kid))
            return [KeyStatus(*row) for row in rows]

    async def sweep(self) -> int:
        """Remove keys whose last token has expired; returns how many."""
        async with self._database.system().session() as session:
            gone = await session.scalars(
                delete(SigningKey).where(SigningKey.retired_at + self._grace < func.now()).returning(SigningKey.kid)
            )
            return len(gone.all())

    async def _refresh_stale(self) -> None:
        if self._clock.monotonic() - self._read_at > STALE:
            await self._read_since(self._begun)

    async def _read_since(self, asked: int) -> None:
        """Return once a read has succeeded that began after read number `asked` did; all who wait share one."""
        async with self._reading:
            if self._completed > asked:
                return
            if (wait := self._read_at + BETWEEN_READS - self._clock.monotonic()) > 0:
                await self._clock.sleep(wait)
            self._begun += 1
            self._read_at = self._clock.monotonic()
            query = select(SigningKey.kid, SigningKey.private_key, SigningKey.created_at, SigningKey.retired_at).where(
                or_(SigningKey.retired_at.is_(None), SigningKey.retired_at + self._grace > func.now())
            )
            async with self._database.system().session() as session:
                rows = (await session.execute(query.order_by(SigningKey.created_at.desc()))).all()
            self._keys = {row.kid: KeyPair.load(*row) for row in rows}
            self._completed = self._begun


def jwk(public: Ed25519PublicKey) -> dict[str, str]:
    """The required members of a public key's JSON Web Key, in the order that RFC 7638 hashes them."""
    return {"crv": "Ed25519", "kty": "OKP", "x": _base64url(public.public_bytes_raw())}


def thumbprint(public: Ed25519PublicKey) -> str:
    """The key's RFC 7638 thumbprint, which is its id: 43 characters."""
    members = ",".join(f'"{name}":"{value}"' for name, value in jwk(public).items())
    return _base64url(hashlib.sha256(f"{{{members}}}".encode()).digest())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _add(session: AsyncSession) -> str:
    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    kid = thumbprint(private.public_key())
    session.add(SigningKey(kid=kid, private_key=pem))
    return kid


async def _lock(session: AsyncSession) -> None:
    """Let one process at a time decide which key signs."""
    await session.execute(text("SELECT pg_advisory_xact_lock(hashtext('netra signing keys'))"))
