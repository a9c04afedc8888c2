import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from netra.events.codec import Event
from netra.gateway.outbox import Outbox
from netra.ids import ThreadId, UserId, new_uuid

WHERE: ContextVar[str] = ContextVar("where", default="nowhere")


class Reader:
    """The other end of an outbox: takes frames while its gate is open."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.counted: list[int] = []
        self.ended: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.gone: Exception | None = None
        self.context: set[str] = set()
        self._moved = asyncio.Event()

    async def deliver(self, frame: bytes) -> None:
        await self.gate.wait()
        if self.gone is not None:
            raise self.gone
        self.context.add(WHERE.get())
        self.taken.append(frame)
        self._moved.set()

    async def hang_up(self) -> None:
        await self.gate.wait()
        self.note("hung up")

    def note(self, what: str) -> None:
        self.ended.append(what)
        self._moved.set()

    async def until(self, enough: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not enough():
                self._moved.clear()
                await self._moved.wait()


@asynccontextmanager
async def outbox(reader: Reader, limit: int = 100, deadline: float = 10.0) -> AsyncIterator[Outbox]:
    box = Outbox(
        reader.deliver,
        limit=limit,
        deadline=deadline,
        on_overflow=lambda: reader.note("overflow"),
        on_stuck=lambda: reader.note("stuck"),
        on_delivered=lambda event: reader.counted.append(event.seq),
    )
    try:
        yield box
    finally:
        await box.close()


def event(seq: int) -> Event:
    return Event(UserId(new_uuid()), ThreadId(new_uuid()), seq, "agent_thinking", None, datetime.now(UTC), b"wire")


def running() -> list[str]:
    return [task.get_name() for task in asyncio.all_tasks() if task.get_name() == "outbox"]


async def test_frames_leave_in_the_order_in_which_they_were_put() -> None:
    reader = Reader()
    async with outbox(reader) as box:
        frames = [b"%d" % number for number in range(500)]
        for start in range(0, 500, 10):
            for frame in frames[start : start + 10]:
                box.put(frame)
            await asyncio.sleep(0)
        await reader.until(lambda: len(reader.taken) == 500)
        assert reader.taken == frames
        assert reader.ended == []


async def test_an_idle_reader_costs_no_task() -> None:
    reader = Reader()
    async with outbox(reader) as box:
        assert running() == []
        box.put(b"a")
        assert running() == ["outbox"]
        await reader.until(lambda: reader.taken == [b"a"])
        await asyncio.sleep(0)
        assert running() == []


async def test_the_frame_that_is_too_much_is_told_and_nobody_waits() -> None:
    reader = Reader()
    reader.gate.clear()
    async with outbox(reader, limit=100) as box:
        for _ in range(10):
            box.put(b"x" * 10)
        assert reader.ended == []
        box.put(b"y")
        assert reader.ended == ["overflow"]


async def test_a_single_frame_may_be_larger_than_the_limit() -> None:
    reader = Reader()
    async with outbox(reader, limit=100) as box:
        box.put(b"x" * 1000)
        await reader.until(lambda: len(reader.taken) == 1)
        box.put(b"y" * 1000)
        await reader.until(lambda: len(reader.taken) == 2)
        assert reader.ended == []


async def test_what_is_unsent_is_known_and_what_was_sent_is_counted() -> None:
    reader = Reader()
    async with outbox(reader, limit=1000) as box:
        for seq in (1, 2):
            box.put(b"e", event(seq))
        await reader.until(lambda: len(reader.taken) == 2)
        reader.gate.clear()
        for seq in (3, 4):
            box.put(b"e", event(seq))
        box.put(b"a notice")
        await asyncio.sleep(0)
        assert [item.seq for item in box.unsent()] == [3, 4]
        assert reader.counted == [1, 2]


async def test_finishing_drops_the_queue_says_the_last_word_and_hangs_up() -> None:
    reader = Reader()
    reader.gate.clear()
    async with outbox(reader) as box:
        for number in range(5):
            box.put(b"%d" % number)
        await asyncio.sleep(0)
        box.finish(b"bye", reader.hang_up, flush=False, within=10)
        box.put(b"too late")
        reader.gate.set()
        await reader.until(lambda: reader.ended == ["hung up"])
        # The first was on its way already; it is whole, and nothing stands between it and the last word.
        assert reader.taken == [b"0", b"bye"]


async def test_finishing_with_a_flush_sends_everything_first() -> None:
    reader = Reader()
    reader.gate.clear()
    async with outbox(reader) as box:
        for number in range(5):
            box.put(b"%d" % number)
        box.finish(b"bye", reader.hang_up, flush=True, within=10)
        reader.gate.set()
        await reader.until(lambda: reader.ended == ["hung up"])
        assert reader.taken == [b"0", b"1", b"2", b"3", b"4", b"bye"]


async def test_an_idle_reader_is_told_the_last_word_too() -> None:
    reader = Reader()
    async with outbox(reader) as box:
        box.finish(b"bye", reader.hang_up, flush=False, within=10)
        await reader.until(lambda: reader.ended == ["hung up"])
        assert reader.taken == [b"bye"]


async def test_a_reader_who_takes_nothing_until_the_deadline_is_stuck() -> None:
    reader = Reader()
    reader.gate.clear()
    async with outbox(reader, deadline=0.05) as box:
        box.put(b"a")
        await reader.until(lambda: reader.ended == ["stuck"])
        box.put(b"b")
        assert running() == []


async def test_the_last_word_has_a_deadline_of_its_own() -> None:
    reader = Reader()
    reader.gate.clear()
    async with outbox(reader, deadline=1000) as box:
        box.put(b"a")
        await asyncio.sleep(0)
        box.finish(b"bye", reader.hang_up, flush=True, within=0.05)
        await reader.until(lambda: reader.ended == ["stuck"])


async def test_a_reader_who_is_gone_ends_the_outbox_without_noise() -> None:
    reader = Reader()
    reader.gone = ConnectionResetError()
    async with outbox(reader) as box:
        box.put(b"a")
        await asyncio.sleep(0.01)
        box.put(b"b")
        assert reader.taken == []
        assert running() == []
        assert reader.ended == []


async def test_those_who_catch_up_wait_for_room_one_at_a_time() -> None:
    reader = Reader()
    reader.gate.clear()
    entered: list[str] = []

    async def catch_up(box: Outbox, name: str) -> None:
        async with box.room():
            entered.append(name)
            await asyncio.sleep(0)
            for _ in range(5):
                box.put(b"x" * 10)

    async with outbox(reader, limit=100) as box:
        box.put(b"x" * 60)
        tasks = [asyncio.create_task(catch_up(box, name)) for name in "abcdef"]
        for _ in range(10):
            await asyncio.sleep(0)
        assert entered == []
        reader.gate.set()
        async with asyncio.timeout(10):
            await asyncio.gather(*tasks)
        assert entered == list("abcdef")
        assert reader.ended == []


async def test_frames_are_sent_in_the_context_of_their_reader_and_not_of_whoever_put_them() -> None:
    reader = Reader()
    WHERE.set("the reader's")
    async with outbox(reader) as box:

        async def somebody_else() -> None:
            WHERE.set("somebody else's")
            box.put(b"a")

        await asyncio.create_task(somebody_else())
        await reader.until(lambda: reader.taken == [b"a"])
        assert reader.context == {"the reader's"}


async def test_closing_with_frames_unsent_ends_the_task() -> None:
    reader = Reader()
    reader.gate.clear()
    async with outbox(reader) as box:
        box.put(b"a")
        await asyncio.sleep(0)
        assert running() == ["outbox"]
    assert running() == []


async def test_a_long_queue_does_not_hold_the_loop() -> None:
    reader = Reader()
    turns: list[Any] = []
    async with outbox(reader, limit=1_000_000) as box:
        for _ in range(1000):
            box.put(b"x")

        async def other() -> None:
            while len(reader.taken) < 1000:
                turns.append(len(reader.taken))
                await asyncio.sleep(0)

        async with asyncio.timeout(10):
            await other()
        assert len(turns) >= 10
