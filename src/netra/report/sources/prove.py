"""The JSON verdict of `netra prove` as evidence."""

from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from netra.report.impact import of_promise
from netra.report.model import Coverage, Defect, Evidence, ReportRefused, Source

MOST_WITNESSES: Final = 3
"""Witnesses of one defect that a report repeats; the page of the proof has them all."""


class ProvePromise(msgspec.Struct, frozen=True):
    """A promise, and how often it was broken."""

    checker: str
    promise: str
    breaches: int


class ProveFault(msgspec.Struct, frozen=True):
    """A fault, how often it was injected, and how often it bit."""

    fault: str
    injected: int
    bites: int


class ProveBreach(msgspec.Struct, frozen=True):
    """A broken promise with its witness and the records that prove it: time, kind, name, user, operation, data."""

    checker: str
    witness: str
    records: tuple[tuple[float, str, str, int, int, dict[str, Any]], ...]


class ProveVerdict(msgspec.Struct, frozen=True):
    """What `netra prove --json` writes, as far as a report needs it."""

    version: int
    verdict: Literal["proved", "breach", "inconclusive"]
    command: str
    began_at: datetime
    users: int
    events: int
    seconds: float
    doubts: tuple[str, ...]
    promises: tuple[ProvePromise, ...]
    faults: tuple[ProveFault, ...]
    breaches: tuple[ProveBreach, ...]


def read(content: bytes, origin: str) -> Evidence:
    """The evidence of a verdict. Raises `ReportRefused` for anything else."""
    try:
        verdict = msgspec.json.decode(content, type=ProveVerdict)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ReportRefused(f"{origin}: {error}; `netra prove --self --json {origin}` writes one") from error
    doubts = list(verdict.doubts)
    if not verdict.promises:
        doubts.append("no promise was judged")
    if not verdict.faults:
        doubts.append("nothing went wrong meanwhile: no fault was injected")
    bit = [promise_fault.fault for promise_fault in verdict.faults if promise_fault.bites]
    # A promise is only known to hold where everything that was to happen did: a doubt is a doubt about each of them.
    held = [] if verdict.doubts else [each.checker for each in verdict.promises if not each.breaches]
    return Evidence(
        Source.PROVE,
        origin,
        verdict.began_at,
        f"{verdict.users} users, {verdict.events:,} events, {verdict.seconds:.0f} seconds, {len(bit)} faults that bit",
        verdict.command,
        tuple(_defects(verdict, bit)),
        Coverage(frozenset([*map(promise_held, held), *map(fault_bit, bit)]), effort=verdict.users * verdict.seconds),
        tuple(doubts),
    )


def promise_held(checker: str) -> str:
    """What the coverage of a proof says of a promise that nothing broke."""
    return f"promise {checker}"


def fault_bit(fault: str) -> str:
    """What the coverage of a proof says of a fault that bit."""
    return f"fault {fault}"


def _defects(verdict: ProveVerdict, bit: list[str]) -> list[Defect]:
    """One for each promise and fault: a thousand witnesses of one thing are one thing."""
    witnesses: dict[tuple[str, str], list[str]] = {}
    for breach in verdict.breaches:
        fault = next((name for _, kind, name, *_ in breach.records if kind == "fault"), "")
        witnesses.setdefault((breach.checker, fault), []).append(breach.witness)
    promises = {each.checker: each.promise for each in verdict.promises}
    found = []
    for (checker, fault), seen in sorted(witnesses.items()):
        promise = promises.get(checker, "")
        risk, impact = of_promise(checker, promise)
        # Without a fault of its own, whatever went wrong at the time may have been the reason.
        faults = [fault] if fault else bit
        found.append(
            Defect(
                Source.PROVE,
                f"{checker} {fault}".strip(),
                f"{checker} during {fault}" if fault else checker,
                promise,
                impact,
                risk,
                verdict.command,
                f"{len(seen)} {'witness' if len(seen) == 1 else 'witnesses'}",
                tuple(seen[:MOST_WITNESSES]),
                (promise_held(checker), *map(fault_bit, faults)),
            )
        )
    return found
