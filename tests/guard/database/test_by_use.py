import pytest

from netra.guard.database.by_use import OpenedByUse, SessionsByUse
from tests.guard.programs import analysed, function

USED = """
import sqlalchemy


async def put(db, person):
    db.add(person)
    await db.commit()


def rename(session, number):
    session.query(Person).get(number).name = "x"
    session.commit()


def other(session, person):
    session.add(person)


def mixed(session, person):
    session.add(person)
    session.commit()
    return await_later(session.flush())


async def unclear(session):
    session.add(1)
    session.flush()
    await session.commit()


def annotated(session: Shelf, person):
    session.add(person)
    session.commit()


class People:
    def __init__(self, session):
        self.session = session

    async def put(self, person):
        self.session.add(person)

    async def done(self):
        await self.session.commit()
"""


def test_a_name_and_what_is_done_with_it_tell_a_session_together() -> None:
    analysis = analysed(USED)
    told = SessionsByUse(analysis)
    found = {
        f"{name}.{given[-1]}": told.of(given, function(analysis.program, f"example.{name}"))
        for name, given in (
            ("put", ("name", "db")),
            ("put", ("name", "person")),
            ("rename", ("name", "session")),
            ("other", ("name", "session")),
            ("unclear", ("name", "session")),
            ("annotated", ("name", "session")),
        )
    }
    assert found == {
        "put.db": "sqlalchemy.ext.asyncio.AsyncSession",
        "put.person": None,
        "rename.session": "sqlalchemy.orm.Session",
        "other.session": None,
        "unclear.session": None,
        "annotated.session": None,
    }


def test_an_attribute_is_told_by_all_methods_of_its_class() -> None:
    analysis = analysed(USED)
    put = function(analysis.program, "example.People.put")
    kept = ("attribute", ("name", "self"), "session")
    assert SessionsByUse(analysis).of(kept, put) == "sqlalchemy.ext.asyncio.AsyncSession"


def test_where_nothing_imports_sqlalchemy_a_session_is_something_else() -> None:
    analysis = analysed(USED.replace("import sqlalchemy", ""))
    assert SessionsByUse(analysis).of(("name", "db"), function(analysis.program, "example.put")) is None


FACTORY = """
    import sqlalchemy

    class Audit:
        def __init__(self, session_maker):
            self.session_maker = session_maker

        async def note(self, row):
            async with self.session_maker() as session:
                session.add(row)
                {ending}

        def find(self):
            with self.session_maker() as session:
                return session.scalar(1)

        def look(self):
            with self.session_maker() as client:
                return client.read()
    """


@pytest.mark.parametrize(("ending", "known"), [("await session.commit()", True), ("await session.flush()", False)])
def test_a_factory_is_known_by_its_name_where_somebody_commits_what_it_opens(ending: str, known: bool) -> None:
    analysis = analysed({"example.py": FACTORY.format(ending=ending)})
    factories = analysis.once(OpenedByUse)
    scopes = {each.name: each for each in analysis.scopes}
    session = ("name", "session")
    late = "sqlalchemy.ext.asyncio.AsyncSession" if known else None
    assert factories.entered(session, scopes["note"]) == late
    assert factories.entered(session, scopes["find"]) == ("sqlalchemy.orm.Session" if known else None)
    assert factories.entered(("name", "client"), scopes["look"]) is None
