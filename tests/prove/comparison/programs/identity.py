"""Who is asking: the subject of a bearer token that was signed with the key that both sides of the comparison know."""

import os

import jwt

KEY = os.environ.get("COMPARISON_KEY", "")


def subject(authorization: str) -> str:
    """Raises `jwt.PyJWTError` for a token that nobody has signed."""
    return str(jwt.decode(authorization.removeprefix("Bearer "), KEY, algorithms=["HS256"])["sub"])
