from netra.guard.database.given_out import given_out
from tests.guard.programs import analysed

PROGRAM = """
from fastapi import Depends
from sqlalchemy.orm import sessionmaker

SessionLocal = sessionmaker()


def left():
    return SessionLocal()


def closed():
    return SessionLocal()


def unused():
    return SessionLocal()


def one(number: int, db=Depends(left), other=Depends(closed)):
    other.close()
    return db.get(Person, number)


def two(number: int, db=Depends(SessionLocal)):
    return db.get(Person, number)
"""


def test_only_what_nobody_closes_is_given_out() -> None:
    assert {each.by for each in given_out(analysed(PROGRAM))} == {"left", "SessionLocal"}
