"""When which fault happens: drawn from a seed, and the same for the same seed."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from netra.prove.faults import InjectedFault

CALM: Final = 0.12
"""The share of the time at the beginning that stays without a fault: what everything later is compared with."""
LAST: Final = 0.85
"""No fault begins after this share of the time, so that the end is seen of each."""


ALONE: Final = 2.5
"""How many times as long as others a fault has the stage that has it alone."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A fault and when it begins, in seconds after the attack did."""

    at: float
    fault: str


def schedule(faults: Sequence[InjectedFault], seconds: float, seed: int) -> tuple[Moment, ...]:
    """Each fault once, in an order drawn from the seed, spread over the time: first those that are to be seen alone."""
    if not faults:
        return ()
    source = random.Random(f"{seed} schedule")  # noqa: S311 - a seed is to give the same again
    order = source.sample(list(faults), len(faults))
    alone = [each for each in order if each.alone]
    together = [each for each in order if not each.alone]
    begin, end = CALM * seconds, LAST * seconds
    step = (end - begin) / (len(together) + ALONE * len(alone))
    moments = [Moment(round(begin + step * ALONE * place, 3), each.name) for place, each in enumerate(alone)]
    begin += step * ALONE * len(alone)
    moments += [
        Moment(round(begin + step * (place + source.uniform(0, 0.5)), 3), each.name) for place, each in enumerate(together)
    ]
    return tuple(moments)
