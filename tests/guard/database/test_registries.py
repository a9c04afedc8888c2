from netra.guard.database.registries import RegisteredSessions
from tests.guard.programs import analysed

TEXT = """
    from flask_sqlalchemy import SQLAlchemy
    from sqlalchemy.orm import Session, scoped_session, sessionmaker
    class Database(SQLAlchemy): ...
    db = SQLAlchemy()
    own = Database()
    registry = scoped_session(sessionmaker())
    plain = Session()
    other = Other()
    def works():
        db.session.commit()
        own.session.commit()
        registry.commit()
        plain.commit()
        other.session.commit()
    def calls():
        works()
    def given(db, registry):
        db.session.commit()
        registry.commit()
    """


def test_what_a_registry_keeps() -> None:
    registered = RegisteredSessions(analysed(TEXT))
    found = [(scope.name, name) for scope, name in registered.tracked(frozenset({"commit"}))]
    assert found == [("works", "db.session"), ("works", "own.session"), ("works", "registry")]


def test_what_is_worked_with_below_a_function() -> None:
    analysis = analysed(TEXT)
    registered = RegisteredSessions(analysis)
    (calls,) = (each for each in analysis.scopes if each.name == "calls")
    assert sorted((function.name, index) for function, index in registered.calls_below(calls)) == [
        ("works", 0),
        ("works", 1),
        ("works", 2),
    ]


def test_a_program_without_one_is_not_asked() -> None:
    registered = RegisteredSessions(analysed("def f(db):\n    db.session.commit()\n"))
    assert list(registered.tracked(frozenset({"commit"}))) == []
