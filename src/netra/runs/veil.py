"""What one run must not show, kept out of all that it writes.

Masked is what goes into the log and into the run's row, never what the agent works with; but what a step returns comes back
masked, because that is what a replay would return.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from netra.runs.payload import LARGEST, NotStorable, as_json
from netra.vault.lines import scrub_lines
from netra.vault.scrub import ScrubbedStream, Scrubber

Show = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class _Message:
    """A message whose end is held back, and how to show it."""

    stream: ScrubbedStream
    show: Show


class Veil:
    """The secrets that one run conceals, shared by all who work in it. There are none until `conceal`."""

    def __init__(self) -> None:
        self.scrubber = Scrubber()
        self._messages: dict[tuple[str | None, str], _Message] = {}

    def conceal(self, values: Iterable[str]) -> None:
        """Mask these from now on: in what the run writes, and in what the present task logs."""
        self.scrubber = Scrubber(values)
        scrub_lines(self.scrubber)

    def text(self, text: str) -> str:
        """`text`, masked."""
        return self.scrubber.text(text)

    def name(self, name: str, what: str) -> str:
        """A name by which something is known. Raises `NotStorable` for one that holds a secret: masked, two would be one."""
        if self.scrubber.text(name) != name:
            raise NotStorable(f"{what} holds a secret of the run's user.", field=what)
        return name

    def value(self, value: Any, what: str, largest: int = LARGEST) -> Any:
        """`value` in plain JSON types, masked. Raises `NotStorable`. See `as_json`."""
        plain = as_json(value, what, largest=largest)
        masked = self.scrubber.value(plain)
        # A mask takes three bytes where most letters take one.
        return plain if masked is plain else as_json(masked, what, largest=largest)

    def say(self, within: str | None, message_id: str, text: str, show: Show) -> str:
        """What may be shown of a message once `text` has been said; the rest waits for more, or for `finish`.

        A secret may come in any number of pieces, and a message has no end of its own.
        """
        if not self.scrubber:
            return text
        message = self._messages.pop((within, message_id), None)
        stream = self.scrubber.stream() if message is None else message.stream
        shown = stream.feed(text)
        if stream.holds:
            self._messages[within, message_id] = _Message(stream, show)
        return shown

    def finish(self, within: str) -> None:
        """Show what is held back of messages within a call: it is not executed again, so this is their end."""
        for key in [key for key in self._messages if key[0] == within]:
            self._end(key)

    def finish_all(self) -> None:
        """Show all that is held back: the run ends."""
        for key in list(self._messages):
            self._end(key)

    def _end(self, key: tuple[str | None, str]) -> None:
        message = self._messages.pop(key)
        message.show(message.stream.end())
