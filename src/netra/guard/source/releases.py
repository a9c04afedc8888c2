"""Which releases there were: what a public name must have been through before it may leave.

A release is a tag `v1.2.3` or `1.2.3`, or `1.2`; one with anything behind it (`1.2.0rc1`) is none. A name leaves only in a
later minor version than one whose release warned of it.
"""

import re
import tomllib
from collections.abc import Iterable
from typing import Final, NamedTuple

TAG: Final = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?")
VERSION: Final = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")


class Release(NamedTuple):
    """A version that was released, under a tag."""

    version: tuple[int, int, int]
    tag: str


def releases(tags: Iterable[str]) -> list[Release]:
    """The releases among these tags, the oldest first."""
    matches = [(match, tag) for tag in tags if (match := TAG.fullmatch(tag))]
    return sorted(Release((int(match[1]), int(match[2]), int(match[3] or 0)), tag) for match, tag in matches)


def version_in(pyproject: str) -> tuple[int, int, int] | None:
    """The version that the text of a pyproject.toml gives its project; None when it is worked out elsewhere."""
    try:
        tables = tomllib.loads(pyproject)
    except tomllib.TOMLDecodeError:
        return None
    for table in (tables.get("project"), tables.get("tool", {}).get("poetry")):
        if isinstance(table, dict) and isinstance(given := table.get("version"), str) and (match := VERSION.match(given)):
            return int(match[1]), int(match[2]), int(match[3] or 0)
    return None


def settled(known: Iterable[Release], now: tuple[int, int, int] | None) -> Release | None:
    """The last release whose minor version is over once the version `now` is out. None: every release is of the same one.

    A version that nothing states, or that is out already, says nothing of the next: it may be a minor one, and counts as one.
    """
    ordered = list(known)
    if not ordered:
        return None
    if now is None or now <= ordered[-1].version:
        return ordered[-1]
    return next((each for each in reversed(ordered) if each.version[:2] < now[:2]), None)
