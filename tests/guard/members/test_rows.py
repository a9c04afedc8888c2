import pytest

from netra.guard.members.making import Making
from netra.guard.members.rows import in_order
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


def test_classes_come_in_the_order_of_their_names_and_places() -> None:
    program = analysed(
        {"b.py": "class A: ...\n", "a.py": "class B: ...\nif B:\n    class A: ...\nelse:\n    class A: ...\n"}
    ).program
    kinds = [kind for module in program.own for kind in module.classes]
    assert [(each.full_name, each.facts.line) for each in in_order(frozenset(kinds))] == [
        ("a.A", 3),
        ("a.A", 5),
        ("a.B", 1),
        ("b.A", 1),
    ]
