"""What stands in the tables of an exported report, as text: its figures, its breakdowns, and the values of its charts."""

from dataclasses import dataclass
from typing import Final

from netra.analytics.figures import Breakdown, Chart, Figure, as_text

EMPTY: Final = "–"
"""Stands where these rows have no value."""
NAMELESS: Final = "(none)"
"""Stands for the rows that have no key."""


@dataclass(frozen=True, slots=True)
class Grid:
    """A table of texts. The columns whose places are in `numeric` hold numbers."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: frozenset[int]
    notes: tuple[str, ...] = ()


def figures_grid(figures: tuple[Figure, ...]) -> Grid:
    """Every figure with what it was computed from."""
    rows = tuple((each.label, each.text(), each.formula, f"{each.rows.filter} ({each.rows.count:,})") for each in figures)
    return Grid("Where the numbers come from", ("figure", "value", "formula", "rows"), rows, frozenset())


def breakdown_grid(table: Breakdown) -> Grid:
    """A breakdown: a line for each group of rows."""
    # A formula in words would make a column of it unreadable; it is told beneath.
    shown = [place for place, each in enumerate(table.quantities) if each.unit != "formula"]
    told = [place for place, each in enumerate(table.quantities) if each.unit == "formula"]
    header = (table.by, "rows", *(table.quantities[place].id.replace("_", " ") for place in shown))
    rows = tuple(
        (
            NAMELESS if entry.key is None else str(entry.key),
            f"{entry.count:,}",
            *(_value(entry.values[place], table.quantities[place].unit) for place in shown),
        )
        for entry in table.entries
    )
    numeric = frozenset(
        {1, *(nth for nth, place in enumerate(shown, 2) if not any(isinstance(e.values[place], str) for e in table.entries))}
    )
    notes = [
        f"{NAMELESS if entry.key is None else entry.key}: {entry.values[place]}"
        for entry in table.entries
        for place in told
        if entry.values[place] is not None
    ]
    if table.of > len(table.entries):
        notes.append(f"The first {len(table.entries):,} of {table.of:,}.")
    return Grid(table.title, header, rows, numeric, tuple(notes))


def chart_grid(chart: Chart) -> Grid:
    """The values that a chart is drawn of."""
    rows = tuple((str(point.x), f"{point.y:,}" if isinstance(point.y, int) else f"{point.y:,.6g}") for point in chart.points)
    return Grid(f"Values: {chart.title}", (chart.x_label, chart.y_label), rows, frozenset({1}), (f"Formula: {chart.formula}",))


def _value(value: int | float | str | None, unit: str) -> str:
    if value is None:
        return EMPTY
    shown = as_text(value, unit)
    # The unit of a count stands in the header already.
    return shown if unit in ("USD", "share", "ratio", "UTC") or isinstance(value, str) else shown.partition(" ")[0]
