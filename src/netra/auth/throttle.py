"""How often a sign-in may fail: counted for each account and each address in the database, where all processes see it.

The promise is that of all guesses at one account in one window, only the first few are ever *answered*; whatever comes
after is refused without saying whether it was right, even if the guesses were sent at the same moment to many processes.
So a guess is judged twice: before the password is hashed, which is cheap and stops a flood, and after it, in the same
statement that counts it, which is what makes the promise hold.

An honest sign-in clears the account's count but not the address's: otherwise an attacker would clear it with an account of
their own between two guesses.
"""

import hashlib
import ipaddress
from dataclasses import dataclass

from netra.db.database import Connection, Database
from netra.db.sql import NamedQueries
from netra.errors import TooManyRequests

QUERIES = NamedQueries("netra.auth", "throttle.sql")


class TooManyAttempts(TooManyRequests):
    """Too many failed sign-ins; wait before you try again."""

    code = "too_many_attempts"


@dataclass(frozen=True, slots=True)
class Counter:
    """What is counted, and how many failures a window has room for."""

    key: str
    attempts: int


class Throttle:
    """Failed sign-ins, by account and by address. Times are seconds."""

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

    async def fail(self, email: str, address: str) -> None:
        """Count one failure. Raises `TooManyAttempts` if there was no room for another answer."""
        counters = self._counters(email, address)
        async with self._database.system().transaction() as connection:
            # Always the address first: two transactions that take two rows in one order cannot wait for each other.
            for counter in counters:
                parameters = {"key": counter.key, "attempts": counter.attempts, **self._times}
                if await (await connection.execute(QUERIES["count"], parameters)).fetchone() is None:
                    await self._refuse_locked(connection, counters)
                    # Unlocked between the two statements. This guess stays unanswered all the same.
                    raise TooManyAttempts

    async def sweep(self) -> int:
        """Remove windows that have passed; returns how many."""
        async with self._database.system().transaction() as connection:
            return (await connection.execute(QUERIES["sweep"])).rowcount

    def _counters(self, email: str, address: str) -> tuple[Counter, Counter]:
        # A hash, because people type passwords into the field for the address by mistake.
        account = hashlib.sha256(email.encode("utf-8", "surrogatepass")).hexdigest()
        return Counter(f"address {network(address)}", self._per_address), Counter(f"account {account}", self._per_account)

    async def _refuse_locked(self, connection: Connection, counters: tuple[Counter, ...]) -> None:
        parameters = {"keys": [counter.key for counter in counters], "attempts": [counter.attempts for counter in counters]}
        row = await (await connection.execute(QUERIES["locked_for"], parameters)).fetchone()
        if row is not None and row[0] is not None:
            raise TooManyAttempts(retry_after=max(1.0, float(row[0])))


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
