from collections.abc import AsyncIterator

import pytest

from netra.db.database import Database
from tests.runs.world import World, open_world


@pytest.fixture
async def world(database: Database) -> AsyncIterator[World]:
    async with open_world(database) as world:
        yield world
