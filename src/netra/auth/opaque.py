"""Secrets that Netra hands out once and keeps only as a hash: refresh tokens, WebSocket tickets, API keys, links in mails.

They hold 256 random bits, so one round of SHA-256 is as good a guard as a slow password hash: there is nothing to guess.
The prefix says what a leaked one is, to people and to secret scanners, and keeps one kind from being taken for another.
"""

import hashlib
import secrets
from typing import Final

API_KEY: Final = "netra_"
REFRESH: Final = "refresh_"
TICKET: Final = "ticket_"
RESET: Final = "reset_"
STATE: Final = "state_"
BROWSER: Final = "browser_"

LENGTH: Final = 43
"""Characters after the prefix: 32 bytes in URL-safe base64 without padding."""


def mint(prefix: str) -> str:
    """Return a new secret of the kind that `prefix` names, safe in a URL and a header."""
    return prefix + secrets.token_urlsafe(32)


def digest(prefix: str, secret: str) -> bytes | None:
    """Return what is stored for `secret`, or None when it cannot be one of that kind.

    A lookup by this digest needs no constant-time comparison: an attacker cannot steer the digest of a guess.
    """
    if not secret.startswith(prefix) or len(secret) != len(prefix) + LENGTH or not secret.isascii():
        return None
    return hashlib.sha256(secret.encode("ascii")).digest()
