from netra.guard.database.tasks import Tasks
from tests.guard.programs import analysed, function

STARTED = """
import asyncio

from sqlalchemy.ext.asyncio import AsyncSession


async def save(session, number): ...


async def main(session: AsyncSession, numbers):
    task = asyncio.create_task(save(session, 1))
    await asyncio.create_task(save(session, 2))
    for each in numbers:
        asyncio.create_task(save(session, each))
    await asyncio.gather(save(session, 3), save(None, 4))
"""


def test_what_is_started_is_told_from_what_is_waited_for_at_once() -> None:
    analysis = analysed(STARTED)
    main = function(analysis.program, "example.main")
    started = [launch for _, launch in Tasks(analysis).started(main)]
    assert [(each.repeated, each.kept) for each in started] == [(False, ("name", "task")), (True, None)]
    assert {session.shown for each in started for session in each.sessions} == {"session"}


def test_each_argument_of_gather_is_one_task() -> None:
    analysis = analysed(STARTED)
    main = function(analysis.program, "example.main")
    index = next(number for number, each in enumerate(main.facts.calls) if each.callee[-1] == "gather")
    assert [len(each.sessions) for each in Tasks(analysis).joined(main, index)] == [1, 0]
