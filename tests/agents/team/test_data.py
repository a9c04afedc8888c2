"""What is measured for which question."""

from netra.agents.team.data import PARTS, PARTS_OF
from netra.agents.team.results import TOPICS
from netra.events.model import ToolCompleted
from netra.ids import UserId
from netra.runs.journal import entry
from tests.agents.team.company import Answered, Company
from tests.agents.team.test_triage import PRICED


def parts(answered: Answered) -> set[str]:
    """The parts that the data stage has measured, by the ids of its calls."""
    completed = [entry(event)[1] for event in answered.events if event.type == "tool_completed"]
    return {
        data.call_id.rpartition("measure:")[2]
        for data in completed
        if isinstance(data, ToolCompleted) and data.tool == "measure" and data.ok
    }


async def test_only_what_is_asked_is_measured(company: Company, alice: UserId) -> None:
    await company.upload(alice, PRICED)
    assert parts(await company.ask(alice, "How slow is it?")) == {"volume", "latency"}
    assert parts(await company.ask(alice)) == set(PARTS)


def test_every_topic_has_parts_that_can_be_measured() -> None:
    assert set(PARTS_OF) == set(TOPICS)
    assert {part for names in PARTS_OF.values() for part in names} <= set(PARTS)
