"""What is measured for which question."""

from netra.agents.team.data import PARTS, PARTS_OF, ROOM
from netra.agents.team.results import TOPICS, DataResult
from netra.analytics.figures import Measurement, RowSelection
from netra.analytics.shrinking import fitted
from netra.events.model import ToolCompleted
from netra.ids import UserId, new_uuid
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


async def test_a_log_of_the_longest_names_has_a_report_that_says_what_it_leaves_out(company: Company, alice: UserId) -> None:
    names = [f"{number:03}" + "\U0001f642" * 197 for number in range(40)]
    rows = [f"2026-05-04T{n % 24:02}:00:00Z,{n},9,gpt-4o,{names[n % 40]},{names[n % 40]},{n}" for n in range(800)]
    header = "at,input_tokens,output_tokens,model,user,feature,latency_ms"
    await company.upload(alice, "\n".join([header, *rows]).encode())
    answered = await company.ask(alice)
    assert answered.report.metadata["gaps"] == []


def test_what_does_not_fit_is_left_out_of_the_parts_together() -> None:
    rows = RowSelection(dataset_id=new_uuid(), filter="all rows", count=9)
    table = rows.breakdown("by_user", "By user", "user", [], [("x" * 800, 1, []) for _ in range(50)])
    whole = DataResult(parts={str(number): Measurement(breakdowns=(table,)) for number in range(8)})
    small = fitted(whole, ROOM)
    assert len(small.model_dump_json()) <= ROOM < len(whole.model_dump_json())
    for part in small.parts.values():
        assert bool(part.notes) == (len(part.breakdown("by_user").entries) < 50)


def test_every_topic_has_parts_that_can_be_measured() -> None:
    assert set(PARTS_OF) == set(TOPICS)
    assert {part for names in PARTS_OF.values() for part in names} <= set(PARTS)
