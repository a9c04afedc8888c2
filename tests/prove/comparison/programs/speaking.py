"""What every agent of the comparison does: it repeats its message, step by step, as slowly as the message says, with no model.

It also repeats what it has been shown of the conversation so far, so that a server that shows it somebody else's is found out.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence

ORDERS = re.compile(r"steps=(\d+) delay_ms=(\d+) fail=([01])")
REMEMBERED = 3
"""Earlier messages that are repeated."""


async def speak(messages: Sequence[str]) -> AsyncIterator[str]:
    """The words of an answer to the last of these messages. Raises `RuntimeError` when that is what it asks for."""
    asked = messages[-1]
    found = ORDERS.search(asked)
    steps, delay_ms, fail = (int(each) for each in found.groups()) if found else (1, 0, 0)
    words = asked[: found.start()] if found else asked
    for step in range(1, steps + 1):
        await asyncio.sleep(delay_ms / 1000)
        yield f"{words} Step {step} of {steps}. "
    if fail:
        raise RuntimeError("it was asked to fail")
    yield f"Before: {' / '.join(messages[-1 - REMEMBERED : -1])}. Done: {words}"
