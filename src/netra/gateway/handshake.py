"""Who may open a socket, decided from the request's headers before anything is accepted. No I/O.

Browsers attach a user's cookies and let any page open a socket to any server; what tells our page from an evil one is
`Origin` alone. So it is compared whole, with an exact list, before anything else is looked at.
"""

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import parse_qs

from netra.errors import Forbidden, Unauthenticated
from netra.protocols.websocket import CARRIER, VERSION, VERSION_SYNONYM

LONGEST_TOKEN: Final = 8192


class OriginNotAllowed(Forbidden):
    """Only allowed origins may do this; NETRA_ALLOWED_ORIGINS names them. A program that opens a socket sends one, too."""

    code = "origin_not_allowed"


@dataclass(frozen=True, slots=True)
class Credential:
    """What a client offers as proof of who it is."""

    kind: Literal["bearer", "ticket"]
    secret: str

    def __repr__(self) -> str:
        return f"Credential(kind={self.kind!r})"


def check_origin(headers: Iterable[tuple[bytes, bytes]], allowed: frozenset[str]) -> None:
    """Raise `OriginNotAllowed` unless there is exactly one Origin, and it is spelt exactly as in `allowed`."""
    origins = [value.decode("latin-1") for name, value in headers if name == b"origin"]
    if len(origins) != 1 or origins[0] not in allowed:
        raise OriginNotAllowed


def choose_subprotocol(offered: Sequence[str]) -> str | None:
    """The subprotocol to select: ours, or its synonym. Never the one that carries a token."""
    return next((known for known in (VERSION, VERSION_SYNONYM) if known in offered), None)


def read_credential(scope: Mapping[str, Any]) -> Credential | None:
    """What the request offers, in this order: Authorization, subprotocol, ticket. None: the first frame will say.

    Raises `Unauthenticated` for an offer that is malformed: falling through to the next would let a client believe that it
    is somebody whom it is not.
    """
    given = [value.decode("latin-1") for name, value in scope["headers"] if name == b"authorization"]
    if given:
        scheme, _, token = given[0].partition(" ")
        if len(given) > 1 or scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated
        return Credential("bearer", _short(token.strip()))
    carried = [name for name in scope.get("subprotocols", ()) if name.startswith(CARRIER)]
    if carried:
        if len(carried) > 1:
            raise Unauthenticated
        return Credential("bearer", _decode(carried[0].removeprefix(CARRIER)))
    tickets = parse_qs(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True).get("ticket", [])
    if tickets:
        if len(tickets) > 1:
            raise Unauthenticated
        return Credential("ticket", _short(tickets[0]))
    return None


def _decode(text: str) -> str:
    """Undo base64url; padding is optional, because `=` may not stand in a subprotocol's name."""
    try:
        return _short(base64.urlsafe_b64decode(_short(text) + "=" * (-len(text) % 4)).decode("ascii"))
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise Unauthenticated from None


def _short(text: str) -> str:
    if not 0 < len(text) <= LONGEST_TOKEN:
        raise Unauthenticated
    return text
