"""Latency against the statistics module over the same rows."""

import asyncio
import csv
import io
import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra.analytics.figures import Measurement
from netra.analytics.latency import SIZE_EDGES, latency
from tests.analytics.test_measure import EXAMPLES, MOMENT, opened

EXAMPLE = Path(__file__).parents[2] / "examples/data/generated-usage.csv"


@dataclass(frozen=True)
class Answer:
    """A row of a log that knows how long it took."""

    latency_ms: float | None
    input_tokens: int = 10
    output_tokens: int = 5
    at: datetime | None = MOMENT
    model: str | None = "m"


def written(answers: Sequence[Answer]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["at", "input_tokens", "output_tokens", "model", "latency_ms"])
    for answer in answers:
        at = answer.at.isoformat() if answer.at else ""
        writer.writerow([at, answer.input_tokens, answer.output_tokens, answer.model, answer.latency_ms])
    return text.getvalue().encode()


async def measured(content: bytes, top: int = 10) -> Measurement:
    async with opened(content) as (query, _):
        return await latency(query, top=top)


def percentile(numbers: Sequence[float], level: int) -> float:
    return statistics.quantiles(numbers, n=100, method="inclusive")[level - 1] if len(numbers) > 1 else numbers[0]


def check(values: dict[str, float], numbers: Sequence[float], prefix: str = "") -> None:
    assert values[f"{prefix}mean"] == pytest.approx(statistics.fmean(numbers), rel=1e-9)
    for level in (50, 90, 95, 99):
        assert values[f"{prefix}p{level}"] == pytest.approx(percentile(numbers, level), rel=1e-9)
    assert values[f"{prefix}max"] == max(numbers)


def band(input_tokens: int) -> str:
    edge = next((edge for edge in SIZE_EDGES if input_tokens <= edge), None)
    return f"up to {edge:,}" if edge else f"above {SIZE_EDGES[-1]:,}"


TIMES = st.timedeltas(timedelta(0), timedelta(days=2)).map(lambda passed: datetime(2026, 1, 1, tzinfo=UTC) + passed)
ANSWERS = st.lists(
    st.builds(
        Answer,
        st.none() | st.floats(0, 1e6).map(lambda number: round(number, 3)),
        st.integers(0, 100_000) | st.sampled_from(SIZE_EDGES),
        st.integers(0, 500),
        st.none()
        | st.timedeltas(timedelta(0), timedelta(days=2)).map(lambda passed: datetime(2026, 1, 1, tzinfo=UTC) + passed),
        st.none() | st.sampled_from(["a", "b", "c"]),
    ),
    min_size=1,
    max_size=60,
)


@EXAMPLES
@given(answers=ANSWERS, top=st.integers(1, 5))
def test_every_figure_equals_plain_python_over_the_same_rows(answers: list[Answer], top: int) -> None:
    found = asyncio.run(measured(written(answers), top))
    timed = [answer for answer in answers if answer.latency_ms is not None]
    if not timed:
        assert (found.missing, found.figures) == (("latency_ms",), ())
        return
    numbers = [answer.latency_ms or 0.0 for answer in timed]
    values = {key.removeprefix("latency_"): float(value) for key, value in found.values().items()}
    check(values, numbers)
    assert {figure.rows.count for figure in found.figures if "per_output" not in figure.id} == {len(timed)}
    slowest = next(figure for figure in found.figures if figure.id == "latency_max")
    assert slowest.rows.lines == (min(line for line, a in enumerate(answers, 2) if a.latency_ms == max(numbers)),)
    if percentile(numbers, 50):
        assert values["tail_ratio"] == pytest.approx(percentile(numbers, 99) / percentile(numbers, 50), rel=1e-9)
    paces = [(a.latency_ms or 0.0) / a.output_tokens for a in timed if a.output_tokens]
    if paces:
        assert values["per_output_token_p50"] == pytest.approx(statistics.median(paces), rel=1e-9)

    keys: dict[str, Callable[[Answer], object]] = {
        "model": lambda a: a.model,
        "hour": lambda a: a.at and a.at.hour,
        "size": lambda a: band(a.input_tokens),
    }
    for grouping, key in keys.items():
        groups = {key(a) for a in timed}
        if groups == {None}:
            assert ("at" if grouping == "hour" else grouping) in found.missing
            continue
        table = found.breakdown(f"latency_by_{grouping}")
        assert table.of == len(groups)
        assert len(table.entries) == (min(top, len(groups)) if grouping == "model" else len(groups))
        for entry in table.entries:
            theirs = [a.latency_ms or 0.0 for a in timed if key(a) == entry.key]
            assert entry.count == len(theirs)
            check({q.id: v for q, v in zip(table.quantities, entry.values, strict=True)}, theirs)  # type: ignore[misc]
    assert {"user", "feature"} <= set(found.missing)

    ranked = sorted(enumerate(answers, 2), key=lambda row: (-(row[1].latency_ms or 0), row[1].latency_ms is None, row[0]))
    lines = [line for line, answer in ranked if answer.latency_ms is not None][:top]
    assert [entry.key for entry in found.breakdown("slowest").entries] == lines


async def test_the_generated_log_is_slower_where_it_was_made_so() -> None:
    found = await measured(EXAMPLE.read_bytes())
    with EXAMPLE.open() as lines:
        rows = list(csv.DictReader(lines))
    check(
        {key.removeprefix("latency_"): float(value) for key, value in found.values().items()},
        [float(row["latency_ms"]) for row in rows],
    )
    by_model = found.breakdown("latency_by_model")
    for model, median in by_model.column("p50").items():
        assert median == pytest.approx(statistics.median(float(r["latency_ms"]) for r in rows if r["model"] == model))
    assert [entry.key for entry in found.breakdown("latency_by_hour").entries] == sorted(
        {int(r["timestamp"][11:13]) for r in rows}
    )
    assert found.missing == ()


async def test_a_log_without_latency_says_that_it_is_missing() -> None:
    found = await measured(b"input_tokens,output_tokens\n1,2\n")
    assert found.missing == ("latency_ms",)
    assert found.notes


async def test_a_tail_is_seen_in_its_ratio() -> None:
    source = random.Random(4)
    even = [Answer(source.uniform(90, 110)) for _ in range(500)]
    tailed = [*even[:-10], *[Answer(5000.0)] * 10]
    assert float((await measured(written(even))).values()["latency_tail_ratio"]) < 1.2
    assert float((await measured(written(tailed))).values()["latency_tail_ratio"]) > 40


async def test_a_latency_beyond_belief_is_left_out_and_the_rows_say_so() -> None:
    found = await measured(written([Answer(5.0), Answer(7.0), Answer(1e308), Answer(1e308)]))
    figure = next(figure for figure in found.figures if figure.id == "latency_mean")
    assert (figure.value, figure.rows.count) == (6, 2)
    assert "at most" in figure.rows.filter
