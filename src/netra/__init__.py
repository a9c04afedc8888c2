"""Netra, the agent server whose isolation you can prove.

An agent is an asynchronous function with a name:

    @netra.agent("greet")
    async def greet(ctx: netra.Context, input: Greeting) -> str:
        await ctx.think("looking for words")
        return f"Hello, {input.name}!"
"""

from typing import TYPE_CHECKING, Final

__all__ = ["Agent", "Agents", "Context", "Netra", "NetraError", "StepFailed", "__version__", "agent"]

__version__ = "0.1.0"

if TYPE_CHECKING:
    from netra.agents.context import Context
    from netra.agents.definition import Agent, Agents, agent
    from netra.errors import NetraError
    from netra.gateway.application import Netra
    from netra.runs.failure import StepFailed
else:
    from importlib import import_module

    # Looked for when somebody asks for the name. Together they take a fifth of a second and packages of other people, and
    # neither `python -m netra.guard` nor most commands need any of them.
    _WHERE: Final = {
        "Agent": "netra.agents.definition",
        "Agents": "netra.agents.definition",
        "Context": "netra.agents.context",
        "Netra": "netra.gateway.application",
        "NetraError": "netra.errors",
        "StepFailed": "netra.runs.failure",
        "agent": "netra.agents.definition",
    }

    def __getattr__(name: str) -> object:
        if name not in _WHERE:
            raise AttributeError(f"module 'netra' has no attribute '{name}'", name=name, obj=import_module("netra"))
        found = globals()[name] = getattr(import_module(_WHERE[name]), name)
        return found

    def __dir__() -> list[str]:
        return sorted({*globals(), *_WHERE})
