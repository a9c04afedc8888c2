"""Passwords: what makes one acceptable, and argon2id in threads of its own.

A hash is made to be slow, so it never runs in the event loop, and only a few run at once: each takes 19 MiB and a whole
core. Callers beyond a bounded queue are refused, because a flood of sign-ins must not become everybody's outage.
"""

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, ParamSpec, TypeVar

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from pwdlib.hashers.argon2 import Argon2Hasher

from netra.errors import InvalidInput, Unavailable

MAX_LENGTH: Final = 1024
"""Characters. Longer ones only serve to keep a core busy."""

DISTINCT: Final = 5
"""Different characters that a password needs at least; `aaaaaaaaaaaa` and `121212121212` are the first to be tried."""

# The long ones among the most used passwords of public leaks; the length rule has already refused the others.
WEAK: Final = frozenset(
    "123456789012 1234567890123 12345678901234 123456789123456789 123123123123 abcdefghijkl abcdefghijklm abcdef123456 "
    "abc123abc123 admin1234567 administrator administrator1 changeme1234 changemeplease correcthorsebatterystaple football1234 "
    "iloveyou1234 iloveyouforever letmein12345 letmeinplease password1234 password12345 password123456 password123! "
    "passwordpassword p@ssw0rd1234 qwerty123456 qwerty1234567 qwertyqwerty qwertyuiop12 qwertyuiop123 qwertyuiop[] "
    "qwertyuiopasdfghjkl 1q2w3e4r5t6y 1qaz2wsx3edc zaq12wsxcde3 welcome12345 welcome123456 trustno1trustno1".split()
)

# The first choice of the OWASP Password Storage Cheat Sheet for argon2id: 19 MiB, two passes, one lane.
# pwdlib's default (64 MiB, three passes) takes four times as long for each honest sign-in, and buys a factor of two
# against somebody who already holds the whole database.
MEMORY_KIB: Final = 19_456
PASSES: Final = 2

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class WeakPassword(InvalidInput):
    """This password is too easy to guess."""

    code = "weak_password"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail, field="password")


class HashingBusy(Unavailable):
    """Too many people are signing in at this moment; try again shortly."""

    code = "hashing_busy"


class Passwords:
    """Checks and hashes passwords, `threads` at once and at most `waiting` more in the queue."""

    def __init__(
        self,
        *,
        minimum_length: int = 12,
        threads: int = 4,
        waiting: int = 256,
        memory_kib: int = MEMORY_KIB,
        passes: int = PASSES,
    ) -> None:
        self.minimum_length = minimum_length
        self._hash = PasswordHash([Argon2Hasher(time_cost=passes, memory_cost=memory_kib, parallelism=1)])
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="netra-password")
        self._room = threads + waiting

    def close(self) -> None:
        """Let the threads go; hashes that have not begun are dropped."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def check(self, password: str, *, email: str) -> None:
        """Raise `WeakPassword` unless `password` may protect the account of `email` (normalised)."""
        plain = _normalise(password)
        if len(plain) < self.minimum_length:
            raise WeakPassword(f"A password needs at least {self.minimum_length} characters.")
        if len(password) > MAX_LENGTH:
            raise WeakPassword(f"A password may have at most {MAX_LENGTH} characters.")
        folded = plain.casefold()
        if len(set(folded)) < DISTINCT:
            raise WeakPassword(f"A password needs at least {DISTINCT} different characters.")
        if folded in WEAK:
            raise WeakPassword("This password is among the first that an attacker tries.")
        name = email.partition("@")[0]
        # A name of two or three letters is in any long text by chance.
        if email in folded or (len(name) >= 4 and name in folded):
            raise WeakPassword("A password must not contain the name in your e-mail address.")

    async def hash(self, password: str) -> str:
        """Return the argon2id hash of `password`. Raises `HashingBusy`."""
        return await self._run(self._hash.hash, _normalise(password))

    async def verify(self, password: str, hashed: str) -> tuple[bool, str | None]:
        """Say whether `password` is the one behind `hashed`, and give a new hash if that one was made by older rules.

        Raises `HashingBusy`.
        """
        try:
            return await self._run(self._hash.verify_and_update, _normalise(password), hashed)
        except UnknownHashError:
            # An account that has no password to sign in with.
            await self.spend(password)
            return False, None

    async def spend(self, password: str) -> None:
        """Take as long as `verify` does, so that an unknown account cannot be told by the clock. Raises `HashingBusy`."""
        await self.hash(password)

    async def _run(self, work: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        if self._room == 0:
            raise HashingBusy
        self._room -= 1
        try:
            # The executor's own count of threads is the bound: when a caller is cancelled its hash still runs to the end.
            return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: work(*args, **kwargs))
        finally:
            self._room += 1


def _normalise(password: str) -> str:
    """One spelling for what looks and types the same: an é is one code point on some keyboards and two on others."""
    return unicodedata.normalize("NFKC", password)
