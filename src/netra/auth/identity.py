"""Who is asking: from a bearer token, an API key or a ticket to an `Identity`, and whether it still holds.

A signature alone admits nobody. Each authentication reads account and session in one query, so a disabled account, a session
that was signed out or a changed role shows with the next request. What fails is always `Unauthenticated` in the same words.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

from netra.auth import opaque
from netra.auth.tokens import AccessTokens, Claims
from netra.clock import Clock
from netra.db.database import Database
from netra.db.sql import NamedQueries
from netra.errors import Unauthenticated
from netra.ids import SessionId, UserId

QUERIES: Final = NamedQueries("netra.auth", "identity.sql")

Via = Literal["token", "api_key", "ticket"]


class Proof(NamedTuple):
    """What an identity rests on: a session of the user, or one of the user's API keys."""

    user_id: UserId
    session_id: SessionId | None
    api_key_id: UUID | None


class BearerClaim(NamedTuple):
    """Whose a bearer says that it is, as far as it tells by itself: the database has not been asked yet."""

    whose: UserId | bytes
    """The user whom a token names, or the digest of an API key."""
    token: Claims | None
    """What a token's signature holds; None for an API key."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody who has proved who they are, with role and plan as they are in the database at this moment."""

    user_id: UserId
    session_id: SessionId | None
    """None for an API key."""
    api_key_id: UUID | None
    """None for a session."""
    email: str
    name: str
    role: str
    plan: str
    """The plan in force: `free` once a plan has run out."""
    feature_flags: tuple[str, ...]
    expires_at: datetime | None
    """When the access token expires (aware, UTC); None for an API key."""
    via: Via

    @property
    def proof(self) -> Proof:
        return Proof(self.user_id, self.session_id, self.api_key_id)


@dataclass(frozen=True, slots=True)
class Standing:
    """What somebody who is still signed in may do now."""

    role: str
    plan: str
    feature_flags: tuple[str, ...]


class Identities:
    """Authenticates requests and sockets, and checks open sockets again."""

    def __init__(self, database: Database, tokens: AccessTokens, clock: Clock) -> None:
        self._database = database
        self._tokens = tokens
        self._clock = clock

    async def authenticate(self, bearer: str) -> Identity:
        """Return who `bearer` proves to be, an access token or an API key. Raises `Unauthenticated`."""
        return await self.confirm(await self.read(bearer))

    async def read(self, bearer: str) -> BearerClaim:
        """Return whose `bearer` says that it is, an access token with a good signature or an API key. It admits nobody.

        Raises `Unauthenticated`.
        """
        if bearer.startswith(opaque.API_KEY):
            if (digest := opaque.digest(opaque.API_KEY, bearer)) is None:
                raise Unauthenticated
            return BearerClaim(digest, None)
        claims = await self._tokens.verify(bearer)
        return BearerClaim(claims.user_id, claims)

    async def confirm(self, claim: BearerClaim) -> Identity:
        """Return who a claim proves to be, as the database has it at this moment. Raises `Unauthenticated`."""
        if claim.token is None:
            return await self._by_api_key(claim.whose)
        row = await self._fetch("by_session", user_id=claim.token.user_id, session_id=claim.token.session_id)
        return _identity(row, "token", claim.token.expires_at)

    async def redeem(self, ticket: str) -> Identity:
        """Use a ticket up and return whose it is. Raises `Unauthenticated`.

        The identity expires as if an access token had been issued at this moment: a ticket is bought with one.
        """
        digest = opaque.digest(opaque.TICKET, ticket)
        if digest is None:
            raise Unauthenticated
        expires_at = self._clock.now() + timedelta(seconds=self._tokens.lifetime)
        return _identity(await self._fetch("by_ticket", hash=digest), "ticket", expires_at)

    async def recheck(self, proofs: Sequence[Proof]) -> Mapping[Proof, Standing]:
        """Say which proofs still hold, each with what its user may do now, in one query. What is missing has ended."""
        if not proofs:
            return {}
        columns = {
            "user_ids": [proof.user_id for proof in proofs],
            "session_ids": [proof.session_id for proof in proofs],
            "api_key_ids": [proof.api_key_id for proof in proofs],
        }
        rows = await self._database.system().fetch(QUERIES["recheck"], columns)
        return {proofs[row["nth"] - 1]: _standing(row) for row in rows}

    async def _by_api_key(self, digest: UserId | bytes) -> Identity:
        row = await self._fetch("by_api_key", hash=digest)
        if row.pop("stale"):
            async with self._database.system().transaction() as connection:
                await connection.execute(QUERIES["note_use"], {"user_id": row["user_id"], "api_key_id": row["api_key_id"]})
        return _identity(row, "api_key", None)

    async def _fetch(self, query: str, **parameters: Any) -> dict[str, Any]:
        rows = await self._database.system().fetch(QUERIES[query], parameters)
        if not rows:
            raise Unauthenticated
        return rows[0]


def _standing(row: Mapping[str, Any]) -> Standing:
    return Standing(row["role"], row["plan"], tuple(row["feature_flags"]))


def _identity(row: Mapping[str, Any], via: Via, expires_at: datetime | None) -> Identity:
    flags = tuple(row["feature_flags"])
    return Identity(**{**row, "feature_flags": flags}, via=via, expires_at=expires_at)
