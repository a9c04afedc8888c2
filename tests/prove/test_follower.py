import asyncio
import random

from netra.prove.checkers.order import check
from netra.prove.follower import Watcher
from netra.prove.history import History
from netra.prove.targets import Work
from tests.fixtures.world import eventually
from tests.prove.memory import MemoryTarget

WORK = Work("words", 3, 0)


async def test_a_reader_that_is_dropped_comes_back_with_its_cursor_and_misses_nothing() -> None:
    history, target = History(), MemoryTarget(lambda *_: None)
    person = await target.sign_up(1, "mark")
    thread = await person.new_thread("t")
    follower = Watcher(person, history, random.Random(1))
    follower.follow(thread)
    running = asyncio.create_task(follower.run())
    async with asyncio.timeout(20):
        for _ in range(4):
            await person.start_run(thread, WORK, None)
            await eventually(lambda: follower.reader is not None)
            assert follower.reader is not None
            follower.reader.drop()
            await eventually(lambda: follower.breaks > 0 and follower.has(thread, len(target.threads[thread])))
        follower.end()
        await running
    assert follower.breaks >= 1
    assert [record.data["seq"] for record in history if record.kind == "event"] == list(range(1, 25))
    assert list(check(history.records)) == []


async def test_a_new_thread_is_followed_from_its_beginning() -> None:
    history, target = History(), MemoryTarget(lambda *_: None)
    person = await target.sign_up(1, "mark")
    follower = Watcher(person, history, random.Random(1))
    running = asyncio.create_task(follower.run())
    async with asyncio.timeout(20):
        await eventually(lambda: follower.connected)
        thread = await person.new_thread("t")
        await person.start_run(thread, WORK, None)
        follower.follow(thread)
        await eventually(lambda: follower.has(thread, 6))
        follower.end()
        await running


async def test_a_server_that_is_away_is_tried_again() -> None:
    history, target = History(), MemoryTarget(lambda *_: None)
    target.failing = True
    follower = Watcher(await target.sign_up(1, "mark"), history, random.Random(1))
    running = asyncio.create_task(follower.run())
    async with asyncio.timeout(20):
        await eventually(lambda: follower.breaks >= 2)
        target.failing = False
        await eventually(lambda: follower.connected)
        follower.end()
        await running
    assert any(record.name == "disconnected" for record in history)
