"""The team as its user meets it: over real uploads, in the real database, log and queue."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from netra.agents.context import Context, Understanding
from netra.agents.definition import agent
from netra.agents.grounding import ungrounded_sections
from netra.agents.report import Report
from netra.agents.team.results import DataResult, ReportingRequest, TeamRequest, TriageResult
from netra.agents.team.supervisor import TEAM, supervise
from netra.agents.team.triage import triage
from netra.datasets.store import Datasets
from netra.db.database import Database
from netra.events.codec import encode
from netra.events.model import InputRequired, MessageDelta
from netra.ids import DatasetId, UserId
from netra.runs.journal import entry
from netra.runs.payload import LARGEST
from tests.agents.surroundings import open_agents
from tests.agents.team.company import Answered, Company
from tests.agents.team.test_triage import PRICED
from tests.agents.test_narrative import log


def worked(answered: Answered) -> list[str | None]:
    """Who has worked, in the order of their beginnings, as nested events tell it."""
    begun = [entry(event) for event in answered.events if event.type == "agent_started"]
    return [name for name, data in begun if data.parent == "supervisor"]


async def test_a_question_becomes_a_stored_report(company: Company, alice: UserId) -> None:
    await company.upload(alice, PRICED)
    answered = await company.ask(alice, "Where does our money go?", title="Our money")
    (row,) = await company.reports(alice)
    assert row.body == answered.report.model_dump(mode="json")
    assert row.title == answered.report.title == "Our money"
    assert answered.report.metadata["question"] == "Where does our money go?"
    data = [entry(event)[1] for event in answered.events]
    said = "".join(each.text for each in data if isinstance(each, MessageDelta))
    assert answered.report.next_steps[0] in said


async def test_how_far_the_data_goes_decides_who_works(company: Company, alice: UserId) -> None:
    assert set(worked(await company.ask(alice))) == {"triage", "data_helper", "reporting"}
    await company.upload(alice, log("at"))
    partial = worked(await company.ask(alice))
    assert (partial[0], set(partial[1:3]), partial[3:]) == ("triage", {"data_helper", "data"}, ["reporting"])


async def test_two_users_ask_at_once_and_each_sees_their_own(company: Company, alice: UserId, bob: UserId) -> None:
    hers = await company.upload(alice, b"input_tokens,output_tokens\n" + b"111,1\n" * 30, "hers")
    his = await company.upload(bob, b"input_tokens,output_tokens\n" + b"222,2\n" * 40, "his")
    questions = ("", "How much usage?")
    answers = await asyncio.gather(*(company.ask(user_id, question) for user_id in (alice, bob) for question in questions))
    for user_id, dataset, foreign, reports in ((alice, hers, his, answers[:2]), (bob, his, hers, answers[2:])):
        rows = await company.reports(user_id)
        assert len(rows) == 2 and all(each.report.model_dump(mode="json") in [row.body for row in rows] for each in reports)
        for answered in reports:
            told = str(answered.events) + answered.report.model_dump_json()
            assert str(dataset.id) in told and str(foreign.id) not in told and foreign.name + "”" not in told


async def test_a_stage_that_fails_becomes_a_named_gap_and_the_report_is_written(
    database: Database, alice: UserId, tmp_path: Path
) -> None:
    @agent("data")
    async def broken(ctx: Context, input: TriageResult) -> DataResult:
        raise RuntimeError(input.question)

    @agent("triage")
    async def lost(ctx: Context, input: TeamRequest) -> TriageResult:
        raise RuntimeError(input.question)

    @agent("reporting")
    async def speechless(ctx: Context, input: ReportingRequest) -> Report:
        raise RuntimeError(input.title)

    for member, gaps in (
        (replace(TEAM, data=broken), ["data"]),
        (replace(TEAM, triage=lost), ["triage"]),
        (replace(TEAM, reporting=speechless), ["reporting"]),
        (replace(TEAM, triage=lost, reporting=speechless), ["reporting", "triage"]),
    ):
        folder = tmp_path / "-".join(gaps)
        async with open_agents(database, folder, [supervise(member)]) as world, world.worker():
            company = Company(world, Datasets(database, folder, max_bytes=1_000_000))
            await company.upload(alice, PRICED)
            report = (await company.ask(alice)).report
        told = report.metadata["gaps"]
        assert isinstance(told, list)
        assert report.report_type == "fallback"
        assert sorted(str(gap["stage"]) for gap in told if isinstance(gap, dict)) == gaps
        assert any(section.id == "gaps" for section in report.sections)
        assert report.next_steps
        assert ungrounded_sections(report) == {}
        assert report.model_dump(mode="json") in [row.body for row in await company.reports(alice)]


async def test_a_dataset_that_is_deleted_meanwhile_leaves_a_report_that_says_so(
    database: Database, alice: UserId, tmp_path: Path
) -> None:
    @agent("triage")
    async def deleting(ctx: Context, input: TeamRequest) -> TriageResult:
        found: TriageResult = await triage.function(ctx, input)
        assert found.dataset is not None
        await datasets.delete(ctx.user.id, DatasetId(found.dataset.id))
        return found

    datasets = Datasets(database, tmp_path, max_bytes=1_000_000)
    async with open_agents(database, tmp_path, [supervise(replace(TEAM, triage=deleting))]) as world, world.worker():
        company = Company(world, datasets)
        await company.upload(alice, PRICED)
        report = (await company.ask(alice)).report
    assert report.report_type == "fallback"
    told = report.metadata["gaps"]
    assert isinstance(told, list)
    assert {str(gap["stage"]).partition(":")[0] for gap in told if isinstance(gap, dict)} >= {"data"}


class Words:
    """A linguist that answers what it was told to, or fails."""

    def __init__(self, words: Mapping[str, str] | None) -> None:
        self._words = words

    async def understand(
        self, ctx: Context, question: str, topics: Mapping[str, str], datasets: Sequence[str]
    ) -> Understanding:
        if self._words is None:
            raise RuntimeError("no model")
        return Understanding(("usage", "nonsense"), "not yours", "The model has read it.")

    async def word(self, ctx: Context, report: Report) -> Mapping[str, str]:
        if self._words is None:
            raise RuntimeError("no model")
        return self._words


async def test_a_model_words_the_report_and_invents_no_number(database: Database, alice: UserId, tmp_path: Path) -> None:
    words: dict[str, Any] = {
        "short": "It is dear: 37% too dear.",
        "data_volume": "All 200 requests were read.",
        "data_tokens": "Prompts are forty times as long as answers.",
        "gone": "x",
    }
    given = Words(words)
    async with open_agents(database, tmp_path, [supervise(TEAM)], linguist=given) as world, world.worker():
        company = Company(world, Datasets(database, tmp_path, max_bytes=1_000_000))
        await company.upload(alice, PRICED)
        report = (await company.ask(alice, "Wie viel?")).report
    content = {section.id: section.content for section in report.sections}
    assert "37%" not in content["short"]
    assert content["data_volume"] == words["data_volume"]
    assert report.metadata["refused_words"] == {"short": ["37%"], "data_tokens": ["forty"]}
    assert report.metadata["topics"] == ["usage"]
    assert report.metadata["understood"] == ["The model has read it."]


async def test_a_model_that_fails_is_done_without(database: Database, alice: UserId, tmp_path: Path) -> None:
    async with open_agents(database, tmp_path, [supervise(TEAM)], linguist=Words(None)) as world, world.worker():
        company = Company(world, Datasets(database, tmp_path, max_bytes=1_000_000))
        await company.upload(alice, PRICED)
        report = (await company.ask(alice, "How many tokens?")).report
    assert report.report_type == "full_analysis"
    assert report.metadata["topics"] == ["usage"]
    assert str(report.metadata["words"]).startswith("declared: RuntimeError")


async def test_whoever_never_answers_has_a_report_that_waits_and_whoever_does_has_the_decided_one_too(
    company: Company, alice: UserId
) -> None:
    await company.upload(alice, PRICED)
    accepted = await company.world.start(alice, "supervisor", {"approval": "ask", "title": "Our money"})
    async with company.world.following(alice, accepted.thread_id) as follower:
        asked = (await follower.until_type("input_required"))[-1].data
    assert isinstance(asked, InputRequired)
    (waiting,) = await company.reports(alice)
    assert waiting.title == "Our money (waiting for your approval)"
    report = Report.model_validate(waiting.body)
    assert report.metadata["approval"] == "waiting"
    assert "It waits for your decision" in next(section.content for section in report.sections if section.id == "plan")
    assert ungrounded_sections(report) == {}
    await company.world.runs.answer(alice, accepted.run_id, asked.request_id, True)
    finished = await company.world.finished(alice, accepted)
    rows = {row.title: row.body for row in await company.reports(alice)}
    assert rows == {waiting.title: waiting.body, "Our money": finished.result}
    decided = rows["Our money"]
    assert decided["metadata"]["approval"] == "decided"
    assert {action["state"] for action in decided["metadata"]["plan"]["actions"]} == {"approved"}
    assert [section["id"] for section in decided["sections"]] == [section.id for section in report.sections]


async def test_a_report_that_no_event_holds_is_given_shorter_and_stored_whole(
    database: Database, alice: UserId, tmp_path: Path
) -> None:
    words = Words({"question": "word " * 50_000})
    async with open_agents(database, tmp_path, [supervise(TEAM)], linguist=words) as world, world.worker():
        company = Company(world, Datasets(database, tmp_path, max_bytes=1_000_000))
        await company.upload(alice, PRICED)
        given = (await company.ask(alice, "How much?")).report
        (row,) = await company.reports(alice)
    assert len(encode(row.body)) > LARGEST > len(encode(given.model_dump(mode="json")))
    assert given.report_type == "full_analysis" and given.metadata["gaps"] == []
    assert given.sections[-1].id == "shortened"
    assert given.sections[0].model_dump(mode="json") == row.body["sections"][0]
    assert {"question", "short"} <= {section["id"] for section in row.body["sections"]}
    assert "shortened" not in row.body["metadata"]
