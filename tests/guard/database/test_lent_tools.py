from netra.guard.database.lent_tools import LentToTools
from tests.guard.programs import analysed

AROUND = """
from agents import Agent, Runner, function_tool
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

factory = async_sessionmaker()

def tools_for(session: AsyncSession):
    @function_tool
    async def rows(day: str):
        BODY
    return [rows]

async def ask(question):
    async with factory() as mine:
        agent = Agent(name="x", tools=tools_for(mine))
        await Runner.run(agent, question)

async def ask_later(question):
    async with factory() as mine:
        tools = tools_for(mine)
    await Runner.run(Agent(name="x", tools=tools), question)
"""


def lent(*body: str) -> list[tuple[str, str]]:
    found = LentToTools(analysed(AROUND.replace("BODY", "\n        ".join(body)))).lent()
    return [(each.scope.name, each.shown) for each in found]


def test_a_session_is_held_for_the_tools_that_were_made_with_it() -> None:
    assert lent("return await session.scalar('select 1')") == [("ask", "mine")]


def test_a_tool_that_ends_its_transaction_holds_nothing() -> None:
    assert lent("await session.execute('update x set y = 1')", "await session.commit()") == []
