"""Within fifteen seconds of a fault's end the server serves again."""

from collections.abc import Iterator, Sequence
from typing import Final

from netra.prove.checkers import Breach
from netra.prove.history import Seen, operations
from netra.prove.targets import Ability

NEEDS: Final = frozenset({Ability.PROCESSES})

WITHIN: Final = 15.0
"""Seconds (faults.md, I9)."""


def check(records: Sequence[Seen]) -> Iterator[Breach]:
    """Judges `fault` records that stopped the server against what succeeded after them.

    And operations `recover`, which begin where a fault has ended and end where the server served again, or was given up.
    """
    served = [record.at for record in records if record.kind == "ok"]
    last = max((record.at for record in records if record.kind in ("ok", "fail", "unknown")), default=0.0)
    for fault in records:
        if fault.kind == "fault" and fault.data.get("ended") and fault.data.get("bites") and fault.data.get("stops"):
            # A proof that ended before then tells nothing.
            if last < fault.at + WITHIN:
                continue
            if not any(fault.at <= at <= fault.at + WITHIN for at in served):
                later = min((at for at in served if at > fault.at), default=None)
                when = "never again" if later is None else f"only {later - fault.at:.1f} s later"
                yield Breach("recovery", f"{fault.name} was over at {fault.at:.1f} s, and the server served {when}", (fault,))
    for each in operations(records):
        if each.name == "recover" and each.outcome is not None and (each.result != "ok" or (each.seconds or 0.0) > WITHIN):
            when = f"only {each.seconds:.1f} s later" if each.result == "ok" else "never again"
            witness = f"{each.invoke.data['what']} was over at {each.invoke.at:.1f} s, and the server served {when}"
            yield Breach("recovery", witness, (each.invoke, each.outcome))
