"""What a record of system calls tells of power loss: whether the log of writes is on disk before a commit is acknowledged.

A process that is killed leaves its writes to the kernel, so only the order of calls can show what a machine that loses its
power would keep: between the request to commit and its acknowledgement, an `fdatasync` has to begin and to return, in this
process or, since PostgreSQL flushes for several at once, in another. Pure functions of the lines that `strace -f` writes.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

TRACED: Final = ("recvfrom", "sendto", "fdatasync", "fsync")
SHOWN: Final = 16_384
"""Bytes of each message that strace has to show: PostgreSQL sends and receives eight kibibytes at once."""
SYNCS: Final = frozenset({"fdatasync", "fsync"})
LINE: Final = re.compile(
    r"^(?:\[pid +)?(?P<pid>\d+)\]? +(?:(?P<call>\w+)\((?P<begun>.*)|<\.\.\. (?P<resumed>\w+) resumed>(?P<rest>.*))$"
)
UNFINISHED: Final = "<unfinished ...>"
FAILED: Final = re.compile(r"= -1 E\w+")
WROTE: Final = re.compile(r"C\\0\\0\\0.{1,4}(?:INSERT 0|UPDATE|DELETE) [1-9]\d*\\0")
"""What PostgreSQL calls a statement that has changed rows."""
COMMIT: Final = "COMMIT"
COMMITTED: Final = r"C\0\0\0\vCOMMIT\0"
OVER: Final = re.compile(r"Z\\0\\0\\0\\5I")
"""Ready for the next query, and in no transaction."""


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """A transaction that has changed something, and was said to be committed."""

    pid: int
    line: int
    """Of the record, from 1: where the acknowledgement left."""
    synced: bool
    """Whether what it promises was on disk by then."""


@dataclass(slots=True)
class _Backend:
    """One process of PostgreSQL, as far as its present transaction is known."""

    asked: int | None = None
    """The line in which it was asked to commit."""
    wrote: bool = False
    unfinished: dict[str, tuple[int, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SystemCall:
    """One call, from the line in which it began to that in which it returned."""

    pid: int
    name: str
    begun: int
    returned: int
    text: str

    @property
    def failed(self) -> bool:
        return FAILED.search(self.text) is not None


def acknowledgements(lines: Iterable[str]) -> list[Acknowledgement]:
    """Every commit that is acknowledged in this record, and whether that was safe. What began before the record is left out."""
    calls = sorted(system_calls(lines), key=lambda call: call.begun)
    syncs = [call for call in calls if call.name in SYNCS and not call.failed]
    backends: dict[int, _Backend] = {}
    found = []
    for call in sorted((each for each in calls if each.name not in SYNCS), key=_moment):
        backend = backends.setdefault(call.pid, _Backend())
        if call.name == "recvfrom":
            if COMMIT in call.text:
                backend.asked = call.returned
            continue
        backend.wrote = backend.wrote or WROTE.search(call.text) is not None
        if COMMITTED in call.text and backend.asked is not None and backend.wrote:
            asked, told = backend.asked, call.begun
            safe = any(asked <= sync.begun and sync.returned < told for sync in syncs)
            found.append(Acknowledgement(call.pid, told, safe))
        if COMMITTED in call.text or OVER.search(call.text) is not None:
            backend.asked, backend.wrote = None, False
    return found


def _moment(call: SystemCall) -> int:
    """When it counts: what is received when it is there, what is sent when it begins to leave."""
    return call.returned if call.name == "recvfrom" else call.begun


def system_calls(lines: Iterable[str]) -> Iterator[SystemCall]:
    """The calls of a record, those that others came between put together again."""
    begun: dict[tuple[int, str], tuple[int, str]] = {}
    for number, line in enumerate(lines, start=1):
        match = LINE.match(line.strip())
        if match is None:
            continue  # a signal, a process that ended
        pid = int(match["pid"])
        if match["call"] is not None:
            if UNFINISHED in match["begun"]:
                begun[pid, match["call"]] = number, match["begun"].replace(UNFINISHED, "")
            else:
                yield SystemCall(pid, match["call"], number, number, match["begun"])
        elif (start := begun.pop((pid, match["resumed"]), None)) is not None:
            yield SystemCall(pid, match["resumed"], start[0], number, start[1] + match["rest"])
