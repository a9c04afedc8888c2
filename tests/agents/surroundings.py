"""Agents with everything around them: a database, datasets, tools, a worker."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from netra.agents.context import Linguist, Surroundings
from netra.agents.definition import Agent, Agents, bind
from netra.clock import SystemClock
from netra.datasets.store import Datasets
from netra.db.database import Database
from netra.gateway.tooling import equip
from netra.ids import UserId
from netra.models.language_model import LanguageModel
from netra.runs.runs import Runs
from netra.streams.streams import Streams
from netra.vault.vault import Vault
from tests.runs.world import World


@asynccontextmanager
async def open_agents(
    database: Database,
    folder: Path,
    agents: list[Agent],
    environment: Mapping[UserId, Mapping[str, str]] | None = None,
    vault: Vault | None = None,
    linguist: Linguist | None = None,
    model: LanguageModel | None = None,
) -> AsyncIterator[World]:
    """A process that serves these agents. `environment` is what each user's runs see, beside what is in the `vault`."""
    variables = environment or {}
    clock = SystemClock()
    async with Streams.open(database, clock) as streams:
        surroundings = Surroundings(
            database=database,
            datasets=Datasets(database, folder, max_bytes=1 << 20),
            toolbox=equip(streams, clock, [], production=False).toolbox,
            environment=lambda user_id: variables.get(user_id, {}),
            secrets=(vault or Vault(database, None)).open_all,
            linguist=linguist,
            model=model,
        )
        bound: Any = bind(Agents(agents), surroundings)
        yield World(database, streams, Runs(streams, clock, bound), bound)
