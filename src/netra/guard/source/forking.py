"""Several processes work through one list, each a copy of this one: nothing has to be sent to them, only results come back."""

import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, wait
from queue import SimpleQueue
from typing import Any, Final, TypeVar

Result = TypeVar("Result")

# The whole list waits in a pipe, and a pipe of Linux holds 64 KiB. Whoever has more to do makes larger pieces of it.
WIDTH: Final = 4
MOST: Final = 65_536 // WIDTH


def nobody(_: object) -> None:
    """Is told how far some work is, and does not want to know."""


def possible() -> bool:
    """Whether a copy of this process works: not beside other threads, whose locks it would wait for, and not on macOS,
    whose own libraries do not bear it.
    """
    return sys.platform == "linux" and threading.active_count() == 1


def spread(
    count: int,
    work: Callable[[int], Result],
    jobs: int,
    begun: Callable[[int], None] = nobody,
    meanwhile: Callable[[], object] | None = None,
    *,
    apart: bool = False,
) -> list[Result]:
    """`work(0)`, `work(1)`, … up to `count`, by up to `jobs` processes of which this is one; what they gave, in order.

    Results are pickled. An exception in `work` is raised here. Whoever is free takes the next number, so put what takes
    longest first. `begun` is told each number that this process takes: all before it are done, or others are at them.
    `meanwhile` is what this process does first, while others are at work already; without others it is not done.

    `apart`: where there are others, this process leaves all of the work to them and takes what they give as it comes; `begun`
    is told how many they have done. What work leaves behind in memory does not lie between what is kept then.
    """
    assert count <= MOST
    others = min(jobs, count) - 1
    if others < 1 or not possible():
        return [done for _, done in _worked(iter(range(count)), work, begun)]
    queue, filled = os.pipe()
    os.write(filled, b"".join(number.to_bytes(WIDTH, "big") for number in range(count)))
    os.close(filled)
    context = multiprocessing.get_context("fork")
    started = []
    for _ in range(others + apart):
        receiving, sending = context.Pipe(duplex=False)
        process = context.Process(target=_copy, args=(queue, sending, work), daemon=True)
        process.start()
        sending.close()
        started.append((process, receiving))
    if meanwhile is not None:
        meanwhile()
    done: dict[int, Result] = {} if apart else dict(_worked(_taken(queue), work, begun))
    for number, result in _received([receiving for _, receiving in started]):
        done[number] = result
        if apart:
            begun(len(done))
    for process, _ in started:
        process.join()
    os.close(queue)
    # A process that was killed, for want of memory perhaps, took its numbers with it. One that raised will raise here.
    return [done[number] if number in done else work(number) for number in range(count)]


def _copy(queue: int, sending: Connection, work: Callable[[int], Result]) -> None:
    # What the other side has not read yet would hold this one up.
    made: SimpleQueue[tuple[int, Result] | None] = SimpleQueue()
    sender = threading.Thread(target=_send, args=(made, sending))
    sender.start()
    try:
        for done in _worked(_taken(queue), work, nobody):
            made.put(done)
    finally:
        made.put(None)
        sender.join()


def _send(made: "SimpleQueue[tuple[int, Result] | None]", sending: Connection) -> None:
    while (done := made.get()) is not None:
        sending.send(done)


def _received(copies: list[Connection]) -> Iterator[tuple[int, Any]]:
    """What copies send, as it comes, until all have come to their ends."""
    while copies:
        for each in wait(copies):
            assert isinstance(each, Connection)
            try:
                yield each.recv()
            except (EOFError, OSError):  # it has come to its end, or was killed while it sent something
                copies.remove(each)


def _taken(queue: int) -> Iterator[int]:
    while taken := os.read(queue, WIDTH):
        yield int.from_bytes(taken, "big")


def _worked(
    numbers: Iterator[int], work: Callable[[int], Result], begun: Callable[[int], None]
) -> Iterator[tuple[int, Result]]:
    for number in numbers:
        begun(number)
        yield number, work(number)
