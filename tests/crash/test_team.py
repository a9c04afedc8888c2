"""The team's worker, killed within every stage of one run: it goes on there, and the report is the same."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

import pytest

from netra.agents.context import Callee, Context
from netra.agents.report import Report
from netra.agents.shape import Shape
from netra.agents.team.results import CHAINS
from netra.agents.team.supervisor import TEAM, Team, supervise
from netra.clock import SystemClock
from netra.datasets.store import Datasets
from netra.db.database import Database
from netra.ids import UserId
from netra.runs.journal import entry
from netra.runs.worker import Worker
from tests.agents.surroundings import open_agents
from tests.agents.team.company import Company
from tests.agents.team.test_triage import PRICED
from tests.crash.process import CONTEXT, ended
from tests.crash.test_worker import LONG, whole
from tests.runs.test_queue import fall_silent

CONTEXT.set_forkserver_preload(["tests.crash.process", "tests.crash.test_team"])


STAGES: Final[tuple[str, ...]] = CHAINS["full"]
OFTEN: Final[dict[str, Any]] = {**LONG, "attempts": len(STAGES) + 1}
"""A worker for each stage, and one for the end."""


@dataclass(frozen=True)
class Deadly:
    """A member of the team whose worker dies as soon as it is called."""

    member: Callee

    @property
    def name(self) -> str:
        return self.member.name

    @property
    def gives(self) -> Shape:
        return self.member.gives

    def accept(self, value: Any) -> Any:
        return self.member.accept(value)

    async def execute(self, context: Context, stored: Any) -> Any:
        # What the run has written so far is on disk: a stage before this one is not done again.
        await context.step("about to die", _nothing)
        os.kill(os.getpid(), signal.SIGKILL)


async def _nothing() -> None:
    pass


async def _serve(url: str, folder: Path, stage: str) -> None:
    members: dict[str, Callee] = {name: getattr(TEAM, name) for name in STAGES}
    team = Team(**{**members, stage: Deadly(members[stage])})
    async with (
        Database.open(url, pool_size=4) as database,
        open_agents(database, folder, [supervise(team)]) as world,
        Worker.open(world.streams, SystemClock(), world.agents, **OFTEN),
    ):
        await asyncio.Event().wait()


def serve(url: str, folder: Path, stage: str) -> None:
    """The body of the process: a worker whose team dies at this stage."""
    asyncio.run(_serve(url, folder, stage))


@pytest.fixture
async def company(database: Database, tmp_path: Path) -> AsyncIterator[Company]:
    async with open_agents(database, tmp_path, [supervise(TEAM)]) as world:
        yield Company(world, Datasets(database, tmp_path, max_bytes=1_000_000))


def stages(log: list[Any]) -> list[str | None]:
    """The members that have ended, in the order of the chain."""
    done = [agent for agent, data in map(entry, log) if data.TYPE == "agent_completed" and data.parent == "supervisor"]
    return sorted(done, key=lambda agent: STAGES.index(str(agent)))


@pytest.mark.slow
async def test_a_run_that_loses_its_worker_at_every_stage_goes_on_there(
    company: Company, database: Database, database_url: str, alice: UserId, tmp_path: Path
) -> None:
    await company.upload(alice, PRICED)
    run = await company.world.start(alice, "supervisor", {"approval": "later"})
    done: list[str | None] = []
    for stage in STAGES:
        process: BaseProcess = CONTEXT.Process(target=serve, args=[database_url, tmp_path, stage], daemon=True)
        process.start()
        try:
            assert await ended(process) == -signal.SIGKILL
        finally:
            process.kill()
            process.join()
        before, done = done, stages(await company.world.log(alice, run))
        assert stage not in done
        assert set(done) >= set(before)
        await fall_silent(database, 61)
    async with company.world.worker(**OFTEN):
        report = Report.model_validate((await company.world.finished(alice, run)).result)
        undisturbed = (await company.ask(alice)).report
    log = await company.world.log(alice, run)
    assert whole(log)
    assert stages(log) == list(STAGES)  # each has ended once: what had ended before a death was not done again
    assert report.sections == undisturbed.sections
    assert len(await company.reports(alice)) == 2
