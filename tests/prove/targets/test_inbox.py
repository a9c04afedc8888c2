import asyncio

import pytest

from netra.prove.answers import Lost
from netra.prove.targets import ReceivedEvent
from netra.prove.targets.inbox import EPOCH, Inbox, InboxReader


def event(thread: str, seq: int) -> ReceivedEvent:
    return ReceivedEvent(thread, EPOCH, seq, "agent_thinking", "r", f"{thread} {seq}")


async def test_a_reader_goes_on_from_the_cursor_of_another() -> None:
    inbox = Inbox()
    for seq in (1, 2, 3):
        await inbox.add(event("t", seq))
    first = InboxReader(inbox, {"t": None})
    assert [await first.next(5), await first.next(5)] == [event("t", 1), event("t", 2)]
    second = InboxReader(inbox, first.cursor)
    assert await second.next(5) == event("t", 3)
    assert await second.next(0) is None
    assert inbox.log("t").events == (event("t", 1), event("t", 2), event("t", 3))


async def test_a_reader_hears_of_an_event_that_comes_while_it_waits() -> None:
    inbox = Inbox()
    waiting = asyncio.create_task(InboxReader(inbox, {"t": None, "u": None}).next(20))
    await asyncio.sleep(0)
    await inbox.add(event("u", 1))
    assert await waiting == event("u", 1)


async def test_a_dropped_reader_receives_nothing_more() -> None:
    inbox = Inbox()
    await inbox.add(event("t", 1))
    reader = InboxReader(inbox, {"t": None})
    reader.drop()
    with pytest.raises(Lost, match="dropped"):
        await reader.next(5)


async def test_a_pause_stops_whoever_fills_the_inbox_until_it_is_over() -> None:
    inbox = Inbox()
    reader = InboxReader(inbox, {})
    reader.pause()
    assert not inbox.reading.is_set()
    reader.proceed()
    assert inbox.reading.is_set()
