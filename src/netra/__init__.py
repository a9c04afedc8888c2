"""Netra, the agent server whose isolation you can prove.

An agent is an asynchronous function with a name:

    @netra.agent("greet")
    async def greet(ctx: netra.Context, input: Greeting) -> str:
        await ctx.think("looking for words")
        return f"Hello, {input.name}!"
"""

from netra.agents.context import Context
from netra.agents.definition import Agent, Agents, agent
from netra.errors import NetraError
from netra.gateway.application import Netra
from netra.runs.failure import StepFailed

__all__ = ["Agent", "Agents", "Context", "Netra", "NetraError", "StepFailed", "__version__", "agent"]

__version__ = "0.1.0"
