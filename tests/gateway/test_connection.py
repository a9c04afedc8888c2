import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from netra.auth.identity import Identity, Standing
from netra.auth.sign_in import SignIn
from netra.clock import SystemClock
from netra.db.database import Database
from netra.errors import NotFound
from netra.events.codec import Event, draft
from netra.events.model import AgentThinking
from netra.gateway.connection import ENDED, GOING_AWAY, SLOW, Bounds, Connection, Farewell
from netra.gateway.presence import Presence
from netra.ids import ThreadId, UserId, new_uuid
from netra.protocols.websocket import ServerFrame
from netra.streams.cursor import Cursor
from netra.streams.streams import Streams
from tests.fixtures.world import PATIENCE

CLOCK = SystemClock()


@dataclass
class Paper:
    """A carrier that writes down what it is given, while its gate is open."""

    over_socket: bool = True
    frames: list[dict[str, Any]] = field(default_factory=list)
    ends: list[tuple[str, Farewell]] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    moved: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    async def send(self, frame: bytes) -> None:
        await self.gate.wait()
        self.frames.append(msgspec.json.decode(frame))
        self.moved.set()

    async def hang_up(self, farewell: Farewell) -> None:
        await self.gate.wait()
        self.ends.append(("hung up", farewell))
        self.moved.set()

    def abandon(self, farewell: Farewell) -> None:
        self.ends.append(("abandoned", farewell))
        self.moved.set()

    def event(self, event: Event) -> bytes:
        return event.wire

    def notice(self, frame: ServerFrame, cursor: Cursor | None = None) -> bytes:
        return frame.encode()

    async def until(self, enough: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not enough():
                self.moved.clear()
                await self.moved.wait()

    def types(self) -> list[str]:
        return [frame["type"] for frame in self.frames]


@pytest.fixture
async def streams(database: Database) -> AsyncIterator[Streams]:
    async with Streams.open(database, CLOCK) as streams:
        yield streams


def identity(user_id: UserId, expires_in: float | None = None) -> Identity:
    expires_at = None if expires_in is None else datetime.now(UTC) + timedelta(seconds=expires_in)
    return Identity(user_id, None, new_uuid(), "a@example.com", "", "user", "free", (), expires_at, "api_key")


@asynccontextmanager
async def connected(sign_in: SignIn, streams: Streams, who: Identity, paper: Paper, **bounds: Any) -> AsyncIterator[Connection]:
    async with Presence.open(sign_in.identities, CLOCK, check_interval=1000) as presence:
        connection = Connection(who, paper, streams, presence, CLOCK, Bounds(**bounds))
        connection.enter()
        try:
            yield connection
        finally:
            await connection.leave(1000)
            assert presence.users == 0
            assert len(streams.hub) == 0


async def add_thread(database: Database, user_id: UserId) -> ThreadId:
    thread_id = ThreadId(new_uuid())
    async with database.for_user(user_id).transaction() as connection:
        await connection.execute("INSERT INTO thread (user_id, id) VALUES (%s, %s)", [user_id, thread_id])
    return thread_id


async def think(streams: Streams, user_id: UserId, thread_id: ThreadId, *texts: str) -> None:
    async with streams.transaction(user_id) as transaction:
        await transaction.append(thread_id, [draft(AgentThinking(text=text), CLOCK.now()) for text in texts])


async def test_a_subscription_is_announced_before_its_events(
    database: Database, sign_in: SignIn, streams: Streams, alice: UserId
) -> None:
    thread, paper = await add_thread(database, alice), Paper()
    await think(streams, alice, thread, "a", "b")
    async with connected(sign_in, streams, identity(alice), paper) as connection:
        await connection.subscribe(thread, Cursor(1, 1), "r")
        await paper.until(lambda: len(paper.frames) == 2)
        assert paper.frames[0] == {"type": "subscribed", "thread_id": str(thread), "epoch": 1, "head": 2, "ref": "r"}
        assert paper.frames[1]["seq"] == 2


async def test_subscribing_again_moves_the_reader_and_doubles_nothing(
    database: Database, sign_in: SignIn, streams: Streams, alice: UserId
) -> None:
    thread, paper = await add_thread(database, alice), Paper()
    async with connected(sign_in, streams, identity(alice), paper) as connection:
        for _ in range(3):
            await connection.subscribe(thread, None)
        assert len(streams.hub) == 1
        await think(streams, alice, thread, "a")
        await paper.until(lambda: "agent_thinking" in paper.types())
        assert paper.types() == ["subscribed"] * 3 + ["agent_thinking"]


async def test_somebody_elses_thread_is_not_found_and_not_followed(
    database: Database, sign_in: SignIn, streams: Streams, alice: UserId, bob: UserId
) -> None:
    thread, paper = await add_thread(database, bob), Paper()
    async with connected(sign_in, streams, identity(alice), paper) as connection:
        with pytest.raises(NotFound):
            await connection.subscribe(thread, Cursor())
        assert len(streams.hub) == 0
        await think(streams, bob, thread, "private")
    assert paper.frames == []


async def test_going_away_sends_what_is_queued_and_then_the_cursors(
    database: Database, sign_in: SignIn, streams: Streams, alice: UserId
) -> None:
    thread, paper = await add_thread(database, alice), Paper()
    async with connected(sign_in, streams, identity(alice), paper) as connection:
        await connection.subscribe(thread, Cursor())
        await connection.follow(ThreadId(alice), None)
        paper.gate.clear()
        await think(streams, alice, thread, "a", "b")
        connection.going_away()
        await think(streams, alice, thread, "too late")
        paper.gate.set()
        await paper.until(lambda: bool(paper.ends))
        assert paper.types() == ["subscribed", "agent_thinking", "agent_thinking", "error"]
        assert paper.frames[-1]["cursors"] == {str(thread): "1/2", str(alice): "1/0"}
        [(how, farewell)] = paper.ends
        assert (how, farewell.closing) == ("hung up", GOING_AWAY)
        # A close frame has room for two cursors: the conversation comes first.
        assert farewell.reason.startswith(f"going_away {thread}=1/2")


async def test_a_slow_reader_is_told_where_the_unsent_begins(
    database: Database, sign_in: SignIn, streams: Streams, alice: UserId
) -> None:
    first, second, paper = await add_thread(database, alice), await add_thread(database, alice), Paper()
    async with connected(sign_in, streams, identity(alice), paper, unsent_bytes=2000) as connection:
        await connection.subscribe(first, Cursor())
        await connection.subscribe(second, Cursor())
        await think(streams, alice, first, "taken")
        await paper.until(lambda: len(paper.frames) == 3)
        paper.gate.clear()
        await think(streams, alice, first, "x", "x")
        for _ in range(10):
            await think(streams, alice, second, "y" * 300)
        assert connection.closing == SLOW
        paper.gate.set()
        await paper.until(lambda: bool(paper.ends))
        assert paper.frames[-1]["cursors"] == {str(first): "1/1", str(second): "1/0"}
        assert paper.frames[-1]["code"] == "slow_reader"


async def test_a_reader_who_takes_nothing_is_abandoned_with_the_cursor(
    database: Database, sign_in: SignIn, streams: Streams, alice: UserId
) -> None:
    thread, paper = await add_thread(database, alice), Paper()
    async with connected(sign_in, streams, identity(alice), paper, send_deadline=0.05) as connection:
        await connection.subscribe(thread, Cursor())
        await paper.until(lambda: len(paper.frames) == 1)
        paper.gate.clear()
        await think(streams, alice, thread, "a")
        await paper.until(lambda: bool(paper.ends))
        [(how, farewell)] = paper.ends
        assert (how, farewell.closing, farewell.reason) == ("abandoned", SLOW, f"slow_reader {thread}=1/0")
        assert msgspec.json.decode(farewell.frame)["cursors"] == {str(thread): "1/0"}


async def test_a_connection_ends_once(sign_in: SignIn, streams: Streams, alice: UserId) -> None:
    paper = Paper()
    async with connected(sign_in, streams, identity(alice), paper) as connection:
        connection.access_ended()
        connection.going_away()
        connection.close(SLOW)
        assert connection.closing == ENDED
        await paper.until(lambda: bool(paper.ends))
    assert paper.types() == ["error"]
    assert len(paper.ends) == 1


async def test_a_connections_user_never_changes(sign_in: SignIn, streams: Streams, alice: UserId, bob: UserId) -> None:
    async with connected(sign_in, streams, identity(alice), Paper()) as connection:
        with pytest.raises(ValueError, match="never changes"):
            connection.renew(identity(bob))
        assert connection.identity.user_id == alice


async def test_an_expiry_is_announced_and_a_renewal_puts_it_off(sign_in: SignIn, streams: Streams, alice: UserId) -> None:
    paper = Paper()
    async with connected(sign_in, streams, identity(alice, 0.05), paper, token_grace=0.2) as connection:
        await paper.until(lambda: paper.types() == ["token_expiring"])
        connection.renew(identity(alice, 0.3))
        await paper.until(lambda: paper.types() == ["token_expiring"] * 2)
        assert connection.closing is None
        await paper.until(lambda: bool(paper.ends))
        assert paper.frames[-1]["code"] == "token_expired"


async def test_a_key_without_an_end_never_expires(sign_in: SignIn, streams: Streams, alice: UserId) -> None:
    async with connected(sign_in, streams, identity(alice), Paper()) as connection:
        assert connection._expiry is None


async def test_what_a_user_may_do_is_what_was_read_last(sign_in: SignIn, streams: Streams, alice: UserId) -> None:
    who = identity(alice)
    async with connected(sign_in, streams, who, Paper()) as connection:
        connection.access_is(Standing("admin", "pro", ("x",)))
        assert connection.identity == replace(who, role="admin", plan="pro", feature_flags=("x",))


async def test_nothing_is_followed_after_the_end(database: Database, sign_in: SignIn, streams: Streams, alice: UserId) -> None:
    thread, paper = await add_thread(database, alice), Paper()
    async with connected(sign_in, streams, identity(alice), paper) as connection:
        connection.access_ended()
        await connection.follow(thread, None)
        assert len(streams.hub) == 0
