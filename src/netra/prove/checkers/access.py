"""Who may not, cannot: a token that ended, a forged one and somebody else's id get nothing, and no two refusals tell apart."""

from collections.abc import Iterator, Sequence
from typing import Final

from netra.prove.checkers import Breach
from netra.prove.history import Seen, operations
from netra.prove.targets import Ability

# Where nothing is kept there is nothing of somebody else to ask for.
NEEDS: Final = frozenset({Ability.ISOLATION, Ability.LOG})


def check(records: Sequence[Seen]) -> Iterator[Breach]:
    """Judges operations whose `invoke` says what the answer has to be (`expected`, a list of statuses or close codes)."""
    for record in records:
        if record.kind == "event" and "late" in record.data:
            late = f"{record.data['late']:.0f} s after the token of that connection had run out"
            yield Breach(
                "access", f"at {record.at:.1f} s user {record.user} received event {record.data['seq']} {late}", (record,)
            )
    for each in operations(records):
        expected = each.invoke.data.get("expected")
        if expected is None or each.outcome is None or each.result == "unknown":
            continue
        answer = each.outcome.data.get("status")
        if answer not in expected:
            wanted = " or ".join(str(one) for one in expected)
            witness = f"at {each.outcome.at:.1f} s {each.name} ({each.invoke.data.get('what', '')}) of user {each.user}"
            yield Breach("access", f"{witness} was answered {answer}, not {wanted}", (each.invoke, each.outcome))
        told = each.outcome.data.get("body")
        unknown = each.invoke.data.get("same_as")
        if unknown is not None and told is not None and told != unknown:
            witness = f"{each.invoke.data.get('what', each.name)}: one refusal can be told from another"
            yield Breach("access", f"{witness}: {told[:200]} / {unknown[:200]}", (each.invoke, each.outcome))
