"""Charts as SVG: every point is drawn, within the drawing, and nothing is fetched."""

import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest

from netra.agents.export.edition import seen
from netra.agents.export.plots import WIDTH, Palette, draw
from netra.analytics.figures import Chart
from tests.agents.export.hostile import ROWS, bar_chart, hostile_report, line_chart

PALETTE = Palette("#00f", "#000", "#888", "#ddd", "sans-serif")
SPACE = "{http://www.w3.org/2000/svg}"
CHARTS = [chart for section in hostile_report().sections for chart in section.charts]


def shown(chart: Chart) -> Chart:
    """The chart as an edition has it."""
    return Chart.model_validate(seen(chart.model_dump(mode="json")))


def drawn(chart: Chart) -> ET.Element:
    return ET.fromstring(draw(shown(chart), PALETTE, "c"))


@pytest.mark.parametrize("chart", CHARTS, ids=[chart.id for chart in CHARTS])
def test_every_point_is_drawn_within_the_drawing(chart: Chart) -> None:
    svg = drawn(chart)
    height = float(svg.attrib["height"])
    bars = svg.findall(f"{SPACE}rect")
    if chart.kind == "bar":
        assert len(bars) == len(chart.points)
        for bar in bars:
            left, top, wide, high = (float(bar.attrib[name]) for name in ("x", "y", "width", "height"))
            assert 0 <= left <= left + wide <= WIDTH
            assert 0 <= top <= top + high <= height
    elif len(chart.points) > 1:
        places = [tuple(map(float, place.split(","))) for place in svg.find(f"{SPACE}polyline").attrib["points"].split()]  # type: ignore[union-attr]
        assert len(places) == len(chart.points)
        assert all(0 <= x <= WIDTH and 0 <= y <= height for x, y in places)
        assert all(before < after for (before, _), (after, _) in pairwise(places))
    else:
        assert len(svg.findall(f"{SPACE}circle")) == 1


@pytest.mark.parametrize("chart", CHARTS, ids=[chart.id for chart in CHARTS])
def test_a_drawing_says_what_it_shows_and_names_nothing_outside(chart: Chart) -> None:
    text = draw(shown(chart), PALETTE, "c")
    svg = ET.fromstring(text)
    assert (svg.find(f"{SPACE}title").text or "") == chart.title  # type: ignore[union-attr]
    assert svg.attrib["aria-labelledby"] == "c-title c-told"
    assert {element.tag.removeprefix(SPACE) for element in svg.iter()} <= {
        "svg",
        "title",
        "desc",
        "text",
        "rect",
        "path",
        "circle",
        "polyline",
    }
    assert "url(" not in text


def test_longer_bars_are_larger_values() -> None:
    widths = [float(bar.attrib["width"]) for bar in drawn(bar_chart("bars", 7)).findall(f"{SPACE}rect")]
    assert widths == sorted(widths, reverse=True)
    assert widths[0] / widths[-1] == pytest.approx(7, rel=0.01)


def test_a_gap_in_time_is_a_gap_in_the_drawing() -> None:
    points = [("2026-05-04 12:00", 1), ("2026-05-04 13:00", 1), ("2026-05-04 23:00", 1)]
    chart = ROWS.chart("gap", "Gap", "line", ("hour", "requests"), points, "count")
    places = [float(place.split(",")[0]) for place in drawn(chart).find(f"{SPACE}polyline").attrib["points"].split()]  # type: ignore[union-attr]
    assert (places[2] - places[1]) / (places[1] - places[0]) == pytest.approx(10, rel=0.01)


def test_names_under_an_axis_do_not_touch() -> None:
    for chart in (line_chart("few", 9), line_chart("year", 366), bar_chart("fifty", 50)):
        names = {str(point.x)[:10] for point in chart.points}
        spans = []
        for text in drawn(chart).findall(f"{SPACE}text"):
            if (text.text or "")[:10] in names:
                wide, at = len(text.text or "") * 6.5, float(text.attrib["x"])
                begins = at - {"start": 0.0, "middle": wide / 2, "end": wide}[text.attrib["text-anchor"]]
                spans.append((begins, begins + wide))
        assert spans
        assert all(before[1] <= after[0] for before, after in pairwise(sorted(spans))), chart.id
