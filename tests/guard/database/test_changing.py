from netra.guard.database.changing import changes, is_only_read_anew
from tests.guard.programs import analysed


def test_which_statements_write() -> None:
    text = """
        from sqlalchemy import insert, select, text, update
        def f(session, name):
            session.execute(insert(Person).values(name=name))
            session.execute(text("UPDATE person SET name = 'x'"))
            session.execute("  delete from person")
            statement = update(Person)
            session.execute(statement.where(Person.name == name))
            session.execute(f"INSERT INTO person VALUES ({name})")
            session.execute(select(Person))
            session.execute(name)
            narrowed = update(Person)
            if name:
                narrowed = narrowed.where(Person.name == name)
            session.execute(narrowed)
            either = update(Person) if name else select(Person)
            either = select(Person)
            session.execute(either)
        """
    analysis = analysed(text)
    (f,) = (each for each in analysis.scopes if each.name == "f")
    given = [call.arguments[0] for call in f.facts.calls if call.callee == ("attribute", ("name", "session"), "execute")]
    assert [changes(each, f) for each in given] == [True, True, True, True, True, False, False, True, False]


def test_a_row_that_is_added_to_be_read_anew_is_not_written() -> None:
    text = """
        def taken_in(session, row):
            session.add(row)
            session.refresh(row)
        def changed(session, row):
            row.name = "x"
            session.add(row)
            session.refresh(row)
        def written(session, row):
            session.add(row)
            session.flush()
            session.refresh(row)
        def made(session):
            row = Row()
            session.add(row)
            session.refresh(row)
        """
    analysis = analysed(text)
    added = (("name", "row"),)
    found = {each.name: is_only_read_anew(added, each) for each in analysis.scopes if each.facts.calls}
    assert found == {"taken_in": True, "changed": False, "written": False, "made": False}
