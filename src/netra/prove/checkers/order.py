"""Each thread's log is dense and in order for every reader: no gap, nothing twice, nothing that the log does not hold."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, Final

from netra.prove.checkers import Breach
from netra.prove.history import Seen
from netra.prove.targets import Ability

NEEDS: Final = frozenset({Ability.RESUME})

Key = tuple[int, str, Any]
"""User, thread, epoch."""


def check(records: Sequence[Seen]) -> Iterator[Breach]:
    """Judges `event` records against each other and against the `log` of their thread."""
    logs = {_key(record): record for record in records if record.kind == "log"}
    read: dict[tuple[int, str], list[Seen]] = defaultdict(list)
    for record in records:
        if record.kind == "event" and not record.data.get("loose"):
            read[record.user, record.data["reader"]].append(record)
    for (user, reader), events in read.items():
        yield from _reader(user, reader, events, logs)
    for log in logs.values():
        numbers = [seq for seq, _ in log.data["events"]]
        if (first := log.data.get("first", 1)) and numbers != list(range(first, first + len(numbers))):
            at = next(place for place, number in enumerate(numbers) if number != first + place)
            witness = (
                f"the log of user {log.user}'s thread {log.data['thread']} is not dense: "
                f"event {numbers[at - 1] if at else 'nothing'} is followed by {numbers[at]}"
            )
            yield Breach("order", witness, (log,))


def _reader(user: int, reader: str, events: list[Seen], logs: dict[Key, Seen]) -> Iterator[Breach]:
    last: dict[tuple[str, Any], Seen] = {}
    for record in events:
        place = record.data["thread"], record.data["epoch"]
        before, seq = last.get(place), record.data["seq"]
        expected = record.data.get("after", 0) + 1 if before is None else before.data["seq"] + 1
        if seq != expected:
            what = "again" if seq < expected else f"where event {expected} was due"
            witness = f"at {record.at:.1f} s user {user} received event {seq} of thread {place[0]} {what} ({reader})"
            yield Breach("order", witness, tuple(each for each in (before, record) if each))
            return
        log = logs.get((user, *place))
        if log is not None:
            known = dict(log.data["events"])
            if seq in known and known[seq] != record.data["digest"]:
                received = f"at {record.at:.1f} s user {user} received"
                if known.get(seq - 1) == record.data["digest"]:
                    witness = f"{received} event {seq - 1} of thread {place[0]} twice, where event {seq} was due ({reader})"
                else:
                    witness = f"{received} event {seq} of thread {place[0]} with other words than the log holds ({reader})"
                yield Breach("order", witness, (record, log))
                return
            if seq not in known and known and seq <= max(known):
                witness = f"at {record.at:.1f} s user {user} received event {seq} of thread {place[0]}, which its log lacks"
                yield Breach("order", witness, (record, log))
                return
        last[place] = record
    yield from _ends(user, reader, last, logs)


def _ends(user: int, reader: str, last: dict[tuple[str, Any], Seen], logs: dict[Key, Seen]) -> Iterator[Breach]:
    """A reader that stayed to the end has all that the log holds."""
    for place, record in last.items():
        log = logs.get((user, *place))
        if log is not None and log.data.get("stayed", {}).get(reader) and log.data["events"]:
            head = log.data["events"][-1][0]
            if record.data["seq"] < head:
                witness = (
                    f"user {user} never received event {record.data['seq'] + 1} of thread {place[0]}, of {head} ({reader})"
                )
                yield Breach("order", witness, (record, log))


def _key(record: Seen) -> Key:
    return record.user, record.data["thread"], record.data["epoch"]
