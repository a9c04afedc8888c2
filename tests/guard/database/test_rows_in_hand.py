import pytest

from netra.guard.database.rows_in_hand import ASYNCHRONOUS, RowsInHand
from tests.guard.programs import analysed

TEXT = """
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

class Base(DeclarativeBase): ...
class User(Base):
    id: Mapped[int] = mapped_column(primary_key=True)

maker = async_sessionmaker({options})

async def load(session: AsyncSession, number, wanted):
    {body}
    print(user)
"""


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("user = await session.get(User, number)", (True, False)),
        ("user = (await session.execute(select(User).where(User.id == 1))).scalar_one()", (True, False)),
        ("found = await session.scalars(select(User)); user = found.first()", (True, False)),
        ("user = await session.scalar(select(User).options(number))", (False, False)),
        ("user = User(); session.add(user)", (False, True)),
        ("user = User()", None),
        ("user = number", None),
        ("user = await session.scalar(number(select(User)))", None),
        ("user = await session.scalar(select(User.id))", None),
    ],
)
def test_a_row_is_what_a_session_gives_or_is_given(body: str, expected: tuple[bool, bool] | None) -> None:
    analysis = analysed(TEXT.format(body=body.replace("; ", "\n    "), options=""))
    scope = next(each for each in analysis.scopes if each.name == "load")
    row = analysis.once(RowsInHand).row("user", scope, scope.facts.end_line)
    assert (row and (row.plain, row.added)) == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [("", True), ("expire_on_commit=True", False), ("expire_on_commit=False", False), ("**options", False)],
)
def test_a_commit_expires_where_no_factory_says_anything(options: str, expected: bool) -> None:
    analysis = analysed(TEXT.format(body="user = number", options=options))
    scope = next(each for each in analysis.scopes if each.name == "load")
    assert analysis.once(RowsInHand).expires(scope, ASYNCHRONOUS) is expected
