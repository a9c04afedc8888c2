"""The connections of one process, and the two doors to rows: `for_user` and `system`.

One pool mechanism serves both styles of access: psycopg's pool holds the connections, and SQLAlchemy borrows from it. There
is a pool for each role, because a role is fixed when a connection opens; changing it on a pooled connection would be
state that the next borrower inherits.
"""

import asyncio
import select
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

from psycopg import AsyncConnection, OperationalError, ProgrammingError
from psycopg.abc import RV, PQGen
from psycopg.conninfo import conninfo_to_dict
from psycopg.errors import Diagnostic
from psycopg.errors import _WaitTimeout as WaitTimeout
from psycopg_pool import AsyncConnectionPool
from psycopg_pool._acompat import ACondition
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from netra.db import roles
from netra.db.scope import DatabaseUnreachable, SystemScope, UserScope
from netra.errors import Unavailable
from netra.ids import UserId

MINIMUM_VERSION: Final = 150000
"""PostgreSQL 15, as `server_version_num` counts."""

# How soon a connection counts as dead whose other end vanished without a word: ten seconds after the last sign of life, so
# that recovery stays below fifteen. A URL that says otherwise wins; a Unix socket needs none of it.
VANISHED: Final = {
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}

ABANDONED: Final = "-c idle_in_transaction_session_timeout=10s"
"""A process that is stopped, or cut off, in the middle of a transaction holds its locks, and a thread would wait for it with
everything that is to happen there. After this the server takes them back."""

PLANNED_ONCE: Final = "-c plan_cache_mode=force_generic_plan -c jit=off"
"""Every statement here finds its rows by key, whatever the values are. Planning the larger ones anew for each execution took
longer than executing them."""

CONNECT_WITHIN: Final = 5
"""Seconds for opening a connection."""

ANSWER_WITHIN: Final = 10.0
"""Seconds for one exchange. What lies between may go on acknowledging packets for ever that nobody answers: a proxy whose
server is gone, a backend that hangs. To the kernel such a connection lives."""

Connection = AsyncConnection[tuple[Any, ...]]


class DatabaseTooOld(Unavailable):
    """Netra needs PostgreSQL 15 or newer."""

    code = "database_too_old"


class _PooledConnection(AsyncConnection[tuple[Any, ...]]):
    """A connection that outlives its borrowers, and is closed when its server does not answer within `ANSWER_WITHIN`."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.heard_at = time.monotonic()
        """When its server last answered, by the monotonic clock."""

    async def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """Exchange something with the server. Raises `OperationalError` when no answer comes."""
        try:
            answer = await super().wait(gen, interval, ANSWER_WITHIN if timeout is None else timeout)
        except asyncio.CancelledError:
            if self.closed:
                self._distrust_others()  # the driver has asked the server to stop, and heard nothing
            raise
        except WaitTimeout:
            if timeout is not None:
                raise
            self.pgconn.finish()
            self._distrust_others()
            raise OperationalError(f"the server has not answered for {ANSWER_WITHIN:.0f} seconds") from None
        self.heard_at = time.monotonic()
        return answer

    def _distrust_others(self) -> None:
        """What has silenced this connection has likely silenced all that this process opened before."""
        pool = getattr(self, "_pool", None)
        if isinstance(pool, Pool):
            pool.trust.since = time.monotonic()

    def add_notice_handler(self, callback: Callable[[Diagnostic], None]) -> None:
        """Add a handler, once: SQLAlchemy adds its own at each borrow, and they would pile up."""
        with suppress(ValueError):
            self.remove_notice_handler(callback)
        super().add_notice_handler(callback)

    async def close(self) -> None:
        """Go back to the pool, broken or not: SQLAlchemy knows no other way to give a connection back.

        psycopg returns only those that still work, and the pool would wait for the others for ever.
        """
        pool = getattr(self, "_pool", None)  # none: the queue connects by this class too, to listen
        if self.closed and isinstance(pool, AsyncConnectionPool):
            await pool.putconn(self)
            self._pool = None
        else:
            await super().close()


if sys.version_info < (3, 12):
    # There `asyncio.wait_for`, by which the pool waits for a connection, loses a cancellation that comes in the same moment
    # as the connection, and who was told to end goes on for ever (github.com/python/cpython/issues/86296).
    async def _wait_or_be_cancelled(condition: ACondition, timeout: float) -> bool:
        try:
            async with asyncio.timeout(timeout):
                return await condition.wait()
        except TimeoutError:
            return False

    ACondition.wait_timeout = _wait_or_be_cancelled  # type: ignore[method-assign,assignment]


READERS: Final = 4
"""Connections for those who follow the log. Among two hundred users' requests for ten connections, readers did not get one."""


@dataclass(slots=True)
class Trust:
    """What the pools of one process know together of the way to their server."""

    since: float = 0.0
    """When a connection was found silent, by the monotonic clock. Those that were last heard before are not lent again."""


class Pool(AsyncConnectionPool[Connection]):
    """A pool that hands out no connection whose server has gone or has fallen silent, and replaces those at once.

    psycopg's own check is a round trip for each borrow, and waits a second, then two, after each dead connection that it
    meets. An idle PostgreSQL connection is silent, so a readable socket is already the answer, and asking the kernel costs
    two microseconds.
    """

    def __init__(self, *arguments: Any, trust: Trust, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.trust = trust

    async def getconn(self, timeout: float | None = None) -> Connection:
        while self._is_silent(connection := await super().getconn(timeout)) or _has_spoken(connection):
            connection.pgconn.finish()  # closed, it is replaced when it comes back; else it would just come back
            await self.putconn(connection)
        # As it was opened: SQLAlchemy switches it off for itself, and a borrower that was cancelled switches nothing back.
        if not connection.autocommit:
            await connection.set_autocommit(True)
        return connection

    def _is_silent(self, connection: Connection) -> bool:
        """Whether it was last heard before another one was found silent. Each would cost its borrower a whole wait."""
        return isinstance(connection, _PooledConnection) and connection.heard_at < self.trust.since


def _has_spoken(connection: Connection) -> bool:
    """Whether an idle connection holds something to read: the server hung up, or was restarted."""
    if connection.closed:
        return True
    # Not select.select: that refuses descriptors above 1,023, which a server with many sockets soon has.
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


class Database:
    """Every connection of this process. Open it with `Database.open`."""

    def __init__(
        self, url: str, app: Pool, readers: Pool, system: Pool, app_engine: AsyncEngine, system_engine: AsyncEngine
    ) -> None:
        self._url = url
        self._app = app
        self._readers = readers
        self._system = system
        self._app_engine = app_engine
        self._system_engine = system_engine

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, *, pool_size: int = 10, pool_timeout: float = 5.0) -> AsyncIterator["Database"]:
        """Connect as the role in `url`, refuse one that row-level security does not bind, and close everything at the end.

        `pool_size` connections at most for each of the two roles, and `READERS` for those who follow the log; a caller waits
        `pool_timeout` seconds for one, then gets `DatabaseBusy`.

        Raises `DatabaseUnreachable`, `DatabaseTooOld` or `UnsafeRole`.
        """
        async with AsyncExitStack() as stack:
            # Refuse before a pool exists: a pool would retry in the background what can never work.
            async with await connect(url) as connection:
                if connection.info.server_version < MINIMUM_VERSION:
                    raise DatabaseTooOld(
                        f"Netra needs PostgreSQL 15 or newer; this server is {connection.info.server_version // 10000}."
                    )
                await roles.refuse_unsafe(connection)
            trust = Trust()
            app = await stack.enter_async_context(_pool(url, None, trust, pool_size, pool_timeout))
            readers = await stack.enter_async_context(_pool(url, None, trust, READERS, pool_timeout, least=0))
            system = await stack.enter_async_context(_pool(url, roles.SYSTEM, trust, pool_size, pool_timeout))
            yield cls(url, app, readers, system, _engine(app, stack), _engine(system, stack))

    def for_user(self, user_id: UserId) -> UserScope:
        """The only handle that reaches this user's rows."""
        return UserScope(self._app, self._app_engine, user_id)

    def for_reader(self, user_id: UserId) -> UserScope:
        """The same, for whoever follows this user's log: over connections for which no request waits."""
        return UserScope(self._readers, self._app_engine, user_id)

    def system(self) -> SystemScope:
        """The system role: the queue, retention, counts, sign-in look-ups."""
        return SystemScope(self._system, self._system_engine, roles.SYSTEM)

    @property
    def system_pool(self) -> Pool:
        """The system role's pool itself, for the queue, which brings its own SQL."""
        return self._system

    async def connect_writer(self) -> Connection:
        """A connection of its own as the log's writer, who adds events for every user and can read none."""
        return await connect(self._url, role=roles.WRITER)

    async def connect_listener(self) -> Connection:
        """A connection of its own to LISTEN on."""
        return await connect(self._url)

    def waiting(self) -> int:
        """How many callers wait for a connection right now."""
        return sum(pool.get_stats().get("requests_waiting", 0) for pool in (self._app, self._readers, self._system))


def _arguments(url: str, role: str | None) -> dict[str, Any]:
    """What fixes role, schema and time zone for the whole life of a connection, and bounds its death.

    Raises `DatabaseUnreachable` for a URL that cannot be read.
    """
    try:
        given = conninfo_to_dict(url)
    except ProgrammingError:
        # The driver quotes the part that it cannot read, which may be the password.
        raise DatabaseUnreachable("the database URL cannot be read.") from None
    options = f"{ABANDONED} {PLANNED_ONCE} {given.get('options', '')} -c timezone=UTC -c search_path=public,pg_temp"
    if role is not None:
        options += f" -c role={role}"
    defaults = {"connect_timeout": CONNECT_WITHIN, "application_name": role or roles.APP, **VANISHED}
    return {**{name: value for name, value in defaults.items() if name not in given}, "options": options}


async def connect(url: str, *, role: str | None = None) -> Connection:
    """Open one connection, each statement its own transaction. Raises `DatabaseUnreachable` in words that hold no password."""
    try:
        return await AsyncConnection.connect(url, autocommit=True, **_arguments(url, role))
    except OperationalError as error:
        raise DatabaseUnreachable(f"the database does not answer ({type(error).__name__}).") from error


def _engine(pool: Pool, stack: AsyncExitStack) -> AsyncEngine:
    """SQLAlchemy over the same pool, disposed of with `stack`."""

    async def borrow() -> Connection:
        connection = await pool.getconn()
        await connection.set_autocommit(False)  # SQLAlchemy leaves BEGIN to the driver
        return connection

    # What a statement was given is its user's, and an error that nobody foresaw goes into the log.
    engine = create_async_engine("postgresql+psycopg://", poolclass=NullPool, async_creator=borrow, hide_parameters=True)
    stack.push_async_callback(engine.dispose)
    return engine


@asynccontextmanager
async def _pool(url: str, role: str | None, trust: Trust, size: int, timeout: float, *, least: int = 2) -> AsyncIterator[Pool]:
    pool = Pool(
        url,
        trust=trust,
        connection_class=_PooledConnection,
        # Without autocommit the driver would send a BEGIN of its own before ours, a round trip for each transaction.
        kwargs={**_arguments(url, role), "autocommit": True},
        min_size=min(least, size),
        max_size=size,
        # More waiting callers than this are refused at once: a queue that only grows helps nobody.
        max_waiting=size * 50,
        timeout=timeout,
        reconnect_timeout=30,
        close_returns=True,
        open=False,
        name=role or roles.APP,
    )
    async with pool:
        yield pool
