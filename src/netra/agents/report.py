"""What a report is: sections of prose, and the figures that the prose may speak of.

Reports are stored as JSON and shown over HTTP, hence pydantic; they are values, hence frozen.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Literal

from pydantic import Field, JsonValue, model_validator

from netra.analytics.figures import Breakdown, Chart, Figure, Name, ReportPart, Text

ReportType = Literal["full_analysis", "partial_analysis", "guidance", "fallback"]


class Section(ReportPart):
    """A part of a report. `content` is Markdown and speaks of no number that `figures` and `tables` do not hold."""

    id: Name
    title: Text
    content: Text
    charts: tuple[Chart, ...] = ()
    figures: tuple[Figure, ...] = ()
    tables: tuple[Breakdown, ...] = ()


class Report(ReportPart):
    """What a run found out, and what to do next."""

    report_type: ReportType
    title: Text
    sections: tuple[Section, ...]
    next_steps: tuple[Text, ...] = Field(min_length=1)
    data_completeness: float = Field(ge=0, le=1)
    """How much of what could be known of each request the data holds, 0 to 1."""
    metadata: dict[str, JsonValue] = Field(default_factory=dict)
    """Whatever the writer of the report gives; every key is kept."""

    @model_validator(mode="after")
    def _names_are_unique(self) -> "Report":
        names = Counter(section.id for section in self.sections)
        names += Counter(figure.id for section in self.sections for figure in section.figures)
        names += Counter(chart.id for section in self.sections for chart in section.charts)
        names += Counter(table.id for section in self.sections for table in section.tables)
        if twice := sorted(name for name, count in names.items() if count > 1):
            raise ValueError(f"these ids stand for more than one part: {', '.join(twice)}")
        return self

    def figures(self) -> Iterator[Figure]:
        """Every figure of the report, in order."""
        for section in self.sections:
            yield from section.figures
