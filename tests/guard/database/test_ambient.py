from netra.guard.database.ambient import AmbientSessions
from tests.guard.programs import analysed, function

PROGRAM = """
from contextvars import ContextVar

from sqlalchemy.ext.asyncio import AsyncSession

current: ContextVar[AsyncSession | None] = ContextVar("current", default=None)
names: ContextVar[str] = ContextVar("names")


def session():
    return current.get()


async def one(number):
    await current.get().execute(number)


async def two(number):
    found = session()
    await found.execute(number)


async def three(number):
    await one(number)


async def own(number):
    current.set(number)
    await current.get().execute(number)


async def name(number):
    return names.get().upper()
"""


def test_a_session_is_found_in_the_context_however_a_function_gets_to_it() -> None:
    analysis = analysed(PROGRAM)
    used = {
        name: [key for key, _ in AmbientSessions(analysis).used(function(analysis.program, f"example.{name}"))]
        for name in ("one", "two", "three", "own", "name")
    }
    found = [("name", "current")]
    assert used == {"one": found, "two": found, "three": found, "own": [], "name": []}
