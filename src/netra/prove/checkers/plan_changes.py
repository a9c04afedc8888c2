"""A change of plan reaches every open connection within five seconds, and the next use of a tool obeys it."""

from collections.abc import Iterator, Sequence
from typing import Final

from netra.prove.checkers import Breach
from netra.prove.history import Seen, operations
from netra.prove.targets import Ability

NEEDS: Final = frozenset({Ability.PLANS, Ability.PROCESSES})

WITHIN: Final = 5.0
"""Seconds (specification, section 6)."""


def check(records: Sequence[Seen]) -> Iterator[Breach]:
    """Judges operations `change_plan` against the events that their readers received."""
    told = [record for record in records if record.kind == "event" and record.name == "plan_changed"]
    for each in operations(records):
        if each.name != "change_plan" or each.outcome is None or each.result != "ok":
            continue
        plan, since = each.outcome.data["plan"], each.outcome.at
        for reader in each.outcome.data.get("readers", ()):
            heard = [one for one in told if one.user == each.user and one.data["reader"] == reader and one.data["plan"] == plan]
            in_time = [one for one in heard if each.invoke.at <= one.at <= since + WITHIN]
            if not in_time and not _broke(records, each.user, reader, since):
                late = f"only after {heard[0].at - since:.1f} s" if heard and heard[0].at > since else "never"
                yield Breach(
                    "plan-changes",
                    f"user {each.user}'s plan became {plan} at {since:.1f} s, and {reader} heard of it {late}",
                    (each.invoke, each.outcome),
                )


def _broke(records: Sequence[Seen], user: int, reader: str, since: float) -> bool:
    """Whether the connection was cut in that time: then it hears of the change when it is back."""
    return any(
        record.kind == "measured"
        and record.name == "disconnected"
        and record.user == user
        and record.data["reader"] == reader
        and since - WITHIN <= record.at <= since + WITHIN
        for record in records
    )
