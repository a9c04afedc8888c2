from netra.guard.database.tool_sessions import ToolSessions
from tests.guard.programs import analysed

AROUND = """
from agents import Agent, ModelSettings, Runner, function_tool
from sqlalchemy.ext.asyncio import AsyncSession

async def ask(question, session: AsyncSession):
    @function_tool
    async def rows(day: str):
        return (await session.execute("select 1")).all()

    @function_tool
    async def columns(day: str):
        return (await session.execute("select 2")).all()

    await Runner.run(Agent(name="x", tools=[rows, columns] MORE), question)
"""


def shared(more: str = "") -> list[tuple[str, str, int]]:
    found = ToolSessions(analysed(AROUND.replace("MORE", more))).shared()
    return [(each.scope.name, each.session.shown, len(each.steps)) for each in found]


def test_the_session_around_two_tools_is_told_once() -> None:
    assert shared() == [("rows", "session", 2)]


def test_tools_that_are_run_in_turn_share_nothing() -> None:
    assert shared(", model_settings=ModelSettings(parallel_tool_calls=False)") == []
