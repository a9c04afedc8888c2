"""The team with everything around it: a server's database, log and queue, datasets on disk, and a worker."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from netra.agents.team.supervisor import supervisor
from netra.datasets.store import Datasets
from netra.db.database import Database
from tests.agents.surroundings import open_agents
from tests.agents.team.company import Company


@pytest.fixture
async def company(database: Database, tmp_path: Path) -> AsyncIterator[Company]:
    """A server with the team, at work."""
    folder = tmp_path / "datasets"
    async with open_agents(database, folder, [supervisor]) as world, world.worker():
        yield Company(world, Datasets(database, folder, max_bytes=10_000_000))
