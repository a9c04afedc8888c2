from netra.guard.database.kept import KeptConnections
from tests.guard.programs import analysed

PROGRAM = """
from functools import cache

from sqlalchemy.orm import sessionmaker

SessionLocal = sessionmaker()


class People:
    def __init__(self, session):
        self.session = session


class Plain:
    def __init__(self, session):
        session.close()


TABLE = {"people": People(SessionLocal())}


def start(app):
    session = SessionLocal()
    people = People(session)
    app.state.people = people


def gone(app):
    app.state.plain = Plain(SessionLocal())
    with SessionLocal() as session:
        return session


@cache
def getter():
    return SessionLocal()


def default(number, session=SessionLocal()): ...
"""


def test_what_is_opened_is_followed_to_the_place_where_it_stays() -> None:
    kept = {(each.scope.name, each.target) for each in KeptConnections(analysed(PROGRAM)).all()}
    assert kept == {
        ("", ("name", "TABLE")),
        ("start", ("attribute", ("attribute", ("name", "app"), "state"), "people")),
        ("getter", ("name", "getter")),
        ("", ("name", "session")),
    }
