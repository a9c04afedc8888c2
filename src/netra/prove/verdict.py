"""What a history proves: which promises held, which were broken, and whether the faults have bitten at all."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from netra.prove.checkers import Breach, Checker, load
from netra.prove.history import Seen, operations
from netra.prove.targets import Ability


class Conclusion(Enum):
    """What a proof says. The value is the status that the command ends with."""

    PROVED = 0
    BREACH = 1
    INCONCLUSIVE = 2


@dataclass(frozen=True, slots=True)
class FaultCount:
    """How often one fault was injected, and how often it bit."""

    name: str
    injected: int
    bites: int


@dataclass(frozen=True, slots=True)
class Judgement:
    """The judgement over one history."""

    outcome: Conclusion
    breaches: tuple[Breach, ...]
    promises: Mapping[str, tuple[str, int]]
    """By checker: what it promises, and how often that was broken."""
    not_applicable: Mapping[str, tuple[str, tuple[str, ...]]]
    """By checker that judged nothing: what it promises, and what the server cannot do that it needs."""
    faults: tuple[FaultCount, ...]
    operations: Mapping[str, Mapping[str, int]]
    """By operation: how many ended `ok`, `fail` and `unknown`."""
    users: int
    events: int
    seconds: float
    doubts: tuple[str, ...]
    """Why it is inconclusive, where it is."""


def judge(records: Sequence[Seen], checkers: Mapping[str, Checker] | None = None) -> Judgement:
    """Run every checker over a history that its server can be judged by."""
    known = load() if checkers is None else checkers
    lacking = {name: _lacking(records, checker.needs) for name, checker in known.items()}
    chosen = {name: checker for name, checker in known.items() if not lacking[name]}
    found = {name: tuple(checker.check(records)) for name, checker in chosen.items()}
    breaches = tuple(breach for each in found.values() for breach in each)
    faults = _faults(records)
    doubts = [f"{fault.name} was injected and bit nobody" for fault in faults if fault.bites == 0]
    scheduled = {name for record in records if record.name == "schedule" for _, name in record.data.get("moments", ())}
    doubts += [f"{name} was to come and did not" for name in sorted(scheduled - {fault.name for fault in faults})]
    doubts += [record.data["why"] for record in records if record.kind == "said" and record.name == "doubt"]
    counts: dict[str, Counter[str]] = {}
    for each in operations(records):
        counts.setdefault(each.name, Counter())[each.result] += 1
    events = sum(record.kind == "event" for record in records)
    if not events or not any(count["ok"] for count in counts.values()):
        doubts.append("nothing was seen to happen: no operation succeeded, or no event arrived")
    if not any(record.kind == "log" for record in records):
        doubts.append("no thread could be read back at the end")
    outcome = Conclusion.BREACH if breaches else Conclusion.INCONCLUSIVE if doubts else Conclusion.PROVED
    return Judgement(
        outcome,
        breaches,
        {name: (chosen[name].promise, len(each)) for name, each in found.items()},
        {name: (known[name].promise, lacks) for name, lacks in lacking.items() if lacks},
        faults,
        counts,
        sum(record.kind == "user" for record in records),
        events,
        max((record.at for record in records), default=0.0),
        tuple(doubts),
    )


def _lacking(records: Sequence[Seen], needs: frozenset[Ability]) -> tuple[str, ...]:
    """What is needed and the server of this history cannot do. One that nobody has described can do everything."""
    for record in records:
        if record.kind == "said" and record.name == "target":
            return tuple(sorted(need.value for need in needs if need.value not in record.data["abilities"]))
    return ()


def _faults(records: Sequence[Seen]) -> tuple[FaultCount, ...]:
    injected: Counter[str] = Counter()
    bites: Counter[str] = Counter()
    for record in records:
        if record.kind == "fault":
            injected[record.name] += bool(record.data.get("began"))
            bites[record.name] += record.data.get("bites", 0)
    return tuple(FaultCount(name, injected[name], bites[name]) for name in sorted(injected))
