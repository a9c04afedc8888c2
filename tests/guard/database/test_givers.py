from netra.guard.database.givers import Givers
from netra.guard.database.transactions import ELSEWHERE, HERE, Tracked
from tests.guard.programs import analysed, function

SESSION = "sqlalchemy.ext.asyncio.AsyncSession"
GIVEN = """
from fastapi import Depends, FastAPI
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

factory = async_sessionmaker()
app = FastAPI()


async def get_db():
    async with factory() as session:
        yield session


class Service:
    def __init__(self, session):
        self.session = session

    def serve(self): ...


class Unmade:
    def __init__(self, session):
        self.session = session

    def serve(self): ...


def helper(session): ...


def unknown(session): ...


@app.get("/")
async def route(db: AsyncSession = Depends(get_db)):
    helper(db)
    Service(db).serve()
"""


def test_a_session_is_given_by_a_framework_by_a_caller_or_by_nobody_known() -> None:
    analysis = analysed(GIVEN)
    givers = Givers(analysis)

    def steps(name: str, session: str) -> int | None:
        given = givers.given(Tracked(function(analysis.program, f"example.{name}"), session, SESSION))
        return None if given is None else len(given)

    assert steps("route", "db") == 0
    assert steps("helper", "session") == 1
    assert steps("Service.serve", "self.session") == 1
    assert steps("Unmade.serve", "self.session") is None
    assert steps("unknown", "session") is None


def test_who_opened_a_session_is_found_through_those_who_hand_it_on_unless_somebody_commits_below() -> None:
    analysis = analysed(
        """
        from sqlalchemy.orm import Session, sessionmaker
        factory = sessionmaker()
        def direct(session: Session): session.add(1)
        def far(session: Session): session.add(1)
        def handing(session: Session): far(session)
        def committed(session: Session): session.add(1)
        def unknown(session: Session): session.add(1)
        def from_somewhere(session: Session): unknown(session)
        def opening():
            with factory() as session:
                direct(session)
                handing(session)
        def committing():
            with factory() as session:
                for each in (1, 2):
                    committed(session)
                session.commit()
        """
    )
    givers = Givers(analysis)

    def owners(name: str) -> set[str | None]:
        tracked = Tracked(function(analysis.program, f"example.{name}"), "session", "sqlalchemy.orm.Session")
        return givers.owners(tracked)

    assert owners("direct") == owners("far") == {HERE}
    assert owners("committed") == {ELSEWHERE}
    assert owners("unknown") == {None}
