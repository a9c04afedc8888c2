from netra.guard.entries.resolving import resolved_by
from tests.guard.programs import analysed, function

TEXT = """
from typing import Annotated, Awaitable
from fastapi import Depends
from pydantic_ai import Agent

agent = Agent("model")

async def load(): ...

def profile():
    return load()

def late() -> Awaitable[int]:
    return load()

def pending():
    return load()

@agent.tool_plain
def tool():
    return load()

def plain():
    return load()

Profile = Annotated[dict, Depends(profile)]

async def route(one: Profile, two=Depends(late), three=Depends(pending)):
    await three
"""


def test_dependencies_and_tools_that_are_no_coroutine_functions_are_awaited_by_nobody() -> None:
    analysis = analysed(TEXT)
    names = ("profile", "tool", "late", "pending", "plain", "load")
    found = {
        name
        for name in names
        if resolved_by(function(analysis.program, f"example.{name}"), analysis.program, analysis.receivers)
    }
    assert found == {"profile", "tool"}
