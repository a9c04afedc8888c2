"""A report that holds whatever may break the format it is exported to."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from netra.agents.report import Report, Section
from netra.analytics.figures import Chart, Quantity, RowSelection

AT = datetime(2026, 5, 4, 12, 30, tzinfo=UTC)
ROWS = RowSelection(dataset_id=UUID(int=7), filter="all rows", count=1234, lines=(5, 9))

MARKUP = "<script>alert(1)</script> #panic() $x$ *a* _b_ `c` [l](javascript:x) | ![p](http://h.example/p) &amp; \\"
LONG = "supercalifragilistic" * 12
ARABIC = "مستخدم ١٢"
HEBREW = "לקוח (א)"
CONTROLS = "a\x01b\x1b[31m\u202ec\x7f\rd"
CHINESE = "客户"

NAMES = (MARKUP, LONG, ARABIC, HEBREW, CONTROLS, CHINESE, "👩‍💻 Ada")


def line_chart(name: str, count: int) -> Chart:
    """A line over so many hours."""
    points = [(f"{AT + timedelta(hours=hour):%Y-%m-%d %H:%M}", (hour * 37) % 101) for hour in range(count)]
    return ROWS.chart(name, f"Requests over {count} hours", "line", ("hour, UTC", "requests"), points, "count(*) by hour")


def bar_chart(name: str, count: int) -> Chart:
    """As many bars, each with a name of its own."""
    points = [(f"{NAMES[place % len(NAMES)]}{place or ''}", 1.5 * (count - place)) for place in range(count)]
    return ROWS.chart(name, f"Cost of {MARKUP}", "bar", ("user", "USD"), points, "sum(cost)")


def hostile_report() -> Report:
    """Names of every kind in every place, and charts of one, seven, fifty and 366 points."""
    quantities = (
        Quantity(id="cost", unit="USD", formula="sum"),
        Quantity(id="share", unit="share", formula="cost / all"),
        Quantity(id="prices", unit="formula", formula="what a request costs"),
    )
    groups: list[tuple[str | None, int, list[Any]]] = [(name, 3, [1.25, 0.5, f"x × {name}"]) for name in NAMES]
    table = ROWS.breakdown("by_user", f"Cost by {MARKUP}", "user", quantities, [*groups, (None, 0, [None, None, None])], of=99)
    figures = tuple(ROWS.figure(f"largest_{place}", f"Largest {name}", name, "user", "max") for place, name in enumerate(NAMES))
    prose = "\n".join(
        [
            MARKUP,
            "",
            "- **Strong** and `code` and " + ARABIC,
            f"- {LONG}",
            "",
            "1. first",
            "2. second",
            "",
            "# heading",
            "    kept",
        ]
    )
    sections = (
        Section(id="short", title="In short", content=prose, figures=figures),
        Section(id="names", title=HEBREW + " " + MARKUP, content=CONTROLS, charts=(bar_chart("seven", 7),), tables=(table,)),
        Section(
            id="charts",
            title="Charts",
            content="Four.",
            charts=(
                line_chart("one", 1),
                line_chart("few", 9),
                line_chart("year", 366),
                bar_chart("fifty", 50),
                ROWS.chart(
                    "hours", "By hour", "bar", ("hour", "requests"), [(hour, hour * hour) for hour in range(24)], "count"
                ),
                ROWS.chart("signs", "Up and down", "bar", ("what", "USD"), [("up", 12.5), ("down", -40), ("none", 0)], "x"),
                ROWS.chart("zero", "Nothing", "line", ("hour", "requests"), [(1, 0), (2, 0)], "count"),
            ),
        ),
    )
    return Report(
        report_type="full_analysis",
        title=f"Spend of {MARKUP}",
        sections=sections,
        next_steps=(MARKUP, LONG, ARABIC),
        data_completeness=0.875,
    )
