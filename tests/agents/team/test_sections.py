"""The words of the team's report."""

from netra.agents.team import sections
from netra.agents.team.data import PARTS
from netra.agents.team.results import DataNeeds, DataResult, Gap, TriageResult
from netra.analytics.figures import Measurement
from tests.agents.team.test_triage import PRICED, triaged
from tests.agents.test_narrative import log
from tests.analytics.test_measure import opened


async def measured(content: bytes, triage: TriageResult) -> DataResult:
    """Every part of a dataset, without a server."""
    async with opened(content) as (query, dataset):
        return DataResult(parts={name: await part(query, triage, dataset) for name, part in PARTS.items()})


async def test_what_cannot_be_said_stands_in_the_short_answer() -> None:
    triage = await triaged(log("user"), "latency")
    assert "How long requests take cannot be said: no row has a latency." in sections.short(triage, {}).content


async def test_a_repeated_figure_keeps_its_value_formula_and_rows() -> None:
    triage = await triaged(PRICED)
    figures = {figure.id: figure for figure in (await measured(PRICED, triage)).whole().figures}
    repeated = sections.short(triage, figures).figures
    assert len(repeated) > 5
    for figure in repeated:
        original = figures[figure.id.removeprefix("short_")]
        assert figure.model_copy(update={"id": original.id}) == original


async def test_every_part_that_found_something_has_its_section() -> None:
    triage = await triaged(PRICED)
    made = list(sections.data_sections(triage, await measured(PRICED, triage)))
    assert [section.id for section in made] == [
        "data_volume",
        "data_tokens",
        "data_hours",
        "data_cost",
        "data_concentration",
        "data_changes",
        "data_waste",
    ]
    cost = made[3]
    # Of one model there is nothing to compare.
    assert [chart.id for chart in cost.charts] == [f"{table.id}_chart" for table in cost.tables if len(table.entries) > 1]
    for chart, table in zip(cost.charts, cost.tables[1:], strict=True):
        assert [point.y for point in chart.points] == [value for value in table.column("cost").values() if value is not None]


SHIFTED = "\n".join(
    [
        "at,input_tokens,output_tokens,model,user,status",
        *(
            f"2026-03-01T00:{minute:02}:{second:02}Z,{size},10,gpt-4o,ada,{status}"
            for minute, size in enumerate([100] * 30 + [900] * 30)
            for second, status in ((0, "ok"), (7, "error"), (9, "ok"))
        ),
    ]
).encode()
"""An hour in the middle of which prompts become nine times as long, and in which every third request fails."""


async def test_what_changes_and_what_is_wasted_is_said_in_words_that_quote_what_was_measured() -> None:
    triage = await triaged(SHIFTED)
    made = {section.id: section for section in sections.data_sections(triage, await measured(SHIFTED, triage))}
    assert "The level of tokens is another one from 2026-03-01 00:30 UTC on." in made["data_changes"].content
    assert "The level of requests" not in made["data_changes"].content
    assert "60 requests failed, 33.3% of those whose end is known" in made["data_waste"].content
    assert "60 requests look like retries" in made["data_waste"].content


async def test_a_log_without_prices_says_so_and_draws_nothing_of_cost() -> None:
    triage = await triaged(log("at"))
    cost = next(each for each in sections.data_sections(triage, await measured(log("at"), triage)) if each.id == "data_cost")
    assert "Without a list price, and so in no sum of cost: 200 requests." in cost.content
    assert cost.charts == ()


def test_nothing_to_bring_and_no_gap_make_no_section() -> None:
    assert sections.needs_section(DataNeeds(items=())) is None
    assert sections.gaps_section(()) is None


def test_a_gap_is_named_with_its_reason() -> None:
    section = sections.gaps_section((Gap(stage="data: cost", code="x", because="The disk is full."),))
    assert section is not None
    assert section.content == "- Data: cost: The disk is full."


async def test_a_part_that_found_nothing_has_no_section() -> None:
    triage = await triaged(PRICED)
    assert list(sections.data_sections(triage, DataResult(parts={"hours": Measurement(missing=("at",))}))) == []
