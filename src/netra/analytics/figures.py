"""What a measured number is: a figure that says where it came from, and the charts that are drawn of many.

A figure is never a bare number. It names its unit, the formula it came from and the rows that the formula was applied to, so
that anybody with the dataset can compute it again. Figures are stored as JSON and shown over HTTP, hence pydantic; they
are values, hence frozen.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StringConstraints, model_validator

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
# Strict, so that a count stays a count and a text that looks like a number stays a text.
Number = StrictInt | Annotated[float, Field(strict=True, allow_inf_nan=False)]


class ReportPart(BaseModel):
    """A frozen value that refuses what it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Quantity(ReportPart):
    """What stands in one column of a breakdown."""

    id: Name
    unit: Text
    formula: Text


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

    def breakdown(
        self,
        name: str,
        title: str,
        by: str,
        quantities: Sequence[Quantity],
        groups: Iterable[tuple[int | float | str | None, int, Sequence[Any]]],
        *,
        of: int | None = None,
    ) -> "Breakdown":
        """These rows, grouped: `groups` holds key, number of rows and values of each; `of` counts those left out, too."""
        entries = tuple(BreakdownEntry(key=key, count=count, values=tuple(values)) for key, count, values in groups)
        in_all = len(entries) if of is None else of
        return Breakdown(id=name, title=title, by=by, quantities=tuple(quantities), entries=entries, of=in_all, rows=self)


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
        return as_text(self.value, self.unit)


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


class BreakdownEntry(ReportPart):
    """One group of rows: those that have `key`."""

    key: Number | str | None
    """None for the rows that have none."""
    count: int = Field(ge=0)
    """How many rows the group has."""
    values: tuple[Number | str | None, ...]
    """One for each quantity, in its order; None where these rows have none."""


class Breakdown(ReportPart):
    """A table: the same formulas over each group of rows. A value of it is a figure whose rows are those of its entry."""

    id: Name
    title: Text
    by: Text
    """What the rows are grouped by, in words or as a formula."""
    quantities: tuple[Quantity, ...]
    entries: tuple[BreakdownEntry, ...]
    of: int = Field(ge=0)
    """How many groups there are; more than `entries` when only the first are shown."""
    rows: RowSelection

    @model_validator(mode="after")
    def _entries_are_complete(self) -> "Breakdown":
        if any(len(entry.values) != len(self.quantities) for entry in self.entries):
            raise ValueError("an entry has one value for each quantity")
        return self

    def column(self, quantity: str) -> dict[int | float | str | None, Any]:
        """The values of one quantity, by key."""
        (at,) = [place for place, each in enumerate(self.quantities) if each.id == quantity]
        return {entry.key: entry.values[at] for entry in self.entries}


class Measurement(ReportPart):
    """What was measured together, before anybody has written about it."""

    figures: tuple[Figure, ...] = ()
    charts: tuple[Chart, ...] = ()
    breakdowns: tuple[Breakdown, ...] = ()
    missing: tuple[str, ...] = ()
    """The columns that the data would have to have for the rest."""
    notes: tuple[Text, ...] = ()
    """What was assumed, left out or could not be said, in sentences."""

    def __add__(self, other: "Measurement") -> "Measurement":
        return Measurement(
            figures=self.figures + other.figures,
            charts=self.charts + other.charts,
            breakdowns=self.breakdowns + other.breakdowns,
            missing=tuple(dict.fromkeys(self.missing + other.missing)),
            notes=self.notes + other.notes,
        )

    def values(self) -> dict[str, int | float | str]:
        """The value of each figure, by its id."""
        return {figure.id: figure.value for figure in self.figures}

    def breakdown(self, name: str) -> Breakdown:
        """The breakdown of that id."""
        (found,) = [each for each in self.breakdowns if each.id == name]
        return found


LARGEST_WHOLE: Final = 2**53
"""Up to here every whole number is a float, too; beyond, a float is whole by chance."""


def as_number(value: float | Decimal) -> int | float:
    """A whole number as an int, so that it is shown as one."""
    return int(value) if -LARGEST_WHOLE <= value <= LARGEST_WHOLE and value == int(value) else float(value)


def as_time(moment: datetime) -> str:
    """A moment of the dataset, which is UTC, no more precise than it is."""
    precision = "microseconds" if moment.microsecond else "seconds" if moment.second else "minutes"
    return moment.isoformat(" ", precision)


def as_text(value: int | float | str, unit: str) -> str:
    """A value of this unit as prose and tables show it."""
    match value, unit:
        case str(), _:
            return f"{value} {unit}" if unit == "UTC" else value
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
            return f"{value:,} {unit}"
        case value, unit:
            return f"{value:,.2f} {unit}"


def as_shown(name: str) -> str:
    """A name out of a dataset as a report can hold it."""
    return "".join(character if character.isprintable() else "\ufffd" for character in name[:200])
