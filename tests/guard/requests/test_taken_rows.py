"""A row is taken by two where it is looked at in one step and written for one in another, and nothing holds others off."""

import pytest

from netra.guard.requests.taken_rows import taken_rows
from tests.guard.programs import analysed, function

FIELD = """
    async def take(db, code, user_id, note):
        row = await db.get(Coupon, code{given})
        {test}
        row.{written}
        await db.commit()
    """
STATEMENT = """
    async def take(pool, bike, rider):
        current = await pool.fetchval("{select}", bike)
        if current is not None:
            raise Taken
        await pool.execute("{update}", bike, rider)
    """


def _found(text: str) -> list[str]:
    analysis = analysed(text)
    return [each.what for each in taken_rows(function(analysis.program, "example.take"), analysis)]


@pytest.mark.parametrize(
    ("given", "test", "written", "expected"),
    [
        ("", "if row.taken_by is not None: raise Taken", "taken_by = user_id", ["row.taken_by"]),
        ("", "if row is None or row.taken_by: raise Taken", "taken_by = user_id", ["row.taken_by"]),
        (", with_for_update=True", "if row.taken_by: raise Taken", "taken_by = user_id", []),
        ("", "if row is None: raise Missing", "taken_by = user_id", []),
        ("", "if row.taken_by: raise Taken", "note = note", []),
    ],
)
def test_a_field(given: str, test: str, written: str, expected: list[str]) -> None:
    assert _found(FIELD.format(given=given, test=test, written=written)) == expected


@pytest.mark.parametrize(
    ("select", "update", "expected"),
    [
        ("select rider from bikes where id = $1", "update bikes set rider = $2 where id = $1", ["bikes.rider"]),
        ("select rider from bikes where id = $1", "update bikes set rider = $2 where id = $1 and rider is null", []),
        ("select rider from bikes where id = $1 for update", "update bikes set rider = $2 where id = $1", []),
        ("select rider from bikes where id = $1", "update rides set rider = $2 where id = $1", []),
        ("select city from bikes where id = $1", "update bikes set rider = $2 where id = $1", []),
    ],
)
def test_a_statement(select: str, update: str, expected: list[str]) -> None:
    assert _found(STATEMENT.format(select=select, update=update)) == expected
