"""A resume is the exact suffix, byte for byte, or an explicit reset; a cursor that makes no sense is refused.

Judges operations `resume` against the uninterrupted reading (`read_whole`) that each of them names.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from netra.prove.checkers import Breach
from netra.prove.history import Operation, Seen, operations
from netra.prove.targets import Ability

NEEDS: Final = frozenset({Ability.RESUME, Ability.CURSORS})


def check(records: Sequence[Seen]) -> Iterator[Breach]:
    """`must` says what is due: `suffix`, `reset` or `refuse`. What came after the uninterrupted reading is not compared."""
    done = {each.invoke.operation: each for each in operations(records)}
    for each in done.values():
        if each.name == "resume" and each.outcome is not None and each.result != "unknown":
            yield from _resume(each, done.get(each.invoke.data["of"]))


def _resume(resumed: Operation, whole: Operation | None) -> Iterator[Breach]:
    given, outcome = resumed.invoke.data, resumed.outcome
    assert outcome is not None
    if whole is None or whole.outcome is None or whole.result != "ok":
        return
    what = f"at {outcome.at:.1f} s user {resumed.user} went on over {given['way']} {given['what']}"
    proof = (whole.outcome, resumed.invoke, outcome)
    if resumed.result == "fail":
        # What is refused only for now tells nothing.
        if given["must"] != "refuse" and not outcome.data.get("limited"):
            yield Breach("resumes", f"{what}, and was refused ({outcome.data.get('status')})", proof)
        return
    reset = outcome.data["reset"]
    if given["must"] == "refuse":
        yield Breach("resumes", f"{what}, and was given {len(outcome.data['events'])} events", proof)
    elif given["must"] == "reset" and reset is None:
        yield Breach("resumes", f"{what}, and was told of no reset", proof)
    elif given["must"] == "suffix" and reset is not None:
        yield Breach("resumes", f"{what}, and was told to forget what it had ({reset})", proof)
    else:
        yield from _compare(what, given["after"] if reset is None else 0, whole.outcome, outcome, proof)


def _compare(what: str, after: int, whole: Seen, got: Seen, proof: tuple[Seen, ...]) -> Iterator[Breach]:
    known = dict(whole.data["events"])
    due = [seq for seq in known if seq > after]
    last = max(known, default=0)
    came = [(seq, digest) for seq, digest in got.data["events"] if seq <= last]
    seqs = [seq for seq, _ in came]
    if seqs != due:
        wrong = next((seq for seq in due if seq not in seqs), None)
        lack = f"event {wrong} is missing" if wrong is not None else f"it is {seqs}, not {due}"
        yield Breach("resumes", f"{what}, and what it got is not the rest: {lack}", proof)
    elif other := [seq for seq, digest in came if known[seq] != digest]:
        yield Breach("resumes", f"{what}, and event {other[0]} has other bytes than an uninterrupted reader got", proof)
