from netra.guard.database.loaded import changed_by
from netra.guard.database.transactions import Tracked, Transactions
from tests.guard.programs import analysed


def test_what_is_set_on_a_row_that_the_session_has_loaded() -> None:
    text = """
        from sqlalchemy import select
        from sqlalchemy.orm import Session
        def load(session: Session, number):
            return session.get(Person, number)
        def f(session: Session, other):
            one = session.get(Person, 1)
            one.name = "x"
            two = session.execute(select(Person)).scalar_one()
            two.name = "x"
            three = load(session, 3)
            three.name = "x"
            other.name = "x"
            made = Person()
            made.name = "x"
            four = session.get(Person, 4)
            session.expunge(four)
            four.name = "x"
        """
    analysis = analysed(text)
    (f,) = (each for each in analysis.scopes if each.name == "f")
    found = changed_by(analysis.once(Transactions), Tracked(f, "session", "sqlalchemy.orm.Session"))
    assert sorted(f.facts.assignments[index].line for index in found) == [8, 10, 12]
