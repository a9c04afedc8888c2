from netra.guard.database.dependent import DependentSessions
from tests.guard.programs import analysed

SHARED = """
from fastapi import Depends, FastAPI
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

app = FastAPI()
factory = async_sessionmaker()


async def get_db():
    async with factory() as db:
        yield db


class Guests:
    def __init__(self, db):
        self.db = db

    async def find(self):
        return await self.db.get(Guest, 1)

    async def forget(self):
        await self.db.rollback()


def guests(db: AsyncSession = Depends(get_db)):
    return Guests(db)


async def guest(guests: Guests = Depends(guests)):
    return await guests.find()


async def forgotten(guests: Guests = Depends(guests)):
    found = await guests.find()
    await guests.forget()
    return found


@app.get("/rooms")
async def rooms(guest=Depends(guest), guests: Guests = Depends(guests), db: AsyncSession = Depends(get_db)):
    return await guests.find()


@app.get("/floors")
async def floors(guest=Depends(forgotten), db: AsyncSession = Depends(get_db)):
    return 1
"""


def test_a_handler_and_what_it_calls_begin_with_the_session_that_a_dependency_has_used() -> None:
    found = [(tracked.scope.name, tracked.name, steps) for tracked, steps in DependentSessions(analysed(SHARED)).left_open()]
    assert [(name, session) for name, session, _ in found] == [("rooms", "db"), ("find", "self.db")]
    assert [step.line for step in found[0][2]] == [40, 30]
    assert [step.line for step in found[1][2]] == [40, 41, 30]
