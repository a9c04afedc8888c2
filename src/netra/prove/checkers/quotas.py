"""A plan's allowance is exact: never one use more, and no refusal before it is used up."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from netra.prove.checkers import Breach
from netra.prove.history import Operation, Seen, operations
from netra.prove.targets import Ability

NEEDS: Final = frozenset({Ability.PLANS, Ability.TOOLS})


def check(records: Sequence[Seen]) -> Iterator[Breach]:
    """Judges operations `use_tool` whose `invoke` names the tool and its allowance."""
    used: dict[tuple[int, str], list[Operation]] = defaultdict(list)
    for each in operations(records):
        if each.name == "use_tool" and each.invoke.data.get("allowance") is not None:
            used[each.user, each.invoke.data["tool"]].append(each)
    for (user, tool), uses in used.items():
        allowance = uses[0].invoke.data["allowance"]
        had = [each for each in uses if each.result == "ok"]
        perhaps = [each for each in uses if each.result == "unknown"]
        if len(had) > allowance:
            proof = tuple(each.outcome for each in had if each.outcome is not None)
            yield Breach("quotas", f"user {user} used {tool} {len(had)} times, of an allowance of {allowance}", proof)
        refused = [each for each in uses if each.result == "fail" and each.outcome and each.outcome.data.get("limited")]
        # What nobody knows may have been counted, and so may what was refused only after the last use had begun.
        if refused and len(had) + len(perhaps) < allowance:
            witness = f"user {user} was refused {tool} after {len(had)} uses of an allowance of {allowance}"
            yield Breach("quotas", witness, tuple(each.outcome for each in refused[:1] if each.outcome is not None))
