"""The latency of a request out of its size: latency = intercept + a × input tokens + b × output tokens, by least squares.

The line is fitted on the rows of the first 80 % of the time that the log spans and judged on the rest, which it has not seen,
beside a model that knows nothing and always predicts the mean. When it is no better than that, it says so.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

from netra.analytics import measure
from netra.analytics.figures import Measurement, ReportPart, RowSelection, as_number
from netra.datasets.query import DatasetQuery
from netra.db.sql import NamedQueries

SQL: Final = NamedQueries("netra.analytics", "prediction.sql")

FITTED_SHARE: Final = Fraction(4, 5)
"""Of the time that the log spans, the part that a model is fitted on."""
FEWEST_FITTED: Final = 30
FEWEST_TESTED: Final = 10
"""Rows below which a fit or its error says more of chance than of the service."""
NO_BETTER: Final = (
    "On rows it had not seen the model is no better than always predicting the mean: size does not explain the latency of this "
    "log."
)


class LatencyModel(ReportPart):
    """A straight line through the latencies of a log, and how far it was off on rows it had not seen."""

    intercept_ms: float
    ms_per_input_token: float
    ms_per_output_token: float
    fitted_on: RowSelection
    tested_on: RowSelection
    mean_ms: float
    """Of the rows it was fitted on: the prediction of a model that knows nothing."""
    error_ms: float
    """Mean absolute error on the tested rows."""
    error_of_mean_ms: float
    """The same of the model that always predicts `mean_ms`."""
    error_p90_ms: float
    """The absolute error that nine in ten of the tested rows are within."""
    input_range: tuple[int, int]
    output_range: tuple[int, int]

    @property
    def is_better_than_the_mean(self) -> bool:
        return self.error_ms < self.error_of_mean_ms

    def predict(self, input_tokens: int, output_tokens: int) -> float:
        """Milliseconds that a request of this size takes; never less than none."""
        taken = self.intercept_ms + self.ms_per_input_token * input_tokens + self.ms_per_output_token * output_tokens
        return max(0.0, taken)

    def has_seen(self, input_tokens: int, output_tokens: int) -> bool:
        """Whether rows of about this size were among those it was fitted on."""
        (least_in, most_in), (least_out, most_out) = self.input_range, self.output_range
        return least_in <= input_tokens <= most_in and least_out <= output_tokens <= most_out


class LatencyFit(ReportPart):
    """The model, when there is enough to fit one, and its figures."""

    model: LatencyModel | None
    measurement: Measurement


async def fit_latency(query: DatasetQuery) -> LatencyFit:
    """Fit latency to tokens on the first 80 % of the time span and judge it on the rest."""
    found, first, last = await query.fetch_one(SQL["span_of_latency"], longest=measure.LONGEST_LATENCY)
    if not found:
        return await _without_rows(query)
    cut = first + (last - first) * FITTED_SHARE.numerator / FITTED_SHARE.denominator
    fitted, *sums = await query.fetch_one(SQL["sum_products"], cut=cut, longest=measure.LONGEST_LATENCY)
    if fitted < FEWEST_FITTED or found - fitted < FEWEST_TESTED:
        note = (
            f"A fit takes at least {FEWEST_FITTED} rows with a time and a latency in the first 80 % of the time and "
            f"{FEWEST_TESTED} in the rest; there are {fitted} and {found - fitted}."
        )
        return LatencyFit(model=None, measurement=Measurement(notes=(note,)))
    # In milliseconds; the sums are of microseconds.
    intercept, per_input, per_output = (float(each / 1000) for each in _least_squares(fitted, sums[:8]))
    mean = float(Fraction(int(sums[2]), 1000 * fitted))
    tested, positive, *errors = await query.fetch_one(
        SQL["judge_predictions"],
        cut=cut,
        longest=measure.LONGEST_LATENCY,
        intercept=intercept,
        per_input=per_input,
        per_output=per_output,
        mean=mean,
    )
    words = f"with a time {{}} {cut:%Y-%m-%d %H:%M:%S.%f} UTC and a latency of at most {measure.LONGEST_LATENCY:.0f} ms"
    model = LatencyModel(
        intercept_ms=intercept,
        ms_per_input_token=per_input,
        ms_per_output_token=per_output,
        fitted_on=measure.select_rows(query, "rows " + words.format("before"), fitted),
        tested_on=measure.select_rows(query, "rows " + words.format("from"), tested),
        mean_ms=mean,
        error_ms=errors[0],
        error_of_mean_ms=errors[1],
        error_p90_ms=errors[4],
        input_range=(sums[8], sums[9]),
        output_range=(sums[10], sums[11]),
    )
    return LatencyFit(model=model, measurement=_describe(model, positive, errors))


async def _without_rows(query: DatasetQuery) -> LatencyFit:
    count, *_, columns = await query.fetch_one(measure.SQL["count_columns"])
    having = dict(zip(("at", "latency_ms"), (columns[0], columns[6]), strict=True))
    missing = tuple(column for column, rows in having.items() if not rows)
    note = f"None of the {count} rows has both a time and a latency, so latency cannot be fitted to size."
    return LatencyFit(model=None, measurement=Measurement(missing=missing, notes=(note,)))


def _least_squares(count: int, sums: Sequence[int]) -> tuple[Fraction, Fraction, Fraction]:
    """Intercept and slopes in exact arithmetic, out of Σx1 Σx2 Σy Σx1² Σx1x2 Σx2² Σx1y Σx2y.

    The normal equations lose their digits in floating point, as tokens are thousands and their squares millions; with
    fractions they lose none. A column that never varies, or varies with the other, gets the slope 0.
    """
    s1, s2, sy, s11, s12, s22, s1y, s2y = map(int, sums)
    # Centred and times count, so still whole numbers: variances and covariances.
    v11, v12, v22 = count * s11 - s1 * s1, count * s12 - s1 * s2, count * s22 - s2 * s2
    c1, c2 = count * s1y - s1 * sy, count * s2y - s2 * sy
    a = b = Fraction(0)
    if determinant := v11 * v22 - v12 * v12:
        a, b = Fraction(c1 * v22 - c2 * v12, determinant), Fraction(c2 * v11 - c1 * v12, determinant)
    elif v22:
        b = Fraction(c2, v22)
    elif v11:
        a = Fraction(c1, v11)
    return (sy - a * s1 - b * s2) / count, a, b


def _describe(model: LatencyModel, positive: int, errors: Sequence[float | None]) -> Measurement:
    fitted, tested = model.fitted_on, model.tested_on
    above_zero = tested.model_copy(update={"filter": f"{tested.filter}, and above 0", "count": positive})
    line = "ordinary least squares of latency_ms on 1, input_tokens and output_tokens"
    off, off_mean = "|latency_ms − prediction|", "|latency_ms − latency_mean_fitted|"
    figures = [
        fitted.figure("latency_intercept", "Latency of a request of no size", as_number(model.intercept_ms), "ms", line),
        fitted.figure("latency_per_input_token", "Latency an input token", as_number(model.ms_per_input_token), "ms", line),
        fitted.figure("latency_per_output_token", "Latency an output token", as_number(model.ms_per_output_token), "ms", line),
        fitted.figure(
            "latency_mean_fitted", "Latency, mean", as_number(model.mean_ms), "ms", "sum(latency_ms) / count(*), to the µs"
        ),
        tested.figure(
            "prediction_error", "Error of a prediction, mean", as_number(model.error_ms), "ms", f"sum({off}) / count(*)"
        ),
        tested.figure(
            "prediction_error_of_mean",
            "Error of always predicting the mean",
            as_number(model.error_of_mean_ms),
            "ms",
            f"sum({off_mean}) / count(*)",
        ),
        tested.figure(
            "prediction_error_p90",
            "Error that nine in ten predictions are within",
            as_number(model.error_p90_ms),
            "ms",
            measure.QUANTILE.format(column=off, level=0.9),
        ),
    ]
    relative, relative_of_mean = errors[2:4]
    if relative is not None and relative_of_mean is not None:
        half = measure.QUANTILE.format(column="{} / latency_ms", level=0.5)
        figures += [
            above_zero.figure(
                "prediction_relative_error", "Relative error of a prediction, p50", relative, "share", half.format(off)
            ),
            above_zero.figure(
                "prediction_relative_error_of_mean",
                "Relative error of always predicting the mean, p50",
                relative_of_mean,
                "share",
                half.format(off_mean),
            ),
        ]
    squares, squares_of_mean, spread = errors[5:8]
    if spread and squares is not None and squares_of_mean is not None:
        part = "1 − sum(({})²) / sum((latency_ms − mean of these rows)²)"
        figures += [
            tested.figure(
                "prediction_r2",
                "Share of the variance that is explained (R²)",
                1 - squares / spread,
                "ratio",
                part.format("latency_ms − prediction"),
            ),
            tested.figure(
                "prediction_r2_of_mean",
                "R² of always predicting the mean",
                1 - squares_of_mean / spread,
                "ratio",
                part.format("latency_ms − latency_mean_fitted"),
            ),
        ]
    notes = () if model.is_better_than_the_mean else (NO_BETTER,)
    return Measurement(figures=tuple(figures), notes=notes)


def predict_latency(model: LatencyModel, input_tokens: int, output_tokens: int) -> Measurement:
    """What a request of this size would take."""
    formula = (
        f"{model.intercept_ms:.6g} + {model.ms_per_input_token:.6g} × {input_tokens} + "
        f"{model.ms_per_output_token:.6g} × {output_tokens}, at least 0; the coefficients are those fitted on these rows"
    )
    value = as_number(model.predict(input_tokens, output_tokens))
    figure = model.fitted_on.figure("predicted_latency", "Latency of a request of that size", value, "ms", formula)
    if model.has_seen(input_tokens, output_tokens):
        return Measurement(figures=(figure,))
    (least_in, most_in), (least_out, most_out) = model.input_range, model.output_range
    note = (
        f"The size lies outside of what the model was fitted on ({least_in:,} to {most_in:,} input tokens, {least_out:,} to "
        f"{most_out:,} output tokens), so its error there is unknown."
    )
    return Measurement(figures=(figure,), notes=(note,))
