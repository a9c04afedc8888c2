"""How far a long run has come: one line on a terminal that is written over again and again, and is gone at the end."""

import os
import time
from collections.abc import Callable
from typing import Final, TextIO

# Faster than this nobody reads, and each line costs the terminal time.
SECONDS_BETWEEN: Final = 0.1

TO_THE_START: Final = "\r\x1b[K"


class ProgressLine:
    """Writes how far it is to a terminal; to anything else, or when it is to be quiet, nothing at all."""

    def __init__(self, stream: TextIO, *, quiet: bool = False, now: Callable[[], float] = time.monotonic) -> None:
        self._stream = None if quiet or not stream.isatty() else stream
        self._now = now
        # A copy of this process knows only of its own part of the work.
        self._process = os.getpid()
        self._last: float | None = None

    def say(self, text: str) -> None:
        """Show this instead of what was shown before, unless that came a moment ago."""
        if self._stream is None or os.getpid() != self._process:
            return
        now = self._now()
        if self._last is None or now - self._last >= SECONDS_BETWEEN:
            self._last = now
            self._write(TO_THE_START + text)

    def close(self) -> None:
        """Take the line away, if there is one."""
        if self._last is not None:
            self._last = None
            self._write(TO_THE_START)

    def _write(self, text: str) -> None:
        assert self._stream is not None
        self._stream.write(text)
        self._stream.flush()
