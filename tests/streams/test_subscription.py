"""A reader of one thread gets the exact suffix after its cursor, whatever happens while it reads."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from netra.db.database import Database
from netra.errors import NotFound
from netra.events.codec import Event
from netra.ids import ThreadId, UserId, new_uuid
from netra.prove.proxy import Proxy
from netra.streams import log, retention
from netra.streams.cursor import Cursor, Position
from netra.streams.hub import Hub
from netra.streams.subscription import Sink, Subscription
from tests.streams.logs import NOON, Reader, add_thread, append, texts, thought

# As many subscriptions of a process read at once.
READS = 4

LATER = NOON.replace(year=2027)


class Process:
    """What one process holds for its readers: a hub, and their turns to read."""

    def __init__(self, database: Database, user_id: UserId) -> None:
        self.database = database
        self.user_id = user_id
        self.hub = Hub()
        self.reads = asyncio.Semaphore(READS)
        self.replayed = 0
        self.subscriptions: list[Subscription] = []

    def subscription(self, thread_id: ThreadId, sink: Sink, database: Database | None = None) -> Subscription:
        scope = (database or self.database).for_user(self.user_id)
        subscription = Subscription(self.hub, scope, thread_id, sink, self._count, self.reads)
        self.subscriptions.append(subscription)
        return subscription

    async def follow(self, thread_id: ThreadId, sink: Sink, cursor: Cursor | None) -> Subscription:
        subscription = self.subscription(thread_id, sink)
        await subscription.start(cursor)
        subscription.go()
        return subscription

    async def commit(self, thread_id: ThreadId, *said: str) -> list[Event]:
        """Append and show, as the group writer does."""
        async with self.database.for_user(self.user_id).transaction() as connection:
            epoch, events = await log.append(connection, self.user_id, thread_id, [thought(text) for text in said])
        self.hub.publish(epoch, events)
        return events

    async def trim(self) -> list[Position]:
        """Cut away everything there is."""
        return [position for _, position in await retention.trim(self.database, LATER)]

    def _count(self, events: int) -> None:
        self.replayed += events


@pytest.fixture
def process(database: Database, alice: UserId) -> Iterator[Process]:
    process = Process(database, alice)
    yield process
    for subscription in process.subscriptions:
        subscription.close()


@pytest.fixture
async def thread(database: Database, alice: UserId) -> ThreadId:
    return await add_thread(database, alice)


async def is_live(subscription: Subscription) -> None:
    """Return once it has nothing more to read."""
    async with asyncio.timeout(10):
        while (task := subscription._catching_up) is not None:
            await asyncio.wait([task])
            await asyncio.sleep(0)


# What it delivers ------------------------------------------------------------------------------------------------------------


async def test_at_whatever_position_a_reader_resumes_it_gets_the_bytes_of_an_uninterrupted_one(
    process: Process, thread: ThreadId
) -> None:
    events = await process.commit(thread, "a", "b", "c", "d", "e")
    for after in range(6):
        reader = Reader()
        subscription = await process.follow(thread, reader, Cursor(after, 1))
        await is_live(subscription)
        assert reader.wires == [event.wire for event in events[after:]]
        assert reader.resets == []
        assert subscription.cursor == Cursor(5, 1)
    assert process.replayed == 5 + 4 + 3 + 2 + 1


async def test_a_reader_without_a_cursor_begins_at_the_present(process: Process, thread: ThreadId) -> None:
    await process.commit(thread, "past")
    reader = Reader()
    subscription = await process.follow(thread, reader, None)
    await process.commit(thread, "present")
    assert texts(reader.events) == ["present"]
    assert subscription.cursor == Cursor(2, 1)


async def test_nothing_is_delivered_before_go_and_nothing_is_missing_after_it(process: Process, thread: ThreadId) -> None:
    await process.commit(thread, "a")
    reader = Reader()
    subscription = process.subscription(thread, reader)
    assert await subscription.start(Cursor(0, 1)) == Position(1, 0, 1)
    await process.commit(thread, "b")
    assert reader.events == []
    subscription.go()
    await reader.until(2)
    assert texts(reader.events) == ["a", "b"]


async def test_what_was_committed_while_it_started_is_delivered_once(process: Process, thread: ThreadId) -> None:
    reader = Reader()
    async with process.reads, process.reads, process.reads, process.reads:  # it may not read yet
        subscription = process.subscription(thread, reader)
        starting = asyncio.create_task(subscription.start(Cursor(0, 1)))
        await asyncio.sleep(0)
        await process.commit(thread, "a")
    async with asyncio.timeout(10):
        await starting
    subscription.go()
    await process.commit(thread, "b")
    await reader.until(2)
    assert texts(reader.events) == ["a", "b"]


async def test_a_cursor_that_names_no_such_event_is_reset_and_gets_all_there_is(process: Process, thread: ThreadId) -> None:
    await process.commit(thread, "a", "b")
    for cursor, reason in ((Cursor(9, 1), "cursor_ahead"), (Cursor(1, 7), "epoch_changed"), (Cursor(-1), "history_trimmed")):
        reader = Reader()
        await is_live(await process.follow(thread, reader, cursor))
        assert reader.resets == [(reason, Position(1, 0, 2))]
        assert texts(reader.events) == ["a", "b"]


async def test_a_thread_that_is_not_there_or_not_ours_is_not_followed(
    process: Process, database: Database, bob: UserId, thread: ThreadId
) -> None:
    bobs = await add_thread(database, bob)
    for unknown in (ThreadId(new_uuid()), bobs):
        with pytest.raises(NotFound):
            await process.subscription(unknown, Reader()).start(None)
    assert len(process.hub) == 0


# While it catches up ---------------------------------------------------------------------------------------------------------


async def test_events_that_come_while_it_catches_up_are_delivered_once_and_in_order(process: Process, thread: ThreadId) -> None:
    await process.commit(thread, "a", "b")
    room = asyncio.Semaphore(0)
    reader = Reader(room)
    await process.follow(thread, reader, Cursor(0, 1))
    await process.commit(thread, "c")
    await process.commit(thread, "d", "e")
    assert reader.events == []
    room.release()
    await reader.until(5)
    await process.commit(thread, "f")
    assert reader.seqs == [1, 2, 3, 4, 5, 6]


async def test_an_event_in_the_moment_in_which_it_turns_live_is_delivered_at_once(process: Process, thread: ThreadId) -> None:
    await process.commit(thread, "a", "b")

    class LastMoment(Reader):
        @asynccontextmanager
        async def room(self) -> AsyncIterator[None]:
            yield
            if self.seqs == [1, 2]:
                # After the last page was read, and before anybody knows that the task has ended: what is to be called
                # soon is called before that is told.
                third = await append(process.database, process.user_id, thread, "c")
                asyncio.get_running_loop().call_soon(process.hub.publish, 1, third)

    reader = LastMoment()
    await process.follow(thread, reader, Cursor(0, 1))
    await reader.until(3)
    assert reader.seqs == [1, 2, 3]


async def test_a_gap_is_read_from_the_log(process: Process, thread: ThreadId) -> None:
    reader = Reader()
    await process.follow(thread, reader, Cursor(0, 1))
    await append(process.database, process.user_id, thread, "by another process")
    assert reader.events == []
    await process.commit(thread, "by ours")
    await reader.until(2)
    assert texts(reader.events) == ["by another process", "by ours"]


async def test_an_event_that_is_published_late_is_not_delivered_twice(process: Process, thread: ThreadId) -> None:
    reader = Reader()
    await process.follow(thread, reader, Cursor(0, 1))
    late = await append(process.database, process.user_id, thread, "a")
    await process.commit(thread, "b")
    await reader.until(2)
    process.hub.publish(1, late)
    process.hub.publish(1, [*late, *reader.events[1:]])
    assert reader.seqs == [1, 2]


async def test_a_hint_or_a_poll_brings_what_nobody_published(process: Process, thread: ThreadId) -> None:
    reader = Reader()
    await process.follow(thread, reader, Cursor(0, 1))
    await append(process.database, process.user_id, thread, "a")
    process.hub.nudge((process.user_id, thread), Position(1, 0, 1))
    await reader.until(1)
    assert texts(reader.events) == ["a"]


async def test_a_hint_that_says_too_much_costs_one_read(process: Process, thread: ThreadId) -> None:
    await process.commit(thread, "a")
    reader = Reader()
    subscription = await process.follow(thread, reader, Cursor(1, 1))
    reads = 0
    real_read = log.read_page

    async def counted(*arguments: Any, **more: Any) -> Any:
        nonlocal reads
        reads += 1
        return await real_read(*arguments, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log, "read_page", counted)
        process.hub.nudge((process.user_id, thread), Position(1, 0, 1_000_000))
        await is_live(subscription)
    assert reads == 1
    await process.commit(thread, "b")
    assert texts(reader.events) == ["b"]


async def test_an_old_hint_costs_nothing(process: Process, thread: ThreadId) -> None:
    await process.commit(thread, "a")
    subscription = await process.follow(thread, Reader(), Cursor(1, 1))
    process.hub.nudge((process.user_id, thread), Position(1, 0, 1))
    process.hub.nudge((process.user_id, thread), Position(1, 0, 0))
    assert subscription._catching_up is None


async def test_a_long_log_is_read_page_by_page_each_in_its_own_room(
    process: Process, thread: ThreadId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "PAGE_BYTES", 200)
    await process.commit(thread, *("x" * 90 for _ in range(9)))
    rooms: list[int] = []

    class Counting(Reader):
        @asynccontextmanager
        async def room(self) -> AsyncIterator[None]:
            before = len(self.events)
            yield
            rooms.append(len(self.events) - before)

    reader = Counting()
    await is_live(await process.follow(thread, reader, Cursor(0, 1)))
    assert reader.seqs == list(range(1, 10))
    assert rooms == [2, 2, 2, 2, 1]


# History that is cut ---------------------------------------------------------------------------------------------------------


async def test_a_live_reader_is_told_of_a_cut_by_a_hint(process: Process, thread: ThreadId) -> None:
    await process.commit(thread, "a", "b")
    reader = Reader()
    subscription = await process.follow(thread, reader, Cursor(0, 1))
    await reader.until(2)
    [cut] = await process.trim()
    process.hub.nudge((process.user_id, thread), cut)
    await is_live(subscription)
    assert reader.resets == [("epoch_changed", Position(2, 2, 2))]
    await process.commit(thread, "c")
    assert texts(reader.events) == ["c"]
    assert subscription.cursor == Cursor(3, 2)


async def test_a_live_reader_is_told_of_a_cut_by_the_next_event(process: Process, thread: ThreadId) -> None:
    await process.commit(thread, "a", "b")
    reader = Reader()
    subscription = await process.follow(thread, reader, Cursor(2, 1))
    await process.trim()
    await process.commit(thread, "c")
    await is_live(subscription)
    assert [reason for reason, _ in reader.resets] == ["epoch_changed"]
    assert texts(reader.events) == ["c"]


async def test_a_cut_while_it_catches_up_is_a_reset_and_then_all_there_is(process: Process, thread: ThreadId) -> None:
    await process.commit(thread, "a", "b")
    room = asyncio.Semaphore(0)
    reader = Reader(room)
    subscription = await process.follow(thread, reader, Cursor(0, 1))
    await process.trim()
    await process.commit(thread, "c")
    room.release()
    await is_live(subscription)
    assert reader.resets == [("epoch_changed", Position(2, 2, 3))]
    assert reader.seqs == [3]


async def test_a_cut_between_start_and_go_is_told(process: Process, thread: ThreadId) -> None:
    await process.commit(thread, "a", "b")
    reader = Reader()
    subscription = process.subscription(thread, reader)
    await subscription.start(Cursor(2, 1))
    [cut] = await process.trim()
    process.hub.nudge((process.user_id, thread), cut)
    subscription.go()
    await is_live(subscription)
    assert reader.resets == [("epoch_changed", Position(2, 2, 2))]


async def test_events_of_a_former_epoch_that_are_published_late_change_nothing(process: Process, thread: ThreadId) -> None:
    late = await append(process.database, process.user_id, thread, "a")
    await process.trim()
    reader = Reader()
    subscription = await process.follow(thread, reader, None)
    process.hub.publish(1, late)
    await is_live(subscription)
    await process.commit(thread, "b")
    assert reader.resets == []
    assert texts(reader.events) == ["b"]


# The end ---------------------------------------------------------------------------------------------------------------------


async def test_a_deleted_thread_ends_its_readers(process: Process, database: Database, thread: ThreadId) -> None:
    await process.commit(thread, "a")
    live, starting = Reader(), Reader()
    first = await process.follow(thread, live, Cursor(1, 1))
    second = process.subscription(thread, starting)
    await second.start(Cursor(1, 1))
    async with database.for_user(process.user_id).transaction() as connection:
        await connection.execute("DELETE FROM thread WHERE id = %s", [thread])
    process.hub.nudge((process.user_id, thread), None)
    second.go()
    await is_live(first)
    await is_live(second)
    assert (live.is_gone, starting.is_gone) == (True, True)
    assert len(process.hub) == 0


async def test_a_rumour_of_the_end_ends_nothing(process: Process, thread: ThreadId) -> None:
    reader = Reader()
    subscription = await process.follow(thread, reader, None)
    process.hub.nudge((process.user_id, thread), None)
    await is_live(subscription)
    await process.commit(thread, "still here")
    assert not reader.is_gone
    assert texts(reader.events) == ["still here"]


async def test_a_closed_reader_hears_nothing_more(process: Process, thread: ThreadId) -> None:
    await process.commit(thread, "a")
    room = asyncio.Semaphore(0)
    reading, waiting, never = Reader(room), Reader(), Reader()
    catching_up = await process.follow(thread, reading, Cursor(0, 1))
    live = await process.follow(thread, waiting, Cursor(1, 1))
    unstarted = process.subscription(thread, never)
    await unstarted.start(Cursor(0, 1))
    for subscription in (catching_up, live, unstarted):
        subscription.close()
        subscription.close()
    unstarted.go()
    room.release()
    await process.commit(thread, "b")
    for subscription in (catching_up, live, unstarted):
        await is_live(subscription)
    assert reading.events == waiting.events == never.events == []
    assert len(process.hub) == 0


async def test_a_sink_that_closes_at_an_event_is_given_none_after_it(process: Process, thread: ThreadId) -> None:
    await process.commit(thread, "a", "b", "c")

    class Full(Reader):
        def event(self, event: Event) -> None:
            super().event(event)
            if event.seq in {2, 5}:
                subscription.close()

    reading = Full()
    subscription = await process.follow(thread, reading, Cursor(0, 1))
    await is_live(subscription)
    assert reading.seqs == [1, 2]
    assert subscription.cursor == Cursor(2, 1)
    live = Full()
    subscription = await process.follow(thread, live, Cursor(3, 1))
    await process.commit(thread, "d", "e", "f")
    assert live.seqs == [4, 5]


async def test_an_event_that_the_sink_could_not_take_is_read_again(process: Process, thread: ThreadId) -> None:
    class Clumsy(Reader):
        dropped = False

        def event(self, event: Event) -> None:
            if event.seq == 2 and not self.dropped:
                self.dropped = True
                raise ZeroDivisionError
            super().event(event)

    reader = Clumsy()
    await process.follow(thread, reader, Cursor(0, 1))
    await process.commit(thread, "a", "b", "c")
    assert reader.seqs == [1]
    await process.commit(thread, "d")
    await reader.until(4)
    assert reader.seqs == [1, 2, 3, 4]


# A database that is away -----------------------------------------------------------------------------------------------------


async def test_a_reader_survives_a_database_that_is_away_and_misses_nothing(
    process: Process, thread: ThreadId, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    events = await process.commit(thread, "a", "b")
    async with (
        asyncio.timeout(30),
        Proxy.open(database_url) as proxy,
        Database.open(proxy.url, pool_size=2, pool_timeout=0.2) as remote,
    ):
        reader = Reader()
        subscription = process.subscription(thread, reader, remote)
        await subscription.start(Cursor(0, 1))
        proxy.refusing = True
        proxy.cut()
        subscription.go()
        await is_live(subscription)
        assert reader.events == []
        assert "a reader waits for the database" in caplog.text
        proxy.refusing = False
        while not reader.events:  # as the poll does, until the pool has a connection again
            process.hub.nudge((process.user_id, thread), Position(1, 0, 2))
            await is_live(subscription)
        assert reader.wires == [event.wire for event in events]


async def test_a_connection_that_fell_silent_does_not_hold_the_turn_to_read_for_ever(
    process: Process, thread: ThreadId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netra.streams.subscription.READ_WITHIN", 0.1)

    async def hang(*arguments: Any, **more: Any) -> Any:
        await asyncio.Event().wait()

    await process.commit(thread, "a")
    process.reads = asyncio.Semaphore(1)
    reader, neighbour = Reader(), Reader()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log, "read_page", hang)
        subscription = await process.follow(thread, reader, Cursor(0, 1))
        await is_live(subscription)
    await is_live(await process.follow(thread, neighbour, Cursor(0, 1)))
    assert texts(neighbour.events) == ["a"]
    assert reader.events == []


async def test_readers_take_turns_at_the_log(process: Process, thread: ThreadId) -> None:
    await process.commit(thread, "a")
    reading, most = 0, 0
    full = asyncio.Event()
    real_read = log.read_page

    async def counted(*arguments: Any, **more: Any) -> Any:
        nonlocal reading, most
        reading += 1
        most = max(most, reading)
        if reading == READS:
            full.set()
        try:
            await full.wait()  # until as many read as may: however fast the first is, the others have come
            return await real_read(*arguments, **more)
        finally:
            reading -= 1

    readers = [Reader() for _ in range(40)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log, "read_page", counted)
        for subscription in [await process.follow(thread, reader, Cursor(0, 1)) for reader in readers]:
            await is_live(subscription)
    assert [texts(reader.events) for reader in readers] == [["a"]] * 40
    assert most == READS
