"""Tokens of users where a server has no sign-up: signed with the key that the server checks them by."""

import time
from typing import Any, Final

import jwt

LIFETIME: Final = 3600
"""Seconds; longer than a proof, because a server without sign-up has no refresh either."""


def signed(user_id: str, key: str, **claims: Any) -> str:
    """A JSON Web Token of this user (HS256): `sub`, `iat`, `exp`, and what else a server asks for."""
    now = int(time.time())
    return jwt.encode({"sub": user_id, "iat": now, "exp": now + LIFETIME, **claims}, key, algorithm="HS256")
