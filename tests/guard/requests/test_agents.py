from netra.guard.requests.agents import AgentRuns
from tests.guard.programs import analysed, function

MADE = """
import agents
from agents import Runner
from pydantic_ai import Agent

helper = Agent("m")

class Desk:
    def __init__(self):
        self.agent = Agent[None, str]("m")

    async def ask(self):
        await self.agent.run("x")

class Job:
    async def run(self): ...

job = Job()

async def f():
    await helper.run("x")
    await Agent("m").run("x")
    await Runner.run(helper, "x")
    await agents.Runner.run(helper, "x")
    async with helper.run_stream("x") as result: ...
    helper.run("x")
    await job.run()
    await unknown.run()
    helper.name("x")
"""


def test_agents_of_libraries_are_run() -> None:
    analysis = analysed(MADE)
    agents = AgentRuns(analysis)
    scope = function(analysis.program, "example.f")
    assert [agents.is_run(call, scope) for call in scope.facts.calls if call.callee[0] == "attribute"] == [
        *[True] * 5,
        *[False] * 4,
    ]
    ask = function(analysis.program, "example.Desk.ask")
    assert agents.is_run(ask.facts.calls[0], ask)
    assert agents.are_there


def test_a_program_may_have_none() -> None:
    assert not AgentRuns(analysed("class Agent: ...\nagent = Agent()\nasync def f(): await agent.run()\n")).are_there
