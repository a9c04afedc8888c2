"""What was seen of a proof, in the order in which it was seen: one JSON object a line.

A user's operation is an `invoke` and then one of `ok` (the server said yes), `fail` (it said no, and nothing happened) or
`unknown` (nobody can know: the connection broke, or the time was up). The rest are observations: an event that arrived, a
cursor that was given up, a mark where it does not belong, a fault and how often it bit, a measurement.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

Kind = Literal["user", "invoke", "ok", "fail", "unknown", "event", "log", "foreign", "leaked", "fault", "measured", "said"]

OUTCOMES: Final = frozenset({"ok", "fail", "unknown"})


@dataclass(frozen=True, slots=True)
class Seen:
    """One line of a history."""

    at: float
    """Seconds since the proof began."""
    kind: Kind
    name: str
    """The operation, the type of the event, the fault, the sink, the quantity."""
    user: int = -1
    """Whose it is, or who saw it; -1: nobody's."""
    operation: int = -1
    """What joins an outcome to its `invoke`."""
    data: dict[str, Any] = field(default_factory=dict)

    def line(self) -> str:
        return json.dumps([self.at, self.kind, self.name, self.user, self.operation, self.data], separators=(",", ":"))

    @classmethod
    def read(cls, line: str) -> "Seen":
        """Raises `ValueError` for what no proof has written."""
        try:
            at, kind, name, user, operation, data = json.loads(line)
        except (TypeError, ValueError) as error:
            raise ValueError(f"this is no line of a history: {line[:100]!r}") from error
        return cls(at, kind, name, user, operation, data)


class History:
    """A growing history; `listening` hears every record as it comes."""

    def __init__(self, records: Iterable[Seen] = (), *, now: Callable[[], float] = time.monotonic) -> None:
        self.records = list(records)
        self.listening: Callable[[Seen], None] | None = None
        self._now = now
        self._began = now()
        self._operations = 0

    def __iter__(self) -> Iterator[Seen]:
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)

    @property
    def age(self) -> float:
        """Seconds since the proof began."""
        return self._now() - self._began

    def see(self, kind: Kind, name: str, user: int = -1, operation: int = -1, /, **data: Any) -> Seen:
        record = Seen(round(self.age, 6), kind, name, user, operation, data)
        self.records.append(record)
        if self.listening is not None:
            self.listening(record)
        return record

    def invoke(self, name: str, user: int, /, **data: Any) -> int:
        """An operation begins. Returns its number."""
        self._operations += 1
        self.see("invoke", name, user, self._operations, **data)
        return self._operations

    def save(self, path: Path) -> None:
        with path.open("w", encoding="utf-8") as file:
            file.writelines(record.line() + "\n" for record in self.records)

    @classmethod
    def load(cls, path: Path) -> "History":
        """Raises `ValueError` naming the line that cannot be read."""
        records = []
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                try:
                    records.append(Seen.read(line))
                except ValueError as error:
                    raise ValueError(f"{path}:{number}: {error}") from error
        return cls(records)


@dataclass(frozen=True, slots=True)
class Operation:
    """What a user did, and what became of it."""

    invoke: Seen
    outcome: Seen | None
    """None: the proof ended before it did, which is as good as unknown."""

    @property
    def name(self) -> str:
        return self.invoke.name

    @property
    def user(self) -> int:
        return self.invoke.user

    @property
    def result(self) -> str:
        return "unknown" if self.outcome is None else self.outcome.kind

    @property
    def seconds(self) -> float | None:
        return None if self.outcome is None else self.outcome.at - self.invoke.at


def operations(records: Iterable[Seen]) -> list[Operation]:
    """Each operation with its outcome, in the order in which they began."""
    begun: dict[int, Seen] = {}
    ended: dict[int, Seen] = {}
    for record in records:
        if record.kind == "invoke":
            begun[record.operation] = record
        elif record.kind in OUTCOMES:
            ended.setdefault(record.operation, record)
    return [Operation(invoke, ended.get(number)) for number, invoke in begun.items()]
