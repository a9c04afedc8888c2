from netra.guard.database.lent import LentSessions
from tests.guard.programs import analysed

LENT = """
from dataclasses import dataclass
from pydantic_ai import Agent
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

factory = async_sessionmaker()

@dataclass
class Deps:
    name: str
    session: AsyncSession

helper = Agent("m", deps_type=Deps)

@helper.tool
async def person(ctx, number):
    deps = ctx.deps
    return await deps.session.BODY

async def ask(question):
    async with factory() as session:
        await helper.run(question, deps=Deps("x", session))

async def ask_for(question, session: AsyncSession):
    await helper.run(question, deps=Deps("x", session=session))

async def ask_alone(question):
    await helper.run(question)
"""


def lent(body: str) -> list[tuple[str, str]]:
    found = LentSessions(analysed(LENT.replace("BODY", body))).lent()
    return [(each.scope.name, each.shown) for each in found]


def test_a_run_is_lent_the_session_that_its_tools_work_with() -> None:
    assert lent("get(Person, number)") == [("ask", "session")]


def test_a_tool_that_takes_no_connection_or_gives_it_back_holds_none() -> None:
    assert lent("info") == lent("commit()") == lent("get(Person, number)\n    await deps.session.rollback()") == []
