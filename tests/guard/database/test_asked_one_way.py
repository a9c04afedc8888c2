"""`netra.guard.database.asked_one_way`: rows asked for by their owner on one way and by their id alone on another."""

from netra.guard.database.asked_one_way import asked_one_way
from tests.guard.programs import analysed

HEAD = """
from sqlalchemy import select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase): ...


class Flow(Base):
    __tablename__ = "flows"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column()
    name: Mapped[str] = mapped_column()


async def of(session, asked, user_id):
"""


def found(body: str) -> list[tuple[int, str, int]]:
    lines = "".join(f"    {line}\n" for line in body.split("\n"))
    return [(each.call.line, name, step.line) for each, name, step in asked_one_way(analysed(HEAD + lines))]


def test_the_way_that_does_not_ask_is_seen_with_the_one_that_does() -> None:
    body = (
        "if asked.isdigit():\n    return await session.get(Flow, asked)\n"
        "mine = Flow.user_id == user_id\nreturn await session.scalar(select(Flow).where(Flow.name == asked, {}))"
    )
    assert found(body.format("Flow.user_id == user_id")) == [(18, "user_id", 20)]
    assert found(body.format("Flow.name != asked")) == []


def test_rows_of_somebody_new_are_not_asked_for() -> None:
    assert found("row = await session.get(Flow, asked)\nsession.add(Flow(user_id=user_id))\nreturn row") == []
