from netra.guard.database.givers import Givers
from netra.guard.database.transactions import Tracked
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
