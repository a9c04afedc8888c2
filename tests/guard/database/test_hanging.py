"""Rows that hang on rows that belong to somebody."""

import pytest

from netra.guard.database.hanging import HangingTables
from tests.guard.programs import analysed, of_class

TEXT = """
from sqlalchemy import Column, ForeignKey, Integer, select
from sqlalchemy.orm import DeclarativeBase
class Base(DeclarativeBase): ...
class ChatThread(Base):
    __tablename__ = "threads"
    id = Column(Integer)
    user_id = Column(Integer)
class Message(Base):
    id = Column(Integer)
    {column}
def mine(user): return select(ChatThread).where(ChatThread.user_id == user.id)
"""


@pytest.mark.parametrize(
    ("column", "name", "hangs"),
    [
        ('thread = Column(ForeignKey("threads.id"))', "thread", True),
        ("chat_thread_id = Column(Integer)", "chat_thread_id", True),
        ('other = Column(ForeignKey("others.id"))', "other", False),
        ("room_id = Column(Integer)", "room_id", False),
        ('thread = Column(ForeignKey("threads.id")); user_id = Column(Integer)', "thread", False),
    ],
)
def test_a_key_to_what_has_an_owner_says_on_what_a_row_hangs(column: str, name: str, hangs: bool) -> None:
    analysis = analysed(TEXT.format(column=column))
    hanging = analysis.once(HangingTables)
    above = hanging.above(of_class(analysis.program, "example.Message"), name)
    assert (above is of_class(analysis.program, "example.ChatThread")) is hangs
    assert hanging.there_are is hangs
