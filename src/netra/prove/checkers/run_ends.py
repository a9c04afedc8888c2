"""Every run that was accepted begins once and ends in exactly one terminal event, and nothing of it follows that."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, Final

from netra.prove.checkers import Breach
from netra.prove.history import Seen, operations

TERMINAL: Final = frozenset({"agent_completed", "agent_failed", "agent_cancelled"})


def check(records: Sequence[Seen]) -> Iterator[Breach]:
    """The log of each thread, read at the end, is what is judged: `runs` of a `log` record are its events by run."""
    ended: dict[str, tuple[Seen, list[Any]]] = {}
    read = {log.data["thread"] for log in records if log.kind == "log"}
    stood = {run_id: words for said in records if said.name == "standings" for run_id, words in said.data["runs"].items()}
    for log in records:
        if log.kind == "log":
            for run_id, events in log.data["runs"].items():
                ended[run_id] = log, events
                yield from _run(log, run_id, events, stood.get(run_id, ""))
    for each in operations(records):
        if each.name == "start_run" and each.outcome is not None and each.result == "ok":
            run_id = each.outcome.data["run"]
            if run_id not in ended and each.outcome.data["thread"] in read:
                whose = f"user {each.user}'s run {run_id} was accepted at {each.outcome.at:.1f} s"
                witness = f"{whose}, and its thread knows nothing of it"
                yield Breach("run-ends", witness, (each.invoke, each.outcome))
        elif each.name == "deadly_run" and each.outcome is not None and each.result == "ok":
            yield from _deadly(each.outcome, each.invoke.data["attempts"])


def _deadly(outcome: Seen, attempts: int) -> Iterator[Breach]:
    """A run that kills every worker which executes it is given up, and not before its attempts are used up."""
    state, attempt = outcome.data["state"], outcome.data["attempt"]
    if state != "failed" or attempt != attempts:
        whose = f"user {outcome.user}'s run {outcome.data['run']}, which kills its worker every time"
        yield Breach("run-ends", f"{whose}, is {state} after {attempt} attempts, of {attempts} that it has", (outcome,))


def _run(log: Seen, run_id: str, events: list[Any], stood: str) -> Iterator[Breach]:
    types = [kind for kind, _ in events]
    terminal = [place for place, kind in enumerate(types) if kind in TERMINAL]
    whose = f"run {run_id} of user {log.user}"
    if not terminal:
        where = f" ({stood})" if stood else ""
        yield Breach("run-ends", f"{whose} has no end: its last event is {types[-1]}{where}", (log,))
    elif len(terminal) > 1:
        yield Breach("run-ends", f"{whose} ended {len(terminal)} times: {', '.join(types[at] for at in terminal)}", (log,))
    elif terminal[0] != len(types) - 1:
        yield Breach("run-ends", f"{whose} went on after its end: {types[terminal[0]]}, then {types[terminal[0] + 1]}", (log,))
    if types.count("agent_started") > 1:
        yield Breach("run-ends", f"{whose} began {types.count('agent_started')} times", (log,))
    calls: dict[str, list[str]] = defaultdict(list)
    for kind, call in events:
        if call:
            calls[call].append(kind)
    for call, kinds in calls.items():
        if kinds != ["tool_executing", "tool_completed"]:
            yield Breach("run-ends", f"{whose} tells of its call {call} as {', '.join(kinds)}", (log,))
