import asyncio
import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from netra.cli.subjects import JUMP, JumpingClock, _environment_of_child, app, digests

MARK = "mark-" + "a" * 32
OTHER = "mark-" + "b" * 32


def test_a_mark_is_known_by_the_same_digest_wherever_it_stands_and_is_not_shown() -> None:
    (known,) = digests([MARK])
    assert digests([f"before {MARK} after", "nothing"]) == [known]
    assert digests([OTHER]) != [known]
    assert MARK[5:] not in known


async def test_a_process_finds_what_stands_in_its_environment_and_nothing_else() -> None:
    async with asyncio.timeout(20):
        assert digests(await _environment_of_child({"SECRET": MARK})) == digests([MARK])
        assert digests(await _environment_of_child({})) == []


def test_both_agents_are_served() -> None:
    assert [agent.name for agent in app.agents] == ["kills-its-worker", "tells-its-surroundings"]


@pytest.fixture
def clock() -> Iterator[JumpingClock]:
    heard = {number: signal.getsignal(number) for number in (signal.SIGUSR1, signal.SIGUSR2)}
    yield JumpingClock().listen()
    for number, handler in heard.items():
        signal.signal(number, handler)


def test_the_clock_jumps_both_ways_when_it_is_told_to_and_its_seconds_do_not(clock: JumpingClock) -> None:
    def off() -> timedelta:
        return timedelta(hours=round((clock.now() - datetime.now(UTC)) / timedelta(hours=1)))

    begun = clock.monotonic()
    jumps = [off()]
    for number in (signal.SIGUSR1, signal.SIGUSR1, signal.SIGUSR2, signal.SIGUSR1):
        os.kill(os.getpid(), number)
        jumps.append(off())
    assert jumps == [0 * JUMP, JUMP, JUMP, -JUMP, JUMP]
    assert clock.monotonic() - begun < JUMP.total_seconds()
