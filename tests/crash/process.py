"""A worker in a process of its own, which can be killed, paused, and made to kill itself at any exchange with the database."""

import asyncio
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

import psycopg

from netra.clock import SystemClock
from netra.db.database import Database
from netra.runs.context import RunContext
from netra.runs.worker import Worker
from netra.streams.streams import Streams, Transaction
from tests.runs.world import Function

# Forked from a process that has imported everything and done nothing: a worker is up in a tenth of a second.
CONTEXT: Final = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.crash.process"])


@dataclass(frozen=True, slots=True)
class Order:
    """What the process is to do. `dies_after` counts exchanges with the database from the agent's first line on."""

    url: str
    notes: Path
    """Where steps leave word outside the database, a line each."""
    options: dict[str, Any]
    dies_after: int | None = None


class Death:
    """Kills this process after so many exchanges with the database, each a request and its answer, COMMIT included."""

    def __init__(self, after: int | None) -> None:
        self._left = after
        self.begun = False

    def install(self) -> None:
        exchange = psycopg.AsyncConnection.wait

        async def wait(connection: Any, *args: Any, **kwargs: Any) -> Any:
            answer = await exchange(connection, *args, **kwargs)
            if self.begun and self._left is not None:
                self._left -= 1
                if self._left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)
            return answer

        psycopg.AsyncConnection.wait = wait  # type: ignore[method-assign, assignment]  # in this process alone


def agents(notes: Path, death: Death) -> dict[str, Function]:
    """The agents of every process here; what they do depends on their run alone."""

    async def note(word: str) -> str:
        def write() -> None:
            with notes.open("a") as file:
                file.write(word + "\n")

        await asyncio.to_thread(write)
        return word

    async def everything(context: RunContext) -> Any:
        """Every kind of call once."""
        death.begun = True

        async def mark(transaction: Transaction, _: str) -> str:
            await transaction.connection.execute(
                "UPDATE thread SET title = title || 'x' WHERE user_id = %s AND id = %s",
                [context.facts.user_id, context.facts.thread_id],
            )
            return "marked"

        async def child(inner: RunContext) -> Any:
            await inner.think("a child")
            return await inner.step("work", note, f"{context.facts.run_id} child")

        await context.think("one")
        await context.say("Hello, ")
        await context.step("work", note, f"{context.facts.run_id} parent")
        await context.say("world.")
        await context.effect("mark", mark)
        await context.call_agent("child", {}, child)
        await context.report("Done", {})
        await context.think("two")
        return "done"

    async def deadly(context: RunContext) -> Any:
        """Kills its worker, whenever it is executed."""
        await context.step("work", note, "alive")
        os.kill(os.getpid(), signal.SIGKILL)

    async def talkative(context: RunContext) -> Any:
        """Thinks without end in its first attempt, and briefly afterwards."""
        for number in range(10**9 if context.facts.attempt == 1 else 3):
            await context.think(f"{context.facts.attempt}.{number}")
            await asyncio.sleep(0.005)

    async def patient(context: RunContext) -> Any:
        """Works until the file `go` is there."""
        while not await asyncio.to_thread(notes.with_name("go").exists):
            await context.think("waiting")
            await asyncio.sleep(0.02)
        return context.facts.attempt

    return {work.__name__: Function(work) for work in (everything, deadly, talkative, patient)}


async def _serve(order: Order) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    death = Death(order.dies_after)
    death.install()
    clock = SystemClock()
    async with (
        Database.open(order.url, pool_size=4) as database,
        Streams.open(database, clock) as streams,
        Worker.open(streams, clock, agents(order.notes, death), **order.options),
    ):
        await stop.wait()


def serve(order: Order) -> None:
    """The body of the process: work until SIGTERM, then drain."""
    sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115 - the dying are not asked for their last words
    asyncio.run(_serve(order))


@contextmanager
def worker_process(order: Order) -> Iterator[BaseProcess]:
    """A worker process, gone for certain when the block ends."""
    process = CONTEXT.Process(target=serve, args=[order], daemon=True)
    process.start()
    try:
        yield process
    finally:
        if process.is_alive():
            process.kill()
        process.join()


async def ended(process: BaseProcess) -> int:
    """Wait for the end of a process; return its exit code, negative for a signal."""
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    loop.add_reader(process.sentinel, done.set)
    try:
        async with asyncio.timeout(30):
            await done.wait()
    finally:
        loop.remove_reader(process.sentinel)
    process.join()
    assert process.exitcode is not None
    return process.exitcode
