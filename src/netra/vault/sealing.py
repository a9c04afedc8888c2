"""Sealing: what makes a secret unreadable to whoever has the database and not the operator's keys.

AES-256-GCM with a random nonce of 96 bits. Whose secret it is and what it is called are authenticated with it, so that a row
that somebody copies to another user, or to another name, does not open there.
"""

import base64
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from netra.errors import NetraError
from netra.ids import UserId

KEY_BYTES: Final = 32

NONCE_BYTES: Final = 12
"""What GCM is made for. Drawn at random, 2^32 secrets under one key repeat a nonce with a chance below 2^-32 (NIST SP 800-38D,
section 8.3)."""

PURPOSE: Final = b"netra secret 1\0"
"""What is authenticated begins with it: bytes that one of the keys sealed for something else, one day, are no secret."""


class UnreadableKey(NetraError):
    """A key that seals secrets is an id, `=`, and 32 bytes in base64. Make one with `netra secrets generate-key`."""

    code = "unreadable_key"


class SecretUnreadable(NetraError):
    """A secret cannot be opened: its key is not here, or it was changed."""

    code = "secret_unreadable"


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed secret: nonce, ciphertext and tag, and the id of the key that opens it."""

    key_id: str
    data: bytes


class SealingKeys:
    """The operator's keys: the first seals, and each opens what it has sealed."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        """`keys` by id, each of 32 bytes, at least one."""
        self._keys = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self.first = next(iter(self._keys))
        """The id of the key that seals."""

    @classmethod
    def read(cls, keys: Mapping[str, str]) -> Self:
        """Keys in base64, by id. Raises `UnreadableKey`."""
        return cls({key_id: read_key(key_id, text) for key_id, text in keys.items()})

    @property
    def ids(self) -> Collection[str]:
        """The ids of all, the one that seals first."""
        return self._keys.keys()

    def seal(self, user_id: UserId, name: str, value: str) -> Sealed:
        """Seal a secret for this user and this name."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return Sealed(self.first, nonce + self._keys[self.first].encrypt(nonce, value.encode(), _bound_to(user_id, name)))

    def open(self, user_id: UserId, name: str, sealed: Sealed) -> str:
        """The secret. Raises `SecretUnreadable` without its key, and for what was not sealed for this user and name."""
        key = self._keys.get(sealed.key_id)
        if key is None:
            raise SecretUnreadable(f"the secret {name} cannot be opened: its key is not among those of this server.")
        nonce, ciphertext = sealed.data[:NONCE_BYTES], sealed.data[NONCE_BYTES:]
        try:
            return key.decrypt(nonce, ciphertext, _bound_to(user_id, name)).decode()
        except (InvalidTag, ValueError):  # ValueError: too short to hold a nonce
            raise SecretUnreadable(f"the secret {name} cannot be opened: it was changed, or its key was.") from None

    def __repr__(self) -> str:
        return f"SealingKeys({', '.join(self._keys)})"


def read_key(key_id: str, text: str) -> bytes:
    """The bytes of a key in base64. Raises `UnreadableKey`, in words that hold nothing of it."""
    try:
        key = base64.b64decode(text, validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise UnreadableKey(f"the key {key_id} is not base64 of {KEY_BYTES} bytes.")
    return key


def generate_key() -> tuple[str, str]:
    """A new key: its id, and its bytes in base64."""
    return f"key-{secrets.token_hex(4)}", base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def _bound_to(user_id: UserId, name: str) -> bytes:
    # The id has 16 bytes, always: no other user and name give the same.
    return PURPOSE + user_id.bytes + name.encode()
