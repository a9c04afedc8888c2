from netra.guard.database.endings import CONTEXT, DEPENDENCY, Endings
from tests.guard.programs import analysed

GIVING = """
from contextlib import contextmanager

from fastapi import Depends
from sqlalchemy.orm import sessionmaker

factory = sessionmaker()


def get_db():
    with factory() as session:
        yield session
        session.commit()


@contextmanager
def scope():
    with factory() as session:
        yield session


def unused():
    with factory() as session:
        yield session


def main(db=Depends(get_db)): ...
"""


def test_who_gives_sessions_out_is_told_by_how_it_is_used_and_whether_it_commits() -> None:
    found = {(each.function.name, each.sort, each.commits) for each in Endings(analysed(GIVING)).generators()}
    assert found == {("get_db", DEPENDENCY, True), ("scope", CONTEXT, False)}
