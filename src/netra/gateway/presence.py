"""Everybody who is connected to this process right now, and whether they still may be.

A connection is admitted here, counted here, checked here again every few seconds (and at once when some process says that a
user's access changed), and told from here that the server is going away.
"""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final, Protocol

import psycopg

from netra.auth.identity import Identities, Identity, Standing
from netra.clock import Clock
from netra.errors import Unavailable
from netra.events.codec import Event
from netra.gateway.limits import TokenBucket, TooManyConnections, TooManyMessages
from netra.ids import UserId
from netra.streams.background import beside

logger = logging.getLogger(__name__)

CHECK_PAGE: Final = 1000
"""Proofs that one query asks about."""


CHECK_WITHIN: Final = 10.0
"""Seconds for one round. A connection to the database that died in silence never raises."""


class GoingAway(Unavailable):
    """This server is going away; connect again and resume."""

    code = "going_away"


class Connected(Protocol):
    """What presence needs of a connection. None of these methods waits."""

    identity: Identity

    def access_ended(self) -> None: ...

    def access_is(self, standing: Standing) -> None: ...

    def going_away(self) -> None: ...


@dataclass(slots=True)
class Tally:
    """Counts since the start of this process: numbers only, nobody's id."""

    opened: int = 0
    """WebSockets."""
    delivered: int = 0
    identity_swaps: int = 0
    """Times that an open socket was offered somebody else's token."""
    closes: Counter[str] = field(default_factory=Counter)
    resets: Counter[str] = field(default_factory=Counter)
    lags: deque[float] = field(default_factory=lambda: deque(maxlen=1024))
    """Seconds from an event's making to its hand-over to a reader's transport: the latest 1,024 that were sampled."""


@dataclass(slots=True)
class _Visitor:
    """One user's open connections, and how much they may still say."""

    messages: TokenBucket
    connections: set[Connected] = field(default_factory=set)


class Presence:
    """The connections of one process. Open it with `Presence.open`."""

    def __init__(self, identities: Identities, clock: Clock, *, per_user: int, message_rate: float, message_burst: int) -> None:
        self._identities = identities
        self._clock = clock
        self._per_user = per_user
        self._message_rate = message_rate
        self._message_burst = message_burst
        self._visitors: dict[UserId, _Visitor] = {}
        self._doubtful: set[UserId] = set()
        self._doubt = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self._open = 0
        self._sockets = 0
        self._leaving = False
        self.tally = Tally()
        self.observe_lag: Callable[[float], None] = _ignore
        """Also told each sampled lag, in seconds."""

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        identities: Identities,
        clock: Clock,
        *,
        per_user: int = 20,
        message_rate: float = 20,
        message_burst: int = 60,
        check_interval: float = 2.0,
    ) -> AsyncIterator["Presence"]:
        """Check everybody's access every `check_interval` seconds for the length of the block."""
        presence = cls(
            identities,
            clock,
            per_user=per_user,
            message_rate=message_rate,
            message_burst=message_burst,
        )
        async with beside(access=presence._watch(check_interval)):
            yield presence

    # Coming and going ----------------------------------------------------------------------------------------------------

    def enter(self, connection: Connected, *, over_socket: bool) -> None:
        """Admit a connection and count it. Raises `TooManyConnections` or `GoingAway`."""
        self.refuse_when_leaving()
        visitor = self._visitor(connection.identity.user_id)
        if len(visitor.connections) >= self._per_user:
            raise TooManyConnections
        visitor.connections.add(connection)
        self._open += 1
        self._empty.clear()
        if over_socket:
            self.tally.opened += 1
            self._sockets += 1

    def refuse_when_leaving(self) -> None:
        """Raise `GoingAway` once the server has begun to stop."""
        if self._leaving:
            raise GoingAway

    def leave(self, connection: Connected, code: int | None) -> None:
        """Forget a connection that was admitted; `code` is what a WebSocket closed with, None for a stream."""
        visitor = self._visitors[connection.identity.user_id]
        visitor.connections.remove(connection)
        self._open -= 1
        if not self._open:
            self._empty.set()
        if code is not None:
            self._sockets -= 1
            self.tally.closes[str(code)] += 1
        if not visitor.connections and visitor.messages.full(self._clock.monotonic()):
            del self._visitors[connection.identity.user_id]

    def heard(self, user_id: UserId) -> None:
        """Count a message of a user over all their connections. Raises `TooManyMessages`."""
        wait = self._visitor(user_id).messages.take(self._clock.monotonic())
        if wait:
            raise TooManyMessages(retry_after=round(wait, 3))

    def delivered(self, event: Event) -> None:
        """Count an event that was handed to a reader's transport."""
        self.tally.delivered += 1
        # One in sixteen: reading the clock for each would be the dearest part of counting.
        if self.tally.delivered % 16 == 1:
            lag = (self._clock.now() - event.at).total_seconds()
            self.tally.lags.append(lag)
            self.observe_lag(lag)

    @property
    def sockets(self) -> int:
        """Open WebSockets."""
        return self._sockets

    @property
    def users(self) -> int:
        """Users with an open connection."""
        return sum(1 for visitor in self._visitors.values() if visitor.connections)

    async def drain(self, timeout: float) -> None:
        """Admit nobody more, tell everybody to go with the cursor to resume from, and wait for at most `timeout` seconds."""
        self._leaving = True
        for connection in list(self._connections()):
            connection.going_away()
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._empty.wait()

    def _visitor(self, user_id: UserId) -> _Visitor:
        visitor = self._visitors.get(user_id)
        if visitor is None:
            bucket = TokenBucket(self._message_rate, self._message_burst)
            visitor = self._visitors[user_id] = _Visitor(bucket)
        return visitor

    def _connections(self) -> Iterable[Connected]:
        return (connection for visitor in self._visitors.values() for connection in visitor.connections)

    # Whether they still may ----------------------------------------------------------------------------------------------

    def access_changed(self, user_id: UserId) -> None:
        """Hear that a user's sessions, role or plan changed somewhere."""
        if user_id in self._visitors:
            self._doubtful.add(user_id)
            self._doubt.set()

    async def _watch(self, interval: float) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + interval
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(due):
                    await self._doubt.wait()
            self._doubt.clear()
            doubtful, self._doubtful = self._doubtful, set()
            everybody = loop.time() >= due
            if everybody:
                due = loop.time() + interval
                self._forget_idle()
            users = list(self._visitors) if everybody else [user for user in doubtful if user in self._visitors]
            try:
                async with asyncio.timeout(CHECK_WITHIN):
                    await self._check([c for user in users for c in self._visitors[user].connections])
            except (psycopg.Error, Unavailable, TimeoutError) as error:
                # Nothing can be read for anybody while the database is away, so waiting shows nobody anything new.
                logger.warning("access of open connections was not checked: %s", type(error).__name__)
                self._doubtful |= doubtful

    async def _check(self, connections: list[Connected]) -> None:
        for start in range(0, len(connections), CHECK_PAGE):
            page = connections[start : start + CHECK_PAGE]
            asked = {connection: connection.identity.proof for connection in page}
            standings = await self._identities.recheck(list(dict.fromkeys(asked.values())))
            for connection, proof in asked.items():
                if connection.identity.proof != proof:
                    continue  # it was refreshed while we asked, and that was a check of its own
                if (standing := standings.get(proof)) is None:
                    connection.access_ended()
                else:
                    connection.access_is(standing)

    def _forget_idle(self) -> None:
        """Forget users who are gone and whose silence has filled their bucket again."""
        now = self._clock.monotonic()
        for user_id in [u for u, v in self._visitors.items() if not v.connections and v.messages.full(now)]:
            del self._visitors[user_id]


def _ignore(_: float) -> None:
    """Nobody listens."""
