"""Charts drawn as SVG: bars lying where they have names, standing where they are many, lines over time.

A drawing names its colours and nothing else from outside: no script, no font file, no address. Names that are too long for
their place are cut with an ellipsis; the whole of them stands in the table of values that every format puts beneath.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Final

from netra.analytics.figures import Chart

WIDTH: Final = 720
LEFT: Final = 64
"""Room for the numbers beside standing bars and lines."""
LETTER: Final = 7.4
"""Room for one letter of a name beside a lying bar: the mean in a wide typeface, at the size of the drawing."""
HEIGHT: Final = 240
ROW: Final = 26
"""Height of one lying bar with its gap."""
MOST_LYING: Final = 15
"""Bars up to which each has room for its name."""
LONGEST_NAME: Final = 36
"""Characters of a name in a drawing."""


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of a drawing, as SVG takes them, and its typeface."""

    mark: str
    ink: str
    faint: str
    line: str
    font: str


def draw(chart: Chart, palette: Palette, name: str) -> str:
    """The chart of an edition as an SVG element; the ids of its title and description begin with `name`."""
    values = [float(point.y) for point in chart.points]
    labels = [str(point.x) for point in chart.points]
    if chart.kind == "bar" and len(values) <= MOST_LYING and any(not isinstance(point.x, int) for point in chart.points):
        height, drawn = _lying(labels, values, palette)
    else:
        height, drawn = _standing(chart, labels, values, palette)
    largest = max(range(len(values)), key=values.__getitem__)
    told = f"{len(values)} values of {chart.y_label} by {chart.x_label}; the largest is {_compact(values[largest])}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" '
        f'aria-labelledby="{name}-title {name}-told" font-family="{palette.font}" font-size="12">'
        f'<title id="{name}-title">{escape(chart.title)}</title><desc id="{name}-told">{escape(told)}</desc>{drawn}</svg>'
    )


def _lying(labels: Sequence[str], values: Sequence[float], palette: Palette) -> tuple[int, str]:
    low, high = min(0.0, *values), max(0.0, *values)
    cut = list(map(_cut, labels))
    names = max(LEFT, round(max(map(len, cut)) * LETTER) + 10)
    scale = (WIDTH - names - 70) / ((high - low) or 1.0)
    zero = names - low * scale
    parts = []
    for place, (label, value) in enumerate(zip(cut, values, strict=True)):
        top = place * ROW + 4
        start, length = min(zero, zero + value * scale), max(abs(value) * scale, 1)
        parts.append(
            f'<text x="{names - 8}" y="{top + 14}" text-anchor="end" fill="{palette.ink}" unicode-bidi="plaintext">'
            f"{escape(label)}</text>"
            f'<rect x="{start:.1f}" y="{top + 2}" width="{length:.1f}" height="{ROW - 8}" rx="2" fill="{palette.mark}"/>'
            f'<text x="{start + length + 6:.1f}" y="{top + 14}" fill="{palette.faint}">{_compact(value)}</text>'
        )
    height = len(values) * ROW + 8
    axis = f'<path d="M{zero:.1f} 2V{height - 2}" stroke="{palette.line}"/>'
    return height, axis + "".join(parts)


def _standing(chart: Chart, labels: Sequence[str], values: Sequence[float], palette: Palette) -> tuple[int, str]:
    ticks = _ticks(min(0.0, *values), max(0.0, *values))
    low, high = ticks[0], ticks[-1]
    top, bottom = 12, HEIGHT - 44

    def up(value: float) -> float:
        return bottom - (bottom - top) * (value - low) / (high - low)

    places = _places(chart, len(values))
    parts = [
        f'<path d="M{LEFT} {up(tick):.1f}H{WIDTH - 8}" stroke="{palette.line}"/>'
        f'<text x="{LEFT - 8}" y="{up(tick) + 4:.1f}" text-anchor="end" fill="{palette.faint}">{_compact(tick)}</text>'
        for tick in ticks
    ]
    if chart.kind == "bar":
        width = max((WIDTH - 8 - LEFT) / len(values) * 0.72, 0.8)
        parts += [
            f'<rect x="{x - width / 2:.1f}" y="{min(up(value), up(0)):.1f}" width="{width:.1f}" '
            f'height="{max(abs(up(value) - up(0)), 0.5):.1f}" fill="{palette.mark}"/>'
            for x, value in zip(places, values, strict=True)
        ]
    else:
        points = [f"{x:.1f},{up(value):.1f}" for x, value in zip(places, values, strict=True)]
        if len(points) > 1:
            parts.append(
                f'<polyline points="{" ".join(points)}" fill="none" stroke="{palette.mark}" stroke-width="1.8" '
                'stroke-linejoin="round"/>'
            )
        if len(points) <= MOST_LYING:
            parts += [
                f'<circle cx="{x:.1f}" cy="{up(value):.1f}" r="3" fill="{palette.mark}"/>'
                for x, value in zip(places, values, strict=True)
            ]
    parts += _names(labels, places, bottom + 18, palette)
    under = escape(_cut(chart.x_label, 60))
    middle = (LEFT + WIDTH - 8) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 6}" text-anchor="middle" fill="{palette.faint}">{under}</text>')
    return HEIGHT, "".join(parts)


def _names(labels: Sequence[str], places: Sequence[float], y: float, palette: Palette) -> list[str]:
    """As many names under the axis as there is room for, the first among them."""
    longest = min(max(map(len, labels)), LONGEST_NAME)
    # Half as much again as a name is wide: the first and the last do not stand above their place, but beside it.
    room = max(1, int((WIDTH - LEFT) / (longest * 10.5 + 12)))
    every = math.ceil(len(labels) / room)
    drawn = []
    for nth in range(0, len(labels), every):
        # The outermost names are kept within the drawing.
        near = longest * 3.5
        anchor = "start" if places[nth] < near + 8 else "end" if places[nth] > WIDTH - near else "middle"
        drawn.append(
            f'<text x="{places[nth]:.1f}" y="{y}" text-anchor="{anchor}" fill="{palette.faint}" unicode-bidi="plaintext">'
            f"{escape(_cut(labels[nth]))}</text>"
        )
    return drawn


def _places(chart: Chart, count: int) -> list[float]:
    """Where the points stand: by their time where all have one, for a log may have gaps; else evenly."""
    start, room = LEFT, WIDTH - 8 - LEFT
    times = [_time(point.x) for point in chart.points] if chart.kind == "line" else []
    known = [time for time in times if time is not None]
    if len(known) == count and count > 1 and max(known) > min(known):
        first, last = min(known), max(known)
        return [start + 6 + (room - 12) * (time - first) / (last - first) for time in known]
    return [start + room * (nth + 0.5) / count for nth in range(count)]


def _time(x: str | float) -> float | None:
    """The time that a text is, in seconds since 1970."""
    if not isinstance(x, str):
        return None
    try:
        # Times of a report are UTC, whether they say so or not.
        return datetime.fromisoformat(x).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


def _ticks(low: float, high: float) -> list[float]:
    """Three to six round numbers, from at most `low` to at least `high`."""
    span = (high - low) or 1.0
    rough = span / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    first, last = math.floor(low / step), max(math.ceil(high / step), math.floor(low / step) + 1)
    return [step * nth for nth in range(first, last + 1)]


def _compact(value: float) -> str:
    """A value in a few characters."""
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            return f"{value / (1e3 if letter == 'k' else size):,.3g}{letter}"
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 1e3 else f"{value:,.3g}"


def _cut(text: str, longest: int = LONGEST_NAME) -> str:
    text = " ".join(text.split())
    return text if len(text) <= longest else text[: longest - 1] + "…"
