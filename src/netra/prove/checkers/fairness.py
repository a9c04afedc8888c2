"""Neighbours of a fault, a flood or a slow reader keep their pace: their p99 stays within twice that without any fault."""

import math
from collections.abc import Iterator, Sequence
from typing import Final

from netra.prove.checkers import Breach
from netra.prove.history import Seen, operations

TIMES: Final = 2.0
ENOUGH: Final = 50
"""Fewer operations have no p99 worth comparing."""
FLOOR: Final = 0.25
"""Seconds. Below this, twice as much is the noise of a shared machine, and no user's loss."""
SLOW: Final = 0.01
"""The share of operations that may be slower than twice the usual p99: p99 is what all but so many keep."""
CHANCE: Final = 0.001
"""How probable it may be at most that so many slow ones are chance, where the share is kept."""


def check(records: Sequence[Seen]) -> Iterator[Breach]:
    """Judges windows: `fault` records with `neighbours`, the users that the fault leaves alone, from `began` to `ended`."""
    faults = [(each.data["began_at"], each.at, each) for each in records if each.kind == "fault" and each.data.get("ended")]
    timed = [each for each in operations(records) if each.invoke.data.get("timed") and each.result == "ok"]
    calm = [each.seconds or 0.0 for each in timed if not any(start <= each.invoke.at <= end for start, end, _ in faults)]
    if len(calm) < ENOUGH:
        return
    usual = p99(calm)
    for start, end, fault in faults:
        if not fault.data.get("neighbours"):
            continue
        if any(other is not fault and begun < end and start < over for begun, over, other in faults):
            continue  # something else went wrong meanwhile: nobody can say what slowed them down
        neighbours = frozenset(fault.data["neighbours"])
        during = [each.seconds or 0.0 for each in timed if each.user in neighbours and start <= each.invoke.at <= end]
        slow = sum(each > max(TIMES * usual, FLOOR) for each in during)
        # Two slow ones of a hundred and fifty are a p99 that is twice the usual, and no more than chance.
        if len(during) >= ENOUGH and at_least(slow, len(during), SLOW) < CHANCE:
            witness = (
                f"during {fault.name} its neighbours' p99 was {p99(during) * 1000:.0f} ms, of {usual * 1000:.0f} ms without"
            )
            yield Breach("fairness", witness, (fault,))


def p99(seconds: Sequence[float]) -> float:
    """The time within which all but one in a hundred were done."""
    return sorted(seconds)[min(len(seconds) - 1, int(len(seconds) * 0.99))]


def at_least(hits: int, tries: int, share: float) -> float:
    """How probable it is that of so many tries, each of which hits with the probability `share`, so many hit or more."""
    logs = (
        math.lgamma(tries + 1)
        - math.lgamma(count + 1)
        - math.lgamma(tries - count + 1)
        + count * math.log(share)
        + (tries - count) * math.log1p(-share)
        for count in range(hits)
    )
    return 1.0 - math.fsum(map(math.exp, logs))
