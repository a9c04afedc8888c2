"""Who is asking, as a required argument.

A `UserScope` is the only handle that reaches a user's rows, and it names the user before the first statement of every
transaction, so that row-level security refuses what the code forgot. A `SystemScope` is another database role, for the
queue, retention, counts and sign-in look-ups.

Both give the same two things with the same meaning: a SQLAlchemy session or a psycopg connection, each inside one
transaction that commits on success and rolls back on an error or a cancellation.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final, LiteralString

import psycopg
from psycopg import AsyncConnection
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout, TooManyRequests
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from netra.db import roles
from netra.errors import Unavailable
from netra.ids import UserId

BEGIN: Final = """\
SELECT set_config('netra.user_id', {user}, true), set_config('role', {role}, true),
       set_config('search_path', 'public, pg_temp', true), set_config('row_security', 'on', true),
       set_config('timezone', 'UTC', true)"""
"""The first statement of every transaction: whose rows, as which role, in which schema.

`true` is for this transaction only: a session-level SET would stay on the pooled connection and show the next user this
one's rows. What the connection was opened with is set again, because an earlier borrower may have left a SET ROLE, or a
temporary table that hides one of ours, behind. In a statement that is sent anyway this costs nothing measurable; a `reset`
of the pool would cost each transaction a round trip, a quarter of its time.
"""

SWITCH: Final = "SELECT current_setting('role'), set_config('role', %(role)s, true)"
"""The role of the transaction up to now, and another one from now on."""


class DatabaseUnreachable(Unavailable):
    """The database does not answer."""

    code = "database_unreachable"


class DatabaseFull(DatabaseUnreachable):
    """The database has no room for more; nothing of this request was kept."""

    # To whoever waits for a database that is away, one that is full is the same: it takes nothing now, and will again.
    code = "database_full"


class DatabaseBusy(Unavailable):
    """Every database connection is in use; try again shortly."""

    code = "database_busy"


class Scope:
    """Transactions of one database role, perhaps on behalf of one user."""

    def __init__(
        self,
        pool: AsyncConnectionPool[AsyncConnection[tuple[Any, ...]]],
        engine: AsyncEngine,
        role: str,
        user_id: UserId | None,
    ) -> None:
        self._pool = pool
        self._engine = engine
        self._begin = {"role": role, "user": "" if user_id is None else str(user_id)}
        # One message for BEGIN and what belongs to it, and so one round trip. Messages of several statements take no
        # parameters: a role is one of ours, and a UUID is spelt by its own class.
        self._begin_at_once = ("BEGIN; " + BEGIN.format(user=f"'{self._begin['user']}'", role=f"'{role}'")).encode()

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """A SQLAlchemy session in one transaction: committed when the block ends, rolled back when it raises.

        Raises `DatabaseBusy` when no connection comes free, `DatabaseFull` when its disk is full, `DatabaseUnreachable` when
        the database is or goes away; if it goes away during the commit, nobody knows whether that happened.
        """
        with _absence_in_our_words():
            async with AsyncSession(self._engine, expire_on_commit=False) as session, session.begin():
                await session.execute(_BEGIN_SESSION, self._begin)
                yield session

    @asynccontextmanager
    async def transaction(self, turn: LiteralString | None = None) -> AsyncIterator[AsyncConnection[tuple[Any, ...]]]:
        """A psycopg connection (rows are tuples) in one transaction, with the meaning and the errors of `session`.

        Transactions of one user that name the same `turn` take turns, each from its first statement to its end.
        """
        begin = self._begin_at_once
        if turn is not None:
            # Those after it see what the transaction before has written: each statement looks at the database anew.
            begin += f", pg_advisory_xact_lock(hashtextextended('{turn}/{self._begin['user']}', 0))".encode()
        with _absence_in_our_words():
            # The pool's connections begin no transaction of their own; leaving the block ends ours, by COMMIT or ROLLBACK.
            async with self._pool.connection() as connection:
                await connection.execute(begin, prepare=False)
                yield connection


class UserScope(Scope):
    """Transactions that see one user's rows and nobody else's."""

    def __init__(
        self, pool: AsyncConnectionPool[AsyncConnection[tuple[Any, ...]]], engine: AsyncEngine, user_id: UserId
    ) -> None:
        # none: the role that the connection signed in as.
        super().__init__(pool, engine, "none", user_id)
        self.user_id = user_id


class SystemScope(Scope):
    """Transactions of the system role, which sees every user's rows. Each use of it is worth a reviewer's question."""

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection[tuple[Any, ...]]], engine: AsyncEngine, role: str) -> None:
        super().__init__(pool, engine, role, None)

    async def fetch(self, query: LiteralString, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Execute one statement in a transaction of its own, in one round trip; return its rows. Errors as `session`."""
        with _absence_in_our_words():
            async with self._pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
                async with connection.pipeline():
                    # What goes to the server before a pipeline ends is one transaction, so this holds for what follows it.
                    await connection.execute(_BEGIN_PIPELINE, self._begin)
                    await cursor.execute(query, parameters)
                # Only the end of the pipeline brings the answers.
                return await cursor.fetchall() if cursor.description else []


async def connection_of(session: AsyncSession) -> AsyncConnection[tuple[Any, ...]]:
    """The psycopg connection of a session's transaction, for what is written in SQL and belongs into the same transaction."""
    raw = await (await session.connection()).get_raw_connection()
    assert isinstance(raw.driver_connection, AsyncConnection)
    return raw.driver_connection


@asynccontextmanager
async def as_system(connection: AsyncConnection[tuple[Any, ...]]) -> AsyncIterator[None]:
    """Work as the system role inside the caller's own transaction, and then as before.

    For what somebody may do to other people's rows and what has to commit together with rows of their own. Whoever opens
    this has decided that they may. The role is the transaction's alone, like everything that `BEGIN` sets: it ends with
    the block, and with the transaction in any case.
    """
    cursor = await connection.execute(SWITCH, {"role": roles.SYSTEM})
    row = await cursor.fetchone()
    assert row is not None
    try:
        yield
    finally:
        # In a transaction that has failed nothing is done any more, and its rollback takes the role back.
        if connection.info.transaction_status is TransactionStatus.INTRANS:
            await connection.execute(SWITCH, {"role": row[0]})


_BEGIN_SESSION: Final = text(BEGIN.format(user=":user", role=":role"))
_BEGIN_PIPELINE: Final = BEGIN.format(user="%(user)s", role="%(role)s")


@contextmanager
def _absence_in_our_words() -> Iterator[None]:
    """Raise `DatabaseBusy`, `DatabaseFull` and `DatabaseUnreachable` for what pool, driver and SQLAlchemy call by many names.

    Anything else that the database says (a constraint, a deadlock) passes as it is.
    """
    try:
        yield
    except (psycopg.Error, DBAPIError) as error:
        match error.orig if isinstance(error, DBAPIError) else error:
            case PoolTimeout() | TooManyRequests():
                raise DatabaseBusy from error
            case psycopg.errors.DiskFull():
                raise DatabaseFull from error
            # Without a SQLSTATE it is the driver that speaks, of a connection that broke. The others are the server's last
            # words on one: it shuts down, it has crashed, the transaction lay idle for too long.
            case psycopg.OperationalError(sqlstate=None):
                raise DatabaseUnreachable from error
            case psycopg.Error(sqlstate=str(state)) if state.startswith(("08", "57P", "25P03")):
                raise DatabaseUnreachable from error
        raise
