"""How often a sign-in may fail, and how often what anybody may do: counted in the database, where all processes see it.

The promise is that of all guesses at one account in one window, only the first few are ever *answered*; whatever comes
after is refused without saying whether it was right, even if the guesses were sent at the same moment to many processes.
So a guess is judged twice: before the password is hashed, which is cheap and stops a flood, and after it, in the same
statement that counts it, which is what makes the promise hold.

An honest sign-in clears the account's count but not the address's: otherwise an attacker would clear it with an account of
their own between two guesses.
"""

import hashlib
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from netra.auth.audit import note
from netra.db.database import Connection, Database
from netra.db.sql import NamedQueries
from netra.errors import TooManyRequests
from netra.ids import UserId

QUERIES = NamedQueries("netra.auth", "throttle.sql")


class TooManyAttempts(TooManyRequests):
    """Too many failed sign-ins; wait before you try again."""

    code = "too_many_attempts"


class TooManyFromAddress(TooManyRequests):
    """Too much of this has been asked for from your network address; wait before you try again."""

    code = "too_many_from_address"


@dataclass(frozen=True, slots=True)
class Counter:
    """What is counted, and how often a window has room for it."""

    key: str
    attempts: int

    @classmethod
    def of_address(cls, what: str, address: str, attempts: int) -> Self:
        """`what` is a word or two that no other counter begins with."""
        return cls(f"{what} {network(address)}", attempts)

    @classmethod
    def of_account(cls, what: str, email: str, attempts: int) -> Self:
        # A hash, because people type passwords into the field for the address by mistake.
        return cls(f"{what} {hashlib.sha256(email.encode('utf-8', 'surrogatepass')).hexdigest()}", attempts)


class Throttle:
    """Failed sign-ins, by account and by address, and what else nobody may have without end. Times are seconds."""

    def __init__(
        self,
        database: Database,
        *,
        per_account: int = 5,
        per_address: int = 20,
        window: float = 900,
        lockout: float = 900,
    ) -> None:
        self._database = database
        self._per_account = per_account
        self._per_address = per_address
        self._times = {"window": window, "lockout": lockout}

    async def admit(self, email: str, address: str) -> None:
        """Raise `TooManyAttempts` if this account or this address has to wait."""
        async with self._database.system().transaction() as connection:
            await self._refuse_locked(connection, self._counters(email, address))

    async def succeed(self, email: str, address: str) -> None:
        """Forget the account's failures, unless it was locked while the password was being checked: `TooManyAttempts`."""
        counters = self._counters(email, address)
        async with self._database.system().transaction() as connection:
            await self._refuse_locked(connection, counters)
            await connection.execute(QUERIES["forget"], {"key": counters[1].key})

    async def fail(self, email: str, address: str, *, user_id: UserId | None = None, via: str = "password") -> None:
        """Count one failure. Raises `TooManyAttempts` if there was no room for another answer.

        It goes into the audit with `user_id`, the account that it was tried on (None: there is none). So does a lockout that
        begins with it. What is refused is not counted and leaves no line: nobody floods the audit faster than they may guess.
        """
        counters, place = self._counters(email, address), network(address)
        async with self._database.system().transaction() as connection:
            # Always the address first: two transactions that take two rows in one order cannot wait for each other.
            for counter, locked, whose in zip(counters, ("address", "account"), (None, user_id), strict=True):
                failures = await self._count(connection, counter, **self._times)
                if failures is None:
                    await self._refuse_locked(connection, counters)
                    # Unlocked between the two statements. This guess stays unanswered all the same.
                    raise TooManyAttempts
                if failures >= counter.attempts:
                    await note(connection, "sign_in_locked", whose, locked=locked, address=place)
            await note(connection, "sign_in_failed", user_id, via=via, address=place)

    async def take(self, counters: Sequence[Counter], window: float) -> None:
        """Count one use of what anybody may do, `attempts` times in `window` seconds. Raises `TooManyFromAddress`.

        Of several counters each has to have room; hand them over in one order always.
        """
        async with self._database.system().transaction() as connection:
            for counter in counters:
                if await self._count(connection, counter, window=window, lockout=window) is None:
                    raise TooManyFromAddress(retry_after=await self._locked_for(connection, (counter,)) or 1.0)

    async def forgive(self, email: str) -> None:
        """Forget the account's failures, its lockout included: its owner has proved who they are in another way."""
        async with self._database.system().transaction() as connection:
            await connection.execute(QUERIES["forget"], {"key": Counter.of_account("account", email, 0).key})

    async def sweep(self) -> int:
        """Remove windows that have passed; returns how many."""
        async with self._database.system().transaction() as connection:
            return (await connection.execute(QUERIES["sweep"])).rowcount

    def _counters(self, email: str, address: str) -> tuple[Counter, Counter]:
        return (
            Counter.of_address("address", address, self._per_address),
            Counter.of_account("account", email, self._per_account),
        )

    async def _count(self, connection: Connection, counter: Counter, *, window: float, lockout: float) -> int | None:
        """Count once more, and say how often it has been in this window; None when there was no room."""
        parameters = {"key": counter.key, "attempts": counter.attempts, "window": window, "lockout": lockout}
        row = await (await connection.execute(QUERIES["count"], parameters)).fetchone()
        return None if row is None else int(row[0])

    async def _refuse_locked(self, connection: Connection, counters: tuple[Counter, ...]) -> None:
        if (seconds := await self._locked_for(connection, counters)) is not None:
            raise TooManyAttempts(retry_after=seconds)

    async def _locked_for(self, connection: Connection, counters: tuple[Counter, ...]) -> float | None:
        parameters = {"keys": [counter.key for counter in counters], "attempts": [counter.attempts for counter in counters]}
        row = await (await connection.execute(QUERIES["locked_for"], parameters)).fetchone()
        return None if row is None or row[0] is None else max(1.0, float(row[0]))


def network(address: str) -> str:
    """Return what one client can hold of addresses: itself in IPv4, the /64 that a provider gives out in IPv6."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((int(parsed), 64), strict=False))
