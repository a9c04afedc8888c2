"""A field of a row that is counted in the program after a look at it is found; one that the database guards is not."""

import pytest

from netra.guard.requests.rows import counted_rows, lost_amounts
from tests.guard.programs import analysed, function


def _found(*lines: str) -> list[tuple[str, str, int, int]]:
    text = "\n".join(["async def redeem(session, code):", *(f"    {line}" for line in lines)])
    analysis = analysed(text)
    found = counted_rows(function(analysis.program, "example.redeem"), analysis)
    return [(each.row, each.field, each.looked, each.change.line) for each in found]


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


HANDED = """
from fastapi import Depends

async def current(token):
    member = await Member.get_or_none(token=token{locked})
    if member is None:
        raise Missing
    return member

async def active(member=Depends(current)):
    return member

async def redeem(seconds, member={default}):
    if member.credits < seconds:
        raise Broke
    url = await draw(seconds)
    member.credits -= seconds
    await member.save()
"""


@pytest.mark.parametrize(
    ("default", "locked", "expected"),
    [
        ("Depends(current)", "", ["member"]),
        ("Depends(active)", "", ["member"]),
        ("Depends(current)", ", for_update=True", []),
        ("None", "", []),
    ],
)
def test_a_dependency_may_have_fetched_the_row(default: str, locked: str, expected: list[str]) -> None:
    analysis = analysed(HANDED.format(default=default, locked=locked))
    found = counted_rows(function(analysis.program, "example.redeem"), analysis)
    assert [each.row for each in found] == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("row.balance += amount", ["balance"]),
        ("row.stock_left = row.stock_left - amount", ["stock_left"]),
        ("row.visits += 1", []),
        ("row.balance = Row.balance + amount", []),
        ("row.balance = amount", []),
    ],
)
def test_goods_and_money_are_counted_without_a_limit(change: str, expected: list[str]) -> None:
    text = f"""
        async def pay(session, key, amount):
            row = await session.get(Row, key)
            {change}
            await session.commit()
        """
    analysis = analysed(text)
    assert [each.field for each in lost_amounts(function(analysis.program, "example.pay"))] == expected
