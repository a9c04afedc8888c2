"""The words of a report, and that no number stands in them which no figure holds."""

import csv
import io
import random
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from netra.agents import narrative
from netra.agents.report import Report
from netra.analytics import measure
from netra.analytics.figures import Measurement
from netra.analytics.prices import PriceList, price_list
from netra.datasets.offload import in_thread
from netra.models.run_model import ModelNote, Prose
from tests.analytics.test_measure import MOMENT, opened
from tests.datasets.traces import Trace, trace  # noqa: F401 - a fixture

DAY = datetime(2026, 5, 4, tzinfo=UTC)


def log(*columns: str, rows: int = 200, broken: int = 0) -> bytes:
    """A usage log with these columns besides its tokens."""
    source = random.Random(3)

    def at() -> str:
        return str(DAY + timedelta(seconds=source.randrange(86_400)))

    make: dict[str, Callable[[], object]] = {
        "at": at,
        "user": lambda: source.choice(["Ada", "Grace", "Linus"]),
        "feature": lambda: source.choice(["chat", "search"]),
        "model": lambda: "m",
        "cost_usd": lambda: round(source.random() / 50, 6),
    }
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["input_tokens", "output_tokens", *columns])
    for _ in range(rows):
        writer.writerow([source.randrange(1, 5000), source.randrange(1, 700), *(make[column]() for column in columns)])
    for _ in range(broken):
        writer.writerow(["x", "y", *columns])
    return text.getvalue().encode()


async def reported(content: bytes, model: str = "openai:gpt-4o") -> tuple[Report, PriceList]:
    prices = await in_thread(price_list, model, MOMENT)
    async with opened(content) as (query, dataset):
        measured: dict[str, Measurement] = {"volume": await measure.volume(query, dataset)}
        if dataset.rows < narrative.FEWEST_REQUESTS:
            return narrative.guidance("Title", dataset, measured["volume"]), prices
        measured["tokens"] = await measure.tokens(query)
        measured["concentration"] = await measure.concentration(query)
        if (busy := await measure.busy_hours(query)) is not None:
            measured["busy_hours"] = busy
        return narrative.full_report("Title", dataset, prices, measured, await measure.cost(query, prices)), prices


def numbers_without_a_figure(report: Report, prices: PriceList) -> list[str]:
    """What is left of the digits in the report's words when every figure, line and name is taken out."""
    texts = [section.content for section in report.sections] + [*report.next_steps, narrative.summary(report)]
    dataset = report.metadata["dataset"]
    assert isinstance(dataset, dict)
    notes = dataset["notes"]
    assert isinstance(notes, list)
    known = [figure.text() for figure in report.figures()] + [prices.model, *map(str, notes)]
    known += [str(line) for figure in report.figures() for line in figure.rows.lines]
    left = []
    for text in texts:
        for name in sorted(known, key=len, reverse=True):
            text = text.replace(name, "")
        left += re.findall(r"\S*\d\S*", text)
    return left


EVERYTHING = ("at", "user", "feature", "model", "cost_usd")
CACHED = b"input_tokens,output_tokens,cached_input_tokens\n" + b"900,10,600\n" * 30


@pytest.mark.parametrize(
    "content",
    [log(), log("at"), log(*EVERYTHING), log("user", broken=3), log(rows=3), log("at", rows=1), CACHED],
    ids=["tokens", "times", "everything", "broken", "three rows", "one row", "cached"],
)
async def test_no_number_is_written_that_no_figure_holds(content: bytes) -> None:
    assert numbers_without_a_figure(*await reported(content)) == []


async def test_no_number_of_an_azure_trace_is_written_that_no_figure_holds(trace: Trace) -> None:  # noqa: F811
    assert numbers_without_a_figure(*await reported(trace.path.read_bytes(), "google:gemini-2.5-pro")) == []


@pytest.mark.parametrize(("model", "words"), [("openai:gpt-4o", "at the price of that"), ("openai:gpt-4", "in full")])
async def test_a_report_says_how_input_that_a_cache_gave_is_billed(model: str, words: str) -> None:
    report, prices = await reported(CACHED, model)
    (section,) = [section for section in report.sections if section.id == "cost"]
    assert words in section.content
    assert report.metadata["assumptions"]
    without, _ = await reported(log(), model)
    assert without.metadata["assumptions"] == []
    assert prices.bills_cache_in_full == (words == "in full")


async def test_an_invented_number_would_be_found() -> None:
    report, prices = await reported(log("at"))
    first = report.sections[0]
    forged = first.model_copy(update={"content": first.content + " You could save 37%."})
    assert numbers_without_a_figure(report.model_copy(update={"sections": (forged, *report.sections[1:])}), prices) == ["37%."]


async def test_a_complete_log_gives_every_section() -> None:
    report, _ = await reported(log(*EVERYTHING))
    assert report.report_type == "full_analysis"
    assert [section.id for section in report.sections] == ["data", "tokens", "busy_hours", "cost", "concentration"]
    assert report.metadata["gaps"] == []
    assert "Add" not in "".join(report.next_steps)
    for section in report.sections:
        assert section.figures


async def test_a_log_without_times_gives_a_partial_report_that_names_the_gap() -> None:
    report, _ = await reported(log("user"))
    assert report.report_type == "partial_analysis"
    assert "busy_hours" not in [section.id for section in report.sections]
    assert report.metadata["gaps"] == ["busy_hours: no row of the dataset has a time"]
    assert any("time" in step for step in report.next_steps)
    assert any("feature, model" in step for step in report.next_steps)


async def test_a_log_that_is_too_small_gives_guidance_and_no_figure_of_tokens_or_cost() -> None:
    report, _ = await reported(log("at", rows=narrative.FEWEST_REQUESTS - 1))
    assert report.report_type == "guidance"
    assert report.next_steps == narrative.BRING
    assert {figure.unit for figure in report.figures()} <= {"requests", "rows", "share", "UTC", "hours"}
    assert (await reported(log("at", rows=narrative.FEWEST_REQUESTS)))[0].report_type == "full_analysis"


async def test_rows_that_could_not_be_read_are_told_and_become_a_step() -> None:
    report, _ = await reported(log("at", broken=2))
    assert "2 of 202 rows could not be read" in report.sections[0].content
    assert any("Mend the 2 rows" in step for step in report.next_steps)


async def test_the_first_step_is_about_the_larger_half_of_the_cost() -> None:
    long_answers = b"input_tokens,output_tokens\n" + b"10,1000\n" * 30
    long_prompts = b"input_tokens,output_tokens\n" + b"10000,1\n" * 30
    assert (await reported(long_answers))[0].next_steps[0].startswith("Shorten answers")
    assert (await reported(long_prompts))[0].next_steps[0].startswith("Shorten or cache prompts")


async def test_empty_requests_give_a_report_without_shares() -> None:
    report, prices = await reported(b"input_tokens,output_tokens\n" + b"0,0\n" * 30)
    assert report.report_type == "partial_analysis"
    assert "$0.00" in narrative.summary(report)
    assert numbers_without_a_figure(report, prices) == []


async def test_the_metadata_names_the_dataset_and_the_price_list() -> None:
    report, prices = await reported(log("at"))
    origin = report.metadata["dataset"]
    assert isinstance(origin, dict)
    assert origin["mapping"] == {"at": "at", "input_tokens": "input_tokens", "output_tokens": "output_tokens"}
    assert report.metadata["prices"] == {
        "model": "openai:gpt-4o",
        "source": prices.version,
        "read_at": MOMENT.isoformat(),
        "formula": prices.formula(),
    }
    assert report.metadata["timezone"] == "UTC"
    assert "quantile_cont" in str(report.metadata["percentiles"])


def test_words_of_a_model_come_first_and_what_there_is_to_say_of_them_is_kept() -> None:
    report = Report(
        report_type="guidance", title="t", sections=(), next_steps=("Bring more.",), data_completeness=0, metadata={"a": 1}
    )
    note = ModelNote("figures_removed", "One sentence was left out.")
    assert narrative.with_prose(report, Prose("ours", by_model=False)) == report
    told = narrative.with_prose(report, Prose("theirs", by_model=True, notes=(note,)))
    assert [section.content for section in told.sections] == ["theirs"]
    assert told.metadata == {"a": 1, "model_notes": [{"code": "figures_removed", "text": "One sentence was left out."}]}
