"""Users who upload a log, ask the team, and read what it has written."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from netra.agents.report import Report
from netra.datasets.store import DatasetInfo, Datasets
from netra.db.tables import ReportRow
from netra.ids import UserId
from tests.datasets.test_store import chunks
from tests.runs.world import World


@dataclass(frozen=True)
class Answered:
    """A run of the team that has ended."""

    report: Report
    events: list[Any]


@dataclass(frozen=True)
class Company:
    """A server that everybody of a company asks."""

    world: World
    datasets: Datasets

    async def upload(self, user_id: UserId, content: bytes, name: str = "May") -> DatasetInfo:
        return await self.datasets.create(user_id, name, chunks(content))

    async def ask(self, user_id: UserId, question: str = "", **values: Any) -> Answered:
        """Ask the team and wait for its report."""
        value = {"question": question, "approval": "later", **values}
        accepted = await self.world.start(user_id, "supervisor", value)
        finished = await self.world.finished(user_id, accepted)
        assert finished.state == "completed", finished.error
        return Answered(Report.model_validate(finished.result), await self.world.log(user_id, accepted))

    async def reports(self, user_id: UserId) -> list[ReportRow]:
        """What stands in the database."""
        async with self.world.database.for_user(user_id).session() as session:
            return list(await session.scalars(select(ReportRow)))
