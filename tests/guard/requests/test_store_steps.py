"""Two methods that mean one key outside of the process are two steps: what one has read, the other writes too late."""

import pytest

from netra.guard.requests.store_steps import in_two_calls
from tests.guard.programs import analysed, function

TEXT = """
class Holds:
    def __init__(self, redis):
        self.redis = redis

    def key(self, show, seat):
        return f"hold:{{show}}:{{seat}}"

    async def holder(self, show, seat):
        return await self.redis.get(self.key(show, seat))

    async def put(self, show, seat, buyer):
        await self.redis.set(self.key(show, seat), buyer{how})

    async def left(self, show):
        return int(await self.redis.get(f"stock:{{show}}") or 0)

    async def keep(self, show, left):
        await self.redis.set(f"stock:{{show}}", left)


class Checkout:
    def __init__(self, holds: Holds):
        self.holds = holds

    async def hold(self, show, seat, buyer):
        holder = await self.holds.holder({asked})
        {test}
        await self.holds.put(show, seat, buyer)

    async def sell(self, show, count):
        left = await self.holds.left(show)
        charge = await self.charge(count)
        await self.holds.keep(show, {kept})
"""


def _found(scope: str, **given: str) -> list[tuple[int, bool]]:
    usual = {"how": "", "asked": "show, seat", "test": "if holder is not None: raise Taken", "kept": "left - count"}
    analysis = analysed(TEXT.format(**usual | given))
    found = in_two_calls(function(analysis.program, f"example.Checkout.{scope}"), analysis)
    return [(each.call.line - each.looked.line, each.free) for each in found]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, [(2, True)]),
        ({"test": "if holder not in (None, buyer): raise Taken"}, [(2, True)]),
        ({"test": "if holder and holder != buyer: return False"}, [(2, True)]),
        ({"how": ", nx=True"}, []),
        ({"asked": "show, other"}, []),
        ({"test": "if holder is not None: return"}, []),
        ({"test": "if holder is None: warn()"}, []),
    ],
)
def test_what_is_seen_to_be_free_is_taken(given: dict[str, str], expected: list[tuple[int, bool]]) -> None:
    assert _found("hold", **given) == expected


@pytest.mark.parametrize(("kept", "expected"), [("left - count", [(2, False)]), ("left", []), ("count", [])])
def test_what_was_counted_is_written_back(kept: str, expected: list[tuple[int, bool]]) -> None:
    assert _found("sell", kept=kept) == expected
