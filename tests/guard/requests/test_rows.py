"""A field of a row that is counted in the program after a look at it is found; one that the database guards is not."""

import pytest

from netra.guard.requests.rows import counted_rows
from tests.guard.programs import function, program


def _found(*lines: str) -> list[tuple[str, str, int, int]]:
    text = "\n".join(["async def redeem(session, code):", *(f"    {line}" for line in lines)])
    scope = function(program({"example.py": text}), "example.redeem")
    return [(each.row, each.field, each.looked, each.change.line) for each in counted_rows(scope)]


FETCHED = "coupon = await session.get(Coupon, code)"
LOOKED = ("if coupon.left < 1:", "    return None")
SAVED = "await session.commit()"


@pytest.mark.parametrize("change", ["coupon.left -= 1", "coupon.left = coupon.left - 1"])
def test_a_row_is_counted_after_whoever_comes_too_late_is_sent_away(change: str) -> None:
    assert _found(FETCHED, *LOOKED, change, SAVED) == [("coupon", "left", 3, 5)]


def test_a_row_is_counted_within_the_test_of_it() -> None:
    assert _found(FETCHED, "if coupon.left > 0:", "    coupon.left -= 1", SAVED) == [("coupon", "left", 3, 4)]


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(("coupon = await session.get(Coupon, code, with_for_update=True)", *LOOKED), id="locked by a keyword"),
        pytest.param(("coupon = await query(code).with_for_update().first()", *LOOKED), id="locked by a call"),
        pytest.param(("coupon = Coupon(code)", *LOOKED), id="made here"),
        pytest.param((FETCHED,), id="never looked at"),
        pytest.param((FETCHED, "if coupon.left == 1:", "    return None"), id="no limit"),
        pytest.param((FETCHED, "if coupon.used < 1:", "    return None"), id="another field"),
        pytest.param((FETCHED, "if coupon.left < 1:", "    warn(code)"), id="nobody sent away"),
    ],
)
def test_a_row_is_let_be_where_nothing_is_lost(lines: tuple[str, ...]) -> None:
    assert _found(*lines, "coupon.left -= 1", SAVED) == []


@pytest.mark.parametrize("rest", [("coupon.left -= 1",), ("coupon.left = 3", SAVED)])
def test_a_row_that_is_not_written_back_or_not_counted_is_none(rest: tuple[str, ...]) -> None:
    assert _found(FETCHED, *LOOKED, *rest) == []
