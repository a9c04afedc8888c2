"""What the tests of tools share: the log, and the tools of a server with one agent."""

from collections.abc import AsyncIterator

import pytest

from netra.clock import SystemClock
from netra.db.database import Database
from netra.gateway.tooling import Tooling, equip
from netra.ids import UserId
from netra.streams.streams import Streams
from netra.tools.changes import PlanChanges
from netra.tools.conversations import AgentCard
from netra.tools.toolbox import Toolbox

ECHO = AgentCard("echo", "Says it again.", {"type": "string"})


@pytest.fixture
async def streams(database: Database) -> AsyncIterator[Streams]:
    async with Streams.open(database, SystemClock()) as streams:
        yield streams


@pytest.fixture
def tooling(streams: Streams) -> Tooling:
    return equip(streams, SystemClock(), [ECHO], production=False)


@pytest.fixture
def toolbox(tooling: Tooling) -> Toolbox:
    return tooling.toolbox


@pytest.fixture
def changes(tooling: Tooling) -> PlanChanges:
    return tooling.changes


async def give(database: Database, user_id: UserId, plan: str = "free", role: str = "user", *flags: str) -> None:
    """Make an account what a test needs it to be, without anybody being told."""
    async with database.system().transaction() as connection:
        await connection.execute(
            "UPDATE account SET plan = %s, role = %s, feature_flags = %s WHERE id = %s", [plan, role, list(flags), user_id]
        )
