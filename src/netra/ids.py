"""Identifiers: UUID version 7, so that they sort by the time they were made, and a type for each thing they name.

A thread id where a user id is expected is one of the quietest ways to show one person's work to another; a `NewType` each
makes it a type error. Source of the layout: RFC 9562, section 5.7.
"""

import os
import time
import uuid
from typing import NamedTuple, NewType

UserId = NewType("UserId", uuid.UUID)
ThreadId = NewType("ThreadId", uuid.UUID)
RunId = NewType("RunId", uuid.UUID)
SessionId = NewType("SessionId", uuid.UUID)
DatasetId = NewType("DatasetId", uuid.UUID)
ReportId = NewType("ReportId", uuid.UUID)
ArtifactId = NewType("ArtifactId", uuid.UUID)
ConnectionId = NewType("ConnectionId", uuid.UUID)


class PlanId(NamedTuple):
    """Names one version of a plan."""

    name: str
    version: int


def new_uuid() -> uuid.UUID:
    """Return a fresh UUIDv7: 48 bits of Unix milliseconds, then 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds & (1 << 48) - 1) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 7 << 76  # version
    value = value & ~(0x3 << 62) | 2 << 62  # variant
    return uuid.UUID(int=value)


def parse_uuid(text: str) -> uuid.UUID | None:
    """Return the UUID that `text` spells in its canonical form, or None.

    Only the 36-character form counts: `uuid.UUID` also takes braces, `urn:` and missing hyphens, and two spellings of one id
    are two cache keys.
    """
    try:
        value = uuid.UUID(text)
    except ValueError:
        return None
    return value if str(value) == text.lower() else None
