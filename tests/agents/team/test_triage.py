"""What is asked, on which data, and how far it goes."""

from typing import Any

import pytest

from netra.agents.context import Understanding
from netra.agents.team.results import TeamRequest, TriageResult
from netra.agents.team.triage import judge, survey
from netra.datasets.store import DatasetInfo
from netra.ids import UserId
from tests.agents.team.company import Company
from tests.agents.test_narrative import EVERYTHING, log
from tests.analytics.test_measure import MOMENT, opened

PRICED = log(*EVERYTHING).replace(b",m,", b",gpt-4o,")


async def triaged(content: bytes, *topics: str, model: str | None = None) -> TriageResult:
    async with opened(content) as (query, dataset):
        found = await survey(query, dataset, model, MOMENT)
    return judge(TeamRequest(), Understanding(topics, None, "Read."), found)


@pytest.mark.parametrize(
    ("content", "topics", "model", "sufficiency"),
    [
        (PRICED, (), None, 1.0),
        (log("at"), (), "openai:gpt-4o", 0.9),
        (log("at"), (), None, 0.65),
        (log("at"), ("spend", "savings"), None, 0.4),
        (log("at"), ("spend", "usage"), None, 0.525),
        (log(), (), "openai:gpt-4o", 0.7),
        (log(), ("spend",), None, 0.2),
        (PRICED, ("latency",), None, 0.75),
        (log(*EVERYTHING, rows=19), (), "openai:gpt-4o", 0.2),
        (log("at", rows=50, broken=50), (), None, 0.55),
    ],
    ids=[
        "everything",
        "a model named",
        "no model",
        "money without prices",
        "half of it",
        "no times",
        "nothing of it",
        "no latencies",
        "nineteen rows",
        "half broken",
    ],
)
async def test_what_the_data_has_decides_how_far_it_goes(
    content: bytes, topics: tuple[str, ...], model: str | None, sufficiency: float
) -> None:
    result = await triaged(content, *topics, model=model)
    assert result.sufficiency == sufficiency
    assert sum(criterion.weight for criterion in result.criteria) == pytest.approx(1)


async def test_what_cannot_be_answered_is_named_with_its_reason() -> None:
    result = await triaged(log("user"), "latency", "changes", "spend", "usage")
    assert set(result.lacking) == {"latency", "changes", "spend"}
    assert "latency" in result.lacking["latency"]
    assert set((await triaged(log(rows=3))).lacking) == set(result.topics) | {"concentration", "savings"}


async def test_the_dataset_is_the_one_that_is_named_else_the_newest(company: Company, alice: UserId, bob: UserId) -> None:
    old, new = await company.upload(alice, PRICED, "spring"), await company.upload(alice, log("at"), "autumn")
    await company.upload(bob, PRICED, "secret")
    asked: list[tuple[dict[str, Any], DatasetInfo]] = [
        ({"dataset": str(old.id)}, old),
        ({"question": "What did spring cost?"}, old),
        ({}, new),
    ]
    told = [(await company.ask(alice, **values)).report.metadata for values, _ in asked]
    assert [str(dataset.id) in str(each["dataset"]) for each, (_, dataset) in zip(told, asked, strict=True)] == [True] * 3
    assert "newest" in str(told[-1]["understood"])
    foreign = (await company.ask(alice, dataset="secret")).report
    unknown = (await company.ask(alice, dataset="Secret")).report
    assert foreign.report_type == unknown.report_type == "guidance"
    assert str(foreign.metadata["understood"]).replace("secret", "Secret") == str(unknown.metadata["understood"])


async def test_a_model_that_the_list_does_not_have_is_told_with_near_names(company: Company, alice: UserId) -> None:
    await company.upload(alice, log("at"))
    report = (await company.ask(alice, model="gpt4o")).report
    assert report.report_type == "partial_analysis"
    assert "openai:gpt-4o" in str(report.metadata["understood"])
    assert report.metadata["model"] is None
