"""Who is asking, as a required argument.

A `UserScope` is the only handle that reaches a user's rows, and it names the user before the first statement of every
transaction, so that row-level security refuses what the code forgot. A `SystemScope` is another database role, for the
queue, retention, counts and sign-in look-ups.

Both give the same two things with the same meaning: a SQLAlchemy session or a psycopg connection, each inside one
transaction that commits on success and rolls back on an error or a cancellation.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool, PoolTimeout, TooManyRequests
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from netra.errors import Unavailable
from netra.ids import UserId


class DatabaseBusy(Unavailable):
    """Every database connection is in use; try again shortly."""

    code = "database_busy"


class Scope:
    """Transactions of one database role, perhaps on behalf of one user."""

    def __init__(
        self, pool: AsyncConnectionPool[AsyncConnection[tuple[Any, ...]]], engine: AsyncEngine, user_id: UserId | None
    ) -> None:
        self._pool = pool
        self._engine = engine
        self._user_id = user_id

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """A SQLAlchemy session in one transaction: committed when the block ends, rolled back when it raises."""
        async with AsyncSession(self._engine, expire_on_commit=False) as session:
            try:
                async with session.begin():
                    if self._user_id is not None:
                        # true: for this transaction only. A session-level SET would stay on the pooled connection and
                        # show the next user this one's rows.
                        await session.execute(
                            text("SELECT set_config('netra.user_id', :user_id, true)"), {"user_id": str(self._user_id)}
                        )
                    yield session
            except (PoolTimeout, TooManyRequests) as error:
                raise DatabaseBusy from error

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection[tuple[Any, ...]]]:
        """A psycopg connection (rows are tuples) in one transaction, with the meaning of `session`."""
        try:
            async with self._pool.connection() as connection, connection.transaction():
                if self._user_id is not None:
                    await connection.execute("SELECT set_config('netra.user_id', %s, true)", [str(self._user_id)])
                yield connection
        except (PoolTimeout, TooManyRequests) as error:
            raise DatabaseBusy from error


class UserScope(Scope):
    """Transactions that see one user's rows and nobody else's."""

    def __init__(
        self, pool: AsyncConnectionPool[AsyncConnection[tuple[Any, ...]]], engine: AsyncEngine, user_id: UserId
    ) -> None:
        super().__init__(pool, engine, user_id)
        self.user_id = user_id


class SystemScope(Scope):
    """Transactions of the system role, which sees every user's rows. Each use of it is worth a reviewer's question."""

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection[tuple[Any, ...]]], engine: AsyncEngine) -> None:
        super().__init__(pool, engine, None)
