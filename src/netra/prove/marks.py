"""Marks: 128 random bits that only one user's work carries. A mark in anybody else's hands is proof that two users met."""

import random
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

MARK: Final = re.compile(r"mark[-_]([0-9a-f]{32})", re.IGNORECASE)
"""A mark as it is planted. The word before it keeps an id, a digest or a nonce of the server from being taken for one."""

DIGITS: Final = 32
AROUND: Final = 60
"""Characters that a witness shows on each side of a mark."""


def new_mark(source: random.Random) -> str:
    """A mark of its own, drawn from a source that a seed has made."""
    return f"mark-{source.getrandbits(128):032x}"


def as_variable(mark: str) -> str:
    """The same mark in the letters that the name of a variable may have."""
    return mark.replace("-", "_").upper()


@dataclass(frozen=True, slots=True)
class Found:
    """A mark in something that somebody received."""

    owner: int
    """Number of the user whose mark it is."""
    excerpt: str


class Marks:
    """Whose mark is whose."""

    def __init__(self) -> None:
        self._owners: dict[str, int] = {}

    def plant(self, mark: str, owner: int) -> None:
        self._owners[_digits(mark)] = owner

    def foreign(self, text: str, receivers: Iterable[int]) -> list[Found]:
        """Marks in a text of users that are none of those who may see it; one for each owner. Unknown marks are nobody's."""
        allowed = frozenset(receivers)
        found: dict[int, Found] = {}
        for match in MARK.finditer(text):
            owner = self._owners.get(match[1].lower())
            if owner is not None and owner not in allowed and owner not in found:
                found[owner] = Found(owner, text[max(match.start() - AROUND, 0) : match.end() + AROUND])
        return list(found.values())


def _digits(mark: str) -> str:
    return mark[-DIGITS:].lower()
