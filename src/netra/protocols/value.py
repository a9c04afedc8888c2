"""Which JSON values Netra can keep.

JSON as Python reads it is wider than what PostgreSQL stores and what every client can read back: `NaN`, half a surrogate
pair, U+0000, integers without end, nesting without end. They are refused at the door, with the place named, because further
in each of them is an error in the middle of a transaction.
"""

import math
from typing import Any, Final

DEEPEST: Final = 64
"""Levels of nesting. Python's own decoders give up near a thousand, each at another place."""

LARGEST_INTEGER: Final = 2**63 - 1


def objection(value: Any) -> str | None:
    """Say why `value` (of plain JSON types) cannot be kept, or None when it can."""
    waiting = [("", value, 0)]
    while waiting:
        place, item, depth = waiting.pop()
        at = f" at {place[1:]}" if place else ""
        match item:
            case str():
                if (words := _text(item)) is not None:
                    return f"holds {words}{at}"
            case float() if not math.isfinite(item):
                return f"holds a number that is not finite{at}"
            case int() if abs(item) > LARGEST_INTEGER:
                return f"holds an integer of more than 64 bits{at}"
            case dict() | list() if depth >= DEEPEST:
                return f"is nested more than {DEEPEST} levels deep"
            case dict():
                for key, inner in item.items():
                    if (words := _text(key)) is not None:
                        return f"has a name that holds {words}{at}"
                    waiting.append((f"{place}.{key[:40]}", inner, depth + 1))
            case list():
                waiting += [(f"{place}.{nth}", inner, depth + 1) for nth, inner in enumerate(item)]
    return None


def _text(text: str) -> str | None:
    if "\0" in text:
        return "the character U+0000"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "half of a surrogate pair"
    return None
