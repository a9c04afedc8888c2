"""The catalogue of agents that this server runs."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from netra.errors import Unauthenticated
from netra.gateway.dependencies import CurrentUser, ThisProcess
from netra.gateway.problems import problem_responses

router = APIRouter(prefix="/api/agents", tags=["agents"], responses=problem_responses(Unauthenticated))


class AgentView(BaseModel):
    """An agent: what it is for, and the JSON Schema of its input."""

    name: str
    description: str
    input_schema: dict[str, Any]


class AgentList(BaseModel):
    """Every agent, by name."""

    agents: list[AgentView]


@router.get("", operation_id="list_agents")
async def list_agents(parts: ThisProcess, user: CurrentUser) -> AgentList:  # noqa: ARG001 - asking needs a sign-in
    """The agents that you can start."""
    return AgentList(
        agents=[
            AgentView(name=agent.name, description=agent.description, input_schema=agent.input_schema)
            for _, agent in sorted(parts.agents.items())
        ]
    )
