"""Access tokens: short-lived JWTs, signed with Ed25519, that say who somebody is and never what they may do.

Role and plan are not in them: those are read from the database with each request, so that a change applies at once.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import jwt

from netra.auth.keys import KeyPair, SigningKeys
from netra.clock import Clock
from netra.errors import Unauthenticated
from netra.ids import SessionId, UserId, new_uuid, parse_uuid

ALGORITHM: Final = "EdDSA"
"""The one algorithm there is. It is never taken from a token: that is how `none` and HS256-with-the-public-key get in."""

TYPE: Final = "access"

MAX_LENGTH: Final = 2048
"""Characters. Ours have about 500; a longer one is not looked at."""

YEAR_10000: Final = 253_402_300_800
"""Seconds of Unix time, where `datetime` ends."""

# PyJWT checks signature, issuer and audience. Times are compared with our own clock and types are checked below, because
# JSON has true for 1 and 1e400 for a date.
OPTIONS: Final[Any] = {
    "require": ["sub", "sid", "iat", "exp", "iss", "aud", "jti", "typ"],
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
    "strict_aud": True,
}


@dataclass(frozen=True, slots=True)
class Claims:
    """What a valid token proves: this user, in this session, until then (aware, UTC)."""

    user_id: UserId
    session_id: SessionId
    expires_at: datetime


class AccessTokens:
    """Signs and verifies access tokens."""

    def __init__(self, keys: SigningKeys, clock: Clock, *, issuer: str, audience: str, lifetime: float) -> None:
        """`lifetime`: seconds."""
        self._keys = keys
        self._clock = clock
        self._issuer = issuer
        self._audience = audience
        self.lifetime = lifetime

    def issue(self, key: KeyPair, user_id: UserId, session_id: SessionId) -> str:
        """Sign a token for a session that the caller has just proved to be this user's.

        The key is an argument (`await keys.signing()`) so that it is at hand before anything is written to the database:
        a sign-in must not be committed and then fail for want of a key.
        """
        now = self._clock.now().timestamp()
        claims = {
            "sub": str(user_id),
            "sid": str(session_id),
            "iat": int(now),
            "exp": int(now + self.lifetime),
            "iss": self._issuer,
            "aud": self._audience,
            "jti": str(new_uuid()),
            "typ": TYPE,
        }
        return jwt.encode(claims, key.private, algorithm=ALGORITHM, headers={"kid": key.kid})

    async def verify(self, token: str) -> Claims:
        """Return what `token` proves. Raises `Unauthenticated`, in the same words whatever is wrong with it."""
        if len(token) > MAX_LENGTH or not token.isascii():
            raise Unauthenticated
        try:
            kid = jwt.get_unverified_header(token).get("kid")
            public = await self._keys.find(kid) if isinstance(kid, str) else None
            if public is None:
                raise Unauthenticated
            claims = jwt.decode(
                token, public, algorithms=[ALGORITHM], audience=self._audience, issuer=self._issuer, options=OPTIONS
            )
        except jwt.InvalidTokenError:
            raise Unauthenticated from None
        user_id, session_id = (parse_uuid(claims[name]) if isinstance(claims[name], str) else None for name in ("sub", "sid"))
        issued, expires = claims["iat"], claims["exp"]
        now = self._clock.now().timestamp()
        if (
            user_id is None
            or session_id is None
            or type(issued) is not int
            or type(expires) is not int
            or not now < expires < YEAR_10000
            or claims["typ"] != TYPE
        ):
            raise Unauthenticated
        return Claims(UserId(user_id), SessionId(session_id), datetime.fromtimestamp(expires, UTC))
