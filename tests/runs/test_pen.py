"""The pen keeps order, gathers text, and tells of its failure once."""

import asyncio
from collections.abc import Sequence

import pytest

from netra.errors import NetraError
from netra.events.codec import Draft, draft
from netra.events.model import AgentThinking, MessageDelta
from netra.runs.journal import decode
from netra.runs.pen import GATHERED, WAITING, Pen, RunOver
from netra.streams.log import Fenced
from tests.streams.logs import NOON


class Paper:
    """Where the pen writes. Each append waits until it is let through, when `slow`."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.broken: list[NetraError] = []
        self.error: NetraError | None = None
        self.wrote = asyncio.Event()
        self.open = asyncio.Event()
        self.open.set()

    async def append(self, drafts: Sequence[Draft]) -> None:
        await self.open.wait()
        if self.error is not None:
            raise self.error
        self.batches.append([text_of(item) for item in drafts])
        self.wrote.set()

    @property
    def written(self) -> list[str]:
        return [text for batch in self.batches for text in batch]

    def pen(self, rollup: float = 0.0) -> Pen:
        return Pen(self.append, rollup, self.broken.append)


def text_of(item: Draft) -> str:
    data = decode(item.type, item.body)
    assert isinstance(data, AgentThinking | MessageDelta)
    return data.text


def thought(text: str) -> Draft:
    return draft(AgentThinking(text=text), NOON)


def said(text: str) -> Draft:
    return draft(MessageDelta(message_id="m", text=text), NOON)


async def test_what_was_handed_over_is_written_in_order_by_the_end() -> None:
    paper = Paper()
    async with paper.pen() as pen:
        for number in range(5):
            pen.write(thought(str(number)))
    assert paper.written == ["0", "1", "2", "3", "4"]


async def test_what_comes_while_an_append_runs_goes_into_the_next_one_together() -> None:
    paper = Paper()
    paper.open.clear()
    async with asyncio.timeout(5), paper.pen() as pen:
        pen.write(thought("first"))
        await asyncio.sleep(0)
        pen.write(thought("second"))
        pen.write(thought("third"))
        paper.open.set()
        await pen.settle()
    assert paper.batches == [["first"], ["second", "third"]]


async def test_text_is_gathered_until_something_else_is_written() -> None:
    paper = Paper()
    async with paper.pen(rollup=60) as pen:
        for piece in ("a", "b", "c"):
            pen.say("m", piece, said)
        pen.write(thought("!"))
        pen.say("m", "d", said)
    assert paper.written == ["abc", "!", "d"]


async def test_text_of_two_messages_is_not_mixed() -> None:
    paper = Paper()
    async with paper.pen(rollup=60) as pen:
        for message, piece in (("m", "a"), ("n", "x"), ("m", "b")):
            pen.say(message, piece, said)
    assert paper.written == ["a", "x", "b"]


async def test_gathered_text_is_written_when_its_time_has_come() -> None:
    paper = Paper()
    async with asyncio.timeout(5), paper.pen(rollup=0.001) as pen:
        pen.say("m", "a", said)
        await paper.wrote.wait()
        assert paper.written == ["a"]


async def test_much_text_does_not_wait_for_its_time() -> None:
    paper = Paper()
    async with asyncio.timeout(5), paper.pen(rollup=60) as pen:
        pen.say("m", "x" * GATHERED, said)
        await paper.wrote.wait()


async def test_an_eager_writer_waits_for_room() -> None:
    paper = Paper()
    paper.open.clear()
    async with asyncio.timeout(5), paper.pen() as pen:
        for _ in range(WAITING):
            await pen.room()
            pen.write(thought("x"))
        waiting = asyncio.ensure_future(pen.room())
        await asyncio.sleep(0)
        assert not waiting.done()
        paper.open.set()
        await waiting


async def test_a_broken_pen_tells_whoever_waits_and_whoever_comes_and_its_owner_once() -> None:
    paper = Paper()
    paper.open.clear()
    paper.error = Fenced()
    async with asyncio.timeout(5), paper.pen() as pen:
        pen.write(thought("x"))
        waiting = asyncio.ensure_future(pen.settle())
        await asyncio.sleep(0)
        paper.open.set()
        with pytest.raises(Fenced):
            await waiting
        with pytest.raises(Fenced):
            pen.write(thought("y"))
        with pytest.raises(Fenced):
            pen.say("m", "y", said)
        with pytest.raises(Fenced):
            await pen.room()
    assert [type(error) for error in paper.broken] == [Fenced]
    assert paper.written == []


async def test_a_closed_pen_writes_what_it_was_given_and_takes_nothing_more() -> None:
    paper = Paper()
    async with paper.pen(rollup=60) as pen:
        pen.say("m", "last words", said)
        pen.close()
        with pytest.raises(RunOver):
            pen.write(thought("x"))
        with pytest.raises(RunOver):
            pen.say("m", "x", said)
        await pen.settle()
        assert paper.written == ["last words"]


async def test_nothing_is_appended_while_the_pen_is_held() -> None:
    paper = Paper()
    async with asyncio.timeout(5), paper.pen() as pen:
        pen.write(thought("before"))
        async with pen.held():
            assert paper.written == ["before"]
            pen.write(thought("meanwhile"))
            for _ in range(5):
                await asyncio.sleep(0)
            assert paper.written == ["before"]
        await pen.settle()
        assert paper.written == ["before", "meanwhile"]


async def test_whoever_waited_to_hold_a_pen_that_was_closed_is_refused() -> None:
    async with asyncio.timeout(5), Paper().pen() as pen:
        async with pen.held():
            second = asyncio.ensure_future(hold(pen))
            await asyncio.sleep(0)
            pen.close()
        with pytest.raises(RunOver):
            await second


async def hold(pen: Pen) -> None:
    async with pen.held():
        pass
