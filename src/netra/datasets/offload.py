"""Blocking work in a thread whose end is always awaited.

`asyncio.to_thread` gives up on its thread when it is cancelled, and the thread goes on: writing to a file that is being
removed, using a connection that is being closed. Here a cancellation waits for the thread first.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final, TypeVar

Result = TypeVar("Result")

# How often work that can be interrupted is told to stop. Once is not enough: an interrupt that arrives in the instant before
# the thread has begun its statement is lost.
INTERRUPT_EVERY: Final = 0.02


async def in_thread(work: Callable[..., Result], *arguments: Any, interrupt: Callable[[], None] | None = None) -> Result:
    """Return `work(*arguments)`, done in a thread.

    On cancellation `interrupt` is called until the thread has ended; without it the thread is only waited for. Then the
    cancellation goes on.
    """
    thread = asyncio.ensure_future(asyncio.to_thread(work, *arguments))
    try:
        return await asyncio.shield(thread)
    except asyncio.CancelledError:
        while not thread.done():
            if interrupt is not None:
                interrupt()
            try:
                await asyncio.wait([thread], timeout=INTERRUPT_EVERY if interrupt is not None else None)
            except asyncio.CancelledError:
                continue  # cancelled once more; the first time is still being obeyed
        if not thread.cancelled():
            thread.exception()  # seen: interrupted work fails, and that is what was wanted
        raise
