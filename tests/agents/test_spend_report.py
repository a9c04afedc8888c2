"""The agent as its user meets it: a run over an upload, in the real database, the real log and the real queue."""

import asyncio
import statistics
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from netra.agents.context import Surroundings
from netra.agents.definition import Agents, bind
from netra.agents.report import Report
from netra.agents.spend_report import SpendReportInput, spend_report
from netra.datasets.store import DatasetInfo, Datasets
from netra.db.database import Database
from netra.db.tables import ReportRow
from netra.errors import InvalidInput
from netra.events.model import AgentFailed, AgentThinking, MessageDelta, ReportReady, ToolCompleted
from netra.gateway.tooling import equip
from netra.ids import UserId, new_uuid
from tests.agents.test_narrative import EVERYTHING, log
from tests.datasets.test_store import chunks
from tests.datasets.traces import Trace, trace  # noqa: F401 - a fixture
from tests.models.talk import Scripted
from tests.runs.world import World, open_world

MODEL = "openai:gpt-4o"


@pytest.fixture
def datasets(database: Database, tmp_path: Path) -> Datasets:
    return Datasets(database, tmp_path / "datasets", max_bytes=10_000_000)


@pytest.fixture
async def world(database: Database, datasets: Datasets) -> AsyncIterator[World]:
    async with open_world(database) as world:
        toolbox = equip(world.streams, world.clock, [], production=False).toolbox
        bound = bind(Agents([spend_report]), Surroundings(database, datasets, toolbox))
        world.agents.update(bound)  # type: ignore[arg-type]
        async with world.worker():
            yield world


async def run(world: World, user_id: UserId, dataset: DatasetInfo, **values: Any) -> tuple[Any, list[Any]]:
    """Run the agent to its end. Returns the run and what stands in its log."""
    accepted = await world.start(user_id, "spend_report", {"dataset_id": str(dataset.id), "model": MODEL, **values})
    finished = await world.finished(user_id, accepted)
    return finished, await world.events(user_id, accepted)


async def stored(database: Database, user_id: UserId) -> list[ReportRow]:
    async with database.for_user(user_id).session() as session:
        return list(await session.scalars(select(ReportRow)))


async def test_a_trace_becomes_a_stored_report_whose_medians_are_right(
    world: World,
    datasets: Datasets,
    database: Database,
    alice: UserId,
    trace: Trace,  # noqa: F811
) -> None:
    dataset = await datasets.create(alice, "trace", chunks(await asyncio.to_thread(trace.path.read_bytes), 65_536))
    finished, events = await run(world, alice, dataset, title="Our spend")
    report = Report.model_validate(finished.result)
    figures = {figure.id: figure.value for figure in report.figures()}
    assert figures["input_p50"] == statistics.median(trace.input_tokens)
    assert figures["output_p50"] == statistics.median(trace.output_tokens)
    assert figures["requests"] == len(trace.times)
    assert report.report_type == "full_analysis"
    (row,) = await stored(database, alice)
    assert row.title == report.title == "Our spend"
    assert row.body == finished.result
    (ready,) = [event for event in events if isinstance(event, ReportReady)]
    assert (ready.report_id, ready.title) == (str(row.id), row.title)
    said = "".join(event.text for event in events if isinstance(event, MessageDelta))
    assert report.next_steps[0] in said
    assert [event.step for event in events if isinstance(event, AgentThinking)] == ["load", "measure", "price", "write"]
    assert [event.tool for event in events if isinstance(event, ToolCompleted)] == ["load", "measure", "price"]


async def test_the_same_dataset_gives_the_same_figures_every_time(world: World, datasets: Datasets, alice: UserId) -> None:
    dataset = await datasets.create(alice, "May", chunks(log(*EVERYTHING)))
    reports = [Report.model_validate((await run(world, alice, dataset))[0].result) for _ in range(2)]
    assert list(reports[0].figures()) == list(reports[1].figures())
    assert reports[0].sections == reports[1].sections
    assert reports[0].title == "Spend report: May"


async def test_every_figure_names_the_dataset_that_was_asked_for(world: World, datasets: Datasets, alice: UserId) -> None:
    dataset = await datasets.create(alice, "May", chunks(log(*EVERYTHING)))
    report = Report.model_validate((await run(world, alice, dataset))[0].result)
    assert {figure.rows.dataset_id for figure in report.figures()} == {dataset.id}


async def test_a_log_that_is_too_small_ends_well_with_guidance(world: World, datasets: Datasets, alice: UserId) -> None:
    dataset = await datasets.create(alice, "May", chunks(log("at", rows=2)))
    finished, events = await run(world, alice, dataset)
    assert finished.result["report_type"] == "guidance"
    assert finished.result["next_steps"]
    assert [event.tool for event in events if isinstance(event, ToolCompleted)] == ["load", "measure"]


async def test_an_unknown_model_fails_the_run_with_near_names_before_anything_is_measured(
    world: World, datasets: Datasets, database: Database, alice: UserId
) -> None:
    dataset = await datasets.create(alice, "May", chunks(log("at")))
    finished, events = await run(world, alice, dataset, model="gpt4o")
    assert finished.state == "failed"
    failed = events[-1]
    assert isinstance(failed, AgentFailed)
    assert "openai:gpt-4o" in failed.message
    assert [event.tool for event in events if isinstance(event, ToolCompleted)] == ["load"]
    assert await stored(database, alice) == []


async def test_somebody_elses_dataset_is_an_unknown_one(world: World, datasets: Datasets, alice: UserId, bob: UserId) -> None:
    hers = await datasets.create(alice, "May", chunks(log("at")))
    foreign, _ = await run(world, bob, hers)
    unknown, _ = await run(world, bob, hers, dataset_id=str(new_uuid()))
    assert foreign.state == unknown.state == "failed"
    assert foreign.error == unknown.error


async def test_two_users_report_at_once_each_on_their_own_rows(
    world: World, datasets: Datasets, database: Database, alice: UserId, bob: UserId
) -> None:
    hers = await datasets.create(alice, "May", chunks(b"input_tokens,output_tokens\n" + b"111,1\n" * 30))
    his = await datasets.create(bob, "May", chunks(b"input_tokens,output_tokens\n" + b"222,2\n" * 40))
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(run(world, alice, hers)), group.create_task(run(world, bob, his))]
    for task, user_id, dataset, total in zip(tasks, (alice, bob), (hers, his), (3330, 8880), strict=True):
        report = Report.model_validate(task.result()[0].result)
        assert {figure.rows.dataset_id for figure in report.figures()} == {dataset.id}
        assert next(figure.value for figure in report.figures() if figure.id == "input_total") == total
        (row,) = await stored(database, user_id)
        assert row.body == task.result()[0].result


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({}, "input.dataset_id"),
        ({"dataset_id": "../../etc", "model": MODEL}, "input.dataset_id"),
        ({"dataset_id": str(new_uuid())}, "input.model"),
        ({"dataset_id": str(new_uuid()), "model": " "}, "input.model"),
        ({"dataset_id": str(new_uuid()), "model": "x" * 201}, "input.model"),
        ({"dataset_id": str(new_uuid()), "model": MODEL, "titel": "x"}, "input.titel"),
    ],
)
def test_an_input_that_is_none_is_refused_by_its_field(value: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        spend_report.accept(value)
    assert refused.value.extra["field"] == field


def test_the_input_describes_itself() -> None:
    assert set(spend_report.input_schema["required"]) == {"dataset_id", "model"}
    assert SpendReportInput.model_config["frozen"]
    assert "busy hours" in spend_report.description


async def test_a_model_sums_up_in_words_and_what_it_invents_is_in_no_report(
    database: Database, datasets: Datasets, alice: UserId
) -> None:
    dataset = await datasets.create(alice, "May", chunks(b"input_tokens,output_tokens\n" + b"111,1\n" * 30))
    model = Scripted("There were 30 requests with 3,330 tokens in. You can save 90% of it.", {"response": ["Look closer."]})
    async with open_world(database) as world:
        toolbox = equip(world.streams, world.clock, [], production=False).toolbox
        surroundings = Surroundings(database, datasets, toolbox, model=model.language_model())
        world.agents.update(bind(Agents([spend_report]), surroundings))  # type: ignore[arg-type]
        async with world.worker():
            finished, events = await run(world, alice, dataset)
    report = Report.model_validate(finished.result)
    assert report.sections[0].id == "in_short"
    assert report.sections[0].content == "There were 30 requests with 3,330 tokens in. Look closer."
    assert [note["code"] for note in finished.result["metadata"]["model_notes"]] == ["figures_rewritten"]
    assert "".join(event.text for event in events if isinstance(event, MessageDelta)) == report.sections[0].content
    (row,) = await stored(database, alice)
    assert row.body == finished.result
