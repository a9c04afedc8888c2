"""What was asked for once happens once: one run for one key, however often it is sent and whatever breaks meanwhile."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from netra.prove.checkers import Breach
from netra.prove.history import Operation, Seen, operations
from netra.prove.targets import Ability

NEEDS: Final = frozenset({Ability.KEYS})


def check(records: Sequence[Seen]) -> Iterator[Breach]:
    """Judges operations `start_run` by their key, and what the logs say of each request."""
    keyed: dict[tuple[int, str], list[Operation]] = defaultdict(list)
    for each in operations(records):
        if each.name == "start_run" and each.invoke.data.get("key"):
            keyed[each.user, each.invoke.data["key"]].append(each)
    asked = {each.invoke.data["mark"]: each for group in keyed.values() for each in group if "mark" in each.invoke.data}
    for (user, key), group in keyed.items():
        runs = {each.outcome.data["run"] for each in group if each.outcome is not None and each.result == "ok"}
        if len(runs) > 1:
            proof = tuple(each.outcome for each in group if each.outcome is not None)
            yield Breach("effects", f"user {user} sent the key {key} {len(group)} times and got {len(runs)} runs", proof)
    for log in records:
        if log.kind == "log":
            by_mark: dict[str, list[str]] = defaultdict(list)
            for run_id, mark in log.data.get("started", {}).items():
                by_mark[mark].append(run_id)
            for mark, runs_of in by_mark.items():
                if len(runs_of) > 1 and mark in asked:
                    witness = f"one request of user {log.user} ({mark}) has become {len(runs_of)} runs: {', '.join(runs_of)}"
                    yield Breach("effects", witness, (asked[mark].invoke, log))
