"""The tools of this server, put together: which there are, the gate before them, and what changes somebody's plan.

A command of the operator puts them together as a server does, so that both tell an account the same about a change.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import psycopg

from netra.clock import Clock
from netra.datasets.artifacts import ROOM, Artifacts
from netra.errors import Unavailable
from netra.gateway.panel import ServerPanel
from netra.streams.streams import Streams
from netra.tools.administration import Configuration, administration_tools
from netra.tools.changes import PlanChanges
from netra.tools.conversations import AgentCard, conversation_tools
from netra.tools.corpora import CORPUS_TOOLS
from netra.tools.development import Panel, development_tools
from netra.tools.gate import Gate
from netra.tools.prompts import optimize_prompt
from netra.tools.synthetic import synthetic_tools
from netra.tools.tool import Tool
from netra.tools.toolbox import Toolbox

logger = logging.getLogger(__name__)

END_PLANS_EVERY: Final = 1.0
"""Seconds between two looks at plans that have run out. What they open is closed by then: the gate reads the clock."""


@dataclass(frozen=True, slots=True)
class Tooling:
    """The tools, and the one way to change who may use them."""

    toolbox: Toolbox
    changes: PlanChanges
    artifacts: Artifacts
    """Where the tools put the files that they make."""


def equip(
    streams: Streams,
    clock: Clock,
    agents: Sequence[AgentCard],
    *,
    production: bool,
    configuration: Configuration | None = None,
    panel: Panel | None = None,
    artifact_room: int = ROOM,
    more: Sequence[Tool] = (),
) -> Tooling:
    """Put together the tools of a server with these agents, and `more` tools. Raises `InvalidTool`.

    `configuration` and `panel` are what a server says of itself. A command, which calls no tool, has neither to give; its
    tools are the same ones, so that it knows what a plan opens. `artifact_room` is in bytes: what the files that tools made
    for one user may take together.
    """
    gate = Gate(production)
    changes = PlanChanges(streams, clock, gate, lambda: toolbox.permissions)
    artifacts = Artifacts(streams.database, artifact_room)
    tools = (
        *conversation_tools(agents),
        *CORPUS_TOOLS,
        *synthetic_tools(artifacts),
        optimize_prompt,
        *administration_tools(changes, configuration or Configuration()),
        *development_tools(panel or ServerPanel()),
        *more,
    )
    toolbox = Toolbox(streams, gate, tools)
    return Tooling(toolbox, changes, artifacts)


async def end_plans(changes: PlanChanges, clock: Clock) -> None:
    """End plans that have run out, for as long as this runs."""
    while True:
        try:
            while await changes.end_expired():
                pass
        except (psycopg.Error, Unavailable) as error:
            logger.warning("ending plans waits for the database: %s", type(error).__name__)
        await clock.sleep(END_PLANS_EVERY)
