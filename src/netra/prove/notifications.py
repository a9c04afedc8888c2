"""What a bus does to messages that it does not guarantee: loses, repeats and reorders them, between PostgreSQL and its client.

Netra's bus is LISTEN and NOTIFY. Only messages of the kind NotificationResponse are touched; all others pass in their order
(PostgreSQL documentation, "Message Formats"). No I/O.
"""

import random
from typing import Final

NOTIFICATION: Final = b"A"
HEAD: Final = 5
"""Bytes of a message before its content: its kind, and its length without the kind."""
QUESTIONS: Final = frozenset({b"\x04\xd2\x16\x2f", b"\x04\xd2\x16\x30"})
"""Whether to encrypt: asked before anything else, and answered with one byte that is no message."""
MOST_HELD: Final = 8
"""Notifications that are kept back at once, so that one of them may overtake the other."""


class DisturbedBus:
    """One connection's way from the server to its client. Feed it what was read; send on what it returns."""

    def __init__(self, source: random.Random) -> None:
        self._source = source
        self._rest = b""
        self._single_bytes = 0
        self._held: list[bytes] = []
        self.disturbing = False
        """Whether notifications are disturbed; until then they pass like everything else."""
        self.disturbed = 0
        """Notifications that were lost, repeated or overtaken."""

    def asked(self, data: bytes) -> None:
        """The client has sent this. Needed as long as it asks for encryption."""
        if len(data) == 8 and data[4:] in QUESTIONS:
            self._single_bytes += 1

    def passed(self, data: bytes) -> bytes:
        """What of it is to go on to the client. Half a message waits for its other half."""
        passed = b""
        if self._single_bytes and data:
            self._single_bytes -= 1
            passed, data = data[:1], data[1:]
        self._rest += data
        while len(self._rest) >= HEAD:
            end = 1 + int.from_bytes(self._rest[1:HEAD], "big")
            if len(self._rest) < end:
                break
            message, self._rest = self._rest[:end], self._rest[end:]
            passed += self._disturb(message) if message[:1] == NOTIFICATION else message
        return passed

    def _disturb(self, message: bytes) -> bytes:
        if not self.disturbing:
            held, self._held = self._held, []
            return b"".join(held) + message
        fate = self._source.choice(("lose", "repeat", "hold", "pass"))
        if fate != "pass":
            self.disturbed += 1
        if fate == "lose":
            return b""
        if fate == "repeat":
            return message * 3
        if fate == "hold" and len(self._held) < MOST_HELD:
            self._held.append(message)
            return b""
        held, self._held = self._source.sample(self._held, len(self._held)), []
        return message + b"".join(held)
