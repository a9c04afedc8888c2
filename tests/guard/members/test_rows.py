import pytest

from netra.guard.members.making import Making
from tests.guard.programs import analysed

HEAD = """
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
class User: ...
async def f(session: AsyncSession, number):
    statement = select(User)
    statement = statement.where(User.id == number)
    found = await session.execute(statement)
    rows = await session.scalars(statement.limit(1))
    x = """


@pytest.mark.parametrize(
    ("row", "kinds"),
    [
        ("await session.get(User, number)", {"User"}),
        ("await session.scalar(statement)", {"User"}),
        ("found.scalar_one()", {"User"}),
        ("found.scalars().first()", {"User"}),
        ("rows.unique().one_or_none()", {"User"}),
        ("session.get(User, number)", None),
        ("found.first()", None),
        ("await session.scalar(select(User, func.count()))", None),
        ("await session.scalar(select(func.count()))", None),
        ("await session.scalar(statement.with_only_columns(User.id))", None),
        ("await session.get(number, User)", None),
    ],
)
def test_a_row_is_of_the_class_that_was_asked_for(row: str, kinds: set[str] | None) -> None:
    analysis = analysed(f"{HEAD}{row}\n")
    scope = next(each for each in analysis.scopes if each.name == "f")
    shown = analysis.once(Making).shown(("name", "x"), scope)
    assert (None if shown is None else {each.name for each in shown}) == kinds
