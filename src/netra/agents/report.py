"""What a report is: sections of prose, and the figures that the prose may speak of.

A figure is never a bare number. It names its unit, the formula it came from and the rows that the formula was applied to, so
that anybody with the dataset can compute it again. Reports are stored as JSON and shown over HTTP, hence pydantic; they
are values, hence frozen.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StrictInt, StringConstraints, model_validator

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
# Strict, so that a count stays a count and a text that looks like a number stays a text.
Number = StrictInt | Annotated[float, Field(strict=True, allow_inf_nan=False)]
ReportType = Literal["full_analysis", "partial_analysis", "guidance", "fallback"]


class ReportPart(BaseModel):
    """A frozen value that refuses what it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class RowSelection(ReportPart):
    """Which rows of which dataset a formula was applied to."""

    dataset_id: UUID
    filter: Text
    """In words, for example `all rows` or `rows with a time`."""
    count: int = Field(ge=0)
    lines: tuple[int, ...] = ()
    """Where the rows stand in the uploaded file, when they are few enough to be named."""

    def figure(self, name: str, label: str, value: int | float | str, unit: str, formula: str) -> "Figure":
        """The figure that `formula` gives over these rows."""
        return Figure(id=name, label=label, value=value, unit=unit, formula=formula, rows=self)

    def chart(
        self,
        name: str,
        title: str,
        kind: Literal["bar", "line"],
        axes: tuple[str, str],
        points: Iterable[tuple[int | float | str, int | float]],
        formula: str,
    ) -> "Chart":
        """The chart whose points `formula` gives over these rows; `axes` are what x and y stand for."""
        marks = tuple(Point(x=x, y=y) for x, y in points)
        return Chart(
            id=name, title=title, kind=kind, x_label=axes[0], y_label=axes[1], points=marks, formula=formula, rows=self
        )


class Figure(ReportPart):
    """One value, and how to compute it again."""

    id: Name
    label: Text
    value: Number | Text
    unit: Text
    """For example `tokens`, `USD`, `requests`, `share` (0 to 1), `ratio`, or for a time `UTC`."""
    formula: Text
    rows: RowSelection

    def text(self) -> str:
        """The value as prose shows it."""
        match self.value, self.unit:
            case str(), _:
                return f"{self.value} {self.unit}" if self.unit == "UTC" else self.value
            case value, "USD":
                # Four digits that count below a dollar: a request costs a fraction of a cent.
                return f"${value:,.2f}" if value >= 1 or value == 0 else f"${value:#.4g}"
            case value, "share":
                return f"{value:.1%}"
            case value, "ratio":
                return f"{value:.2f}"
            case 1, unit:
                return f"1 {unit.removesuffix('s')}"
            case int(), unit:
                return f"{self.value:,} {unit}"
            case value, unit:
                return f"{value:,.2f} {unit}"


class Point(ReportPart):
    """One mark of a chart."""

    x: str | Number
    y: Number


class Chart(ReportPart):
    """A picture as data: whoever shows it draws it. Its points come from one formula over one selection, like a figure."""

    id: Name
    title: Text
    kind: Literal["bar", "line"]
    x_label: Text
    y_label: Text
    points: tuple[Point, ...] = Field(min_length=1)
    formula: Text
    rows: RowSelection


class Section(ReportPart):
    """A part of a report. `content` is Markdown and speaks of no number that `figures` does not hold."""

    id: Name
    title: Text
    content: Text
    charts: tuple[Chart, ...] = ()
    figures: tuple[Figure, ...] = ()


class Report(ReportPart):
    """What a run found out, and what to do next."""

    report_type: ReportType
    title: Text
    sections: tuple[Section, ...]
    next_steps: tuple[Text, ...] = Field(min_length=1)
    data_completeness: float = Field(ge=0, le=1)
    """How much of what could be known of each request the data holds, 0 to 1."""
    metadata: dict[str, JsonValue] = {}
    """Whatever the writer of the report gives; every key is kept."""

    @model_validator(mode="after")
    def _names_are_unique(self) -> "Report":
        names = Counter(section.id for section in self.sections)
        names += Counter(figure.id for section in self.sections for figure in section.figures)
        names += Counter(chart.id for section in self.sections for chart in section.charts)
        if twice := sorted(name for name, count in names.items() if count > 1):
            raise ValueError(f"these ids stand for more than one part: {', '.join(twice)}")
        return self

    def figures(self) -> Iterator[Figure]:
        """Every figure of the report, in order."""
        for section in self.sections:
            yield from section.figures
