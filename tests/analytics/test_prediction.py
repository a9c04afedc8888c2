"""A fit against its definition, and its error on rows it has not seen."""

import asyncio
import csv
import random
import statistics
from collections.abc import Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra.analytics.prediction import FEWEST_FITTED, FEWEST_TESTED, LatencyFit, LatencyModel, fit_latency, predict_latency
from tests.analytics.test_latency import EXAMPLE, Answer, written
from tests.analytics.test_measure import EXAMPLES, MOMENT, opened
from tests.datasets.traces import Trace, trace  # noqa: F401 - a fixture


async def fitted(answers: Sequence[Answer]) -> LatencyFit:
    async with opened(written(answers)) as (query, _):
        return await fit_latency(query)


def at(second: float) -> datetime:
    return MOMENT + timedelta(seconds=second)


def split(answers: Sequence[Answer]) -> tuple[list[Answer], list[Answer]]:
    """The answers of the first 80 % of the time, and the rest."""
    times = [answer.at for answer in answers if answer.at]
    cut = min(times) + (max(times) - min(times)) * 4 / 5
    timed = [answer for answer in answers if answer.at and answer.latency_ms is not None]
    return [a for a in timed if a.at and a.at < cut], [a for a in timed if a.at and a.at >= cut]


def log(latency: Any, rows: int = 300, seed: int = 1) -> list[Answer]:
    source = random.Random(seed)
    answers = []
    for row in range(rows):
        inputs, outputs = source.randrange(1, 8000), source.randrange(1, 900)
        answers.append(Answer(round(latency(inputs, outputs, source), 3), inputs, outputs, at(row)))
    return answers


def linear(inputs: int, outputs: int, source: random.Random) -> float:
    return 120 + 0.05 * inputs + 11.5 * outputs


async def test_a_latency_that_is_a_line_is_found_exactly() -> None:
    found = await fitted(log(linear))
    assert found.model is not None
    assert found.model.intercept_ms == pytest.approx(120, rel=1e-9)
    assert found.model.ms_per_input_token == pytest.approx(0.05, rel=1e-9)
    assert found.model.ms_per_output_token == pytest.approx(11.5, rel=1e-9)
    assert found.model.error_ms == pytest.approx(0, abs=1e-6)
    assert found.measurement.values()["prediction_r2"] == pytest.approx(1)
    assert found.model.is_better_than_the_mean
    assert found.measurement.notes == ()


SIZES = st.tuples(st.integers(0, 10**11), st.integers(0, 5000), st.floats(0, 1e7).map(lambda number: round(number, 3)))


@EXAMPLES
@given(rows=st.lists(SIZES, min_size=60, max_size=90))
def test_the_fit_is_the_least_of_all_squares_and_its_errors_are_those_of_the_last_rows(
    rows: list[tuple[int, int, float]],
) -> None:
    answers = [Answer(latency, i, o, at(second)) for second, (i, o, latency) in enumerate(rows)]
    found = asyncio.run(fitted(answers))
    seen, unseen = split(answers)
    model = found.model
    assert model is not None
    assert (model.fitted_on.count, model.tested_on.count) == (len(seen), len(unseen))

    # At the least of the squares the residuals are orthogonal to every column.
    residuals = [
        Fraction(str(a.latency_ms))
        - Fraction(model.intercept_ms)
        - Fraction(model.ms_per_input_token) * a.input_tokens
        - Fraction(model.ms_per_output_token) * a.output_tokens
        for a in seen
    ]
    for column in ([1] * len(seen), [a.input_tokens for a in seen], [a.output_tokens for a in seen]):
        scale = sum(abs(x) * 1e7 for x in column) + 1
        assert abs(float(sum(r * x for r, x in zip(residuals, column, strict=True)))) / scale < 1e-6

    def predicted(answer: Answer) -> float:
        slopes = model.ms_per_input_token * answer.input_tokens, model.ms_per_output_token * answer.output_tokens
        return model.intercept_ms + sum(slopes)

    truth = [answer.latency_ms or 0.0 for answer in unseen]
    mean = statistics.fmean(answer.latency_ms or 0.0 for answer in seen)
    values = found.measurement.values()
    off = [abs(y - predicted(answer)) for y, answer in zip(truth, unseen, strict=True)]
    assert values["prediction_error"] == pytest.approx(statistics.fmean(off), rel=1e-6)
    assert values["prediction_error_of_mean"] == pytest.approx(statistics.fmean(abs(y - mean) for y in truth), rel=1e-6)
    relative = [o / y for o, y in zip(off, truth, strict=True) if y > 0]
    if relative:
        assert values["prediction_relative_error"] == pytest.approx(statistics.median(relative), rel=1e-6)
    if statistics.pvariance(truth) > 1:
        spread = sum((y - statistics.fmean(truth)) ** 2 for y in truth)
        assert values["prediction_r2"] == pytest.approx(1 - sum(o * o for o in off) / spread, rel=1e-6, abs=1e-6)
        assert float(values["prediction_r2_of_mean"]) <= 1e-9
    assert model.is_better_than_the_mean == (model.error_ms < model.error_of_mean_ms)


async def test_a_latency_that_size_does_not_explain_is_said_to_be_unexplained() -> None:
    found = await fitted(log(lambda i, o, source: source.expovariate(1 / 500), seed=5))
    assert found.model is not None
    values = found.measurement.values()
    assert float(values["prediction_r2"]) < 0.05
    assert found.model.is_better_than_the_mean == (not found.measurement.notes)
    drifting = [Answer(1000.0 * (row > 240), row % 7, 5, at(row)) for row in range(300)]
    assert "no better" in (await fitted(drifting)).measurement.notes[0]


@pytest.mark.parametrize(
    ("inputs", "outputs", "slopes"),
    [(7, None, (0, 2)), (None, 7, (2, 0)), (7, 7, (0, 0)), ("same", "same", (0, 2))],
    ids=["only output varies", "only input varies", "neither varies", "both vary alike"],
)
async def test_a_column_that_tells_nothing_new_gets_no_slope(inputs: Any, outputs: Any, slopes: tuple[float, float]) -> None:
    answers = []
    for row in range(100):
        size = {None: row, "same": row}
        varying = row if (inputs, outputs) != (7, 7) else 0
        answers.append(Answer(5.0 + 2 * varying, size.get(inputs, inputs), size.get(outputs, outputs), at(row)))
    found = await fitted(answers)
    assert found.model is not None
    assert (found.model.ms_per_input_token, found.model.ms_per_output_token) == pytest.approx(slopes)


async def test_the_generated_log_is_predicted_better_than_by_its_mean() -> None:
    async with opened(EXAMPLE.read_bytes()) as (query, _):
        found = await fit_latency(query)
    assert found.model is not None
    assert found.model.is_better_than_the_mean
    with EXAMPLE.open() as lines:
        rows = list(csv.DictReader(lines))
    answers = [
        Answer(
            float(row["latency_ms"]),
            int(row["input_tokens"]),
            int(row["output_tokens"]),
            datetime.fromisoformat(row["timestamp"]),
        )
        for row in rows
    ]
    seen, unseen = split(answers)
    assert (found.model.fitted_on.count, found.model.tested_on.count) == (len(seen), len(unseen))
    off = [abs((a.latency_ms or 0) - found.model.predict(a.input_tokens, a.output_tokens)) for a in unseen]
    assert found.model.error_ms == pytest.approx(statistics.fmean(off), rel=1e-6)


async def test_a_log_without_latency_or_time_says_which_is_missing(trace: Trace) -> None:  # noqa: F811
    async with opened(trace.path.read_bytes()) as (query, _):
        found = await fit_latency(query)
    assert (found.model, found.measurement.missing) == (None, ("latency_ms",))
    assert (await fitted([Answer(5, at=None)] * 50)).measurement.missing == ("at",)


async def test_too_few_rows_are_not_fitted() -> None:
    enough = log(linear, rows=FEWEST_FITTED + FEWEST_TESTED)
    assert (await fitted(enough)).model is None  # 80 % of the time hold 32 rows, the rest 8
    assert (await fitted(log(linear, rows=60))).model is not None


async def test_a_latency_beyond_belief_stays_out_of_the_fit() -> None:
    found = await fitted([*log(linear), Answer(1e300, 5, 5, at(10))])
    assert found.model is not None
    assert found.model.ms_per_output_token == pytest.approx(11.5, rel=1e-9)


async def test_a_prediction_outside_of_what_was_seen_says_so() -> None:
    model = (await fitted(log(linear))).model
    assert model is not None
    inside, outside = predict_latency(model, 4000, 400), predict_latency(model, 4_000_000, 400)
    assert inside.values()["predicted_latency"] == pytest.approx(120 + 0.05 * 4000 + 11.5 * 400)
    assert inside.notes == ()
    assert "unknown" in outside.notes[0]
    falling = LatencyModel.model_validate(model.model_dump() | {"intercept_ms": -1e9})
    assert predict_latency(falling, 1, 1).values()["predicted_latency"] == 0
