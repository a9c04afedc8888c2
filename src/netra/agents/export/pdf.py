"""A report as PDF, set by Typst. Every text goes to it as data, so nothing that a user or a model wrote is markup to it."""

import asyncio
import json
import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Any, Final

from netra.agents.export.edition import Edition
from netra.agents.export.glyphs import glyphless, in_words
from netra.agents.export.plots import Palette, draw
from netra.agents.export.prose import read_prose
from netra.agents.export.tables import Grid, breakdown_grid, chart_grid, figures_grid
from netra.agents.report import Section
from netra.datasets.offload import in_thread
from netra.errors import NetraError, Unavailable

PALETTE: Final = Palette("#2f6fde", "#1c2430", "#5d6878", "#dfe3ea", "Libertinus Serif, DejaVu Sans")
"""Printed on white."""

LONGEST_WORD: Final = 24
"""Letters after which a word may go on in the next line: names in data know no spaces."""
WIDEST: Final = 32
"""Characters beyond which a column takes no more of the width than others."""
MOST_ROWS: Final = 60
"""Rows of one table on paper; the other formats have all."""
LARGEST: Final = 1_000_000
"""Characters of text that are set. A report of that length takes some seconds and cannot be stopped on the way."""


class PdfNotInstalled(NetraError):
    """This server cannot make PDFs: it was installed without the extra `pdf` (`pip install 'netra[pdf]'`)."""

    code, status = "pdf_not_installed", 501


class PressBusy(Unavailable):
    """Other reports are being set just now; ask again in a moment."""

    code = "press_busy"


class ReportTooLong(NetraError):
    """This report is too long to be set as PDF; take it as HTML or Markdown."""

    code, status = "report_too_long", 422


class Press:
    """Sets reports, a few at a time, for everybody in this process. It keeps nothing of any of them."""

    def __init__(self, *, at_once: int = 1, patience: float = 20.0) -> None:
        """`patience` is in seconds: how long somebody waits for their turn."""
        self._turns = asyncio.Semaphore(at_once)
        self._patience = patience

    async def set(self, edition: Edition) -> bytes:
        """The PDF. Raises `PdfNotInstalled`, `ReportTooLong`, or `PressBusy` when no turn comes in time."""
        try:
            async with asyncio.timeout(self._patience):
                await self._turns.acquire()
        except TimeoutError as error:
            raise PressBusy from error
        try:
            return await in_thread(write_pdf, edition)
        finally:
            self._turns.release()


def write_pdf(edition: Edition) -> bytes:
    """Set the report. Blocks, a second for an ordinary one. Raises `PdfNotInstalled` or `ReportTooLong`."""
    try:
        import typst
    except ImportError as error:
        raise PdfNotInstalled from error
    text = document(edition)
    if len(text) > LARGEST:
        raise ReportTooLong
    template = files("netra.agents.export").joinpath("report.typ").read_bytes()
    made: bytes = typst.compile(template, format="pdf", sys_inputs={"report": text})
    return made


def document(edition: Edition) -> str:
    """What the template reads, as JSON. Needs the extra, to know which characters no font can show."""
    data = _data(edition)
    text = json.dumps(data, ensure_ascii=False)
    if len(text) <= LARGEST and (lacking := glyphless(text)):
        text = json.dumps(data | {"lacking": in_words(lacking)}, ensure_ascii=False)
    return text


def _data(edition: Edition) -> dict[str, Any]:
    """What the template reads."""
    subtitle = edition.subtitle
    if edition.completeness is not None:
        subtitle += f" · the data holds {edition.completeness:.1%} of what could be known of each request"
    return {
        "title": breakable(edition.title),
        "subtitle": subtitle,
        "sections": list(map(_section, edition.sections)),
        "steps": list(map(breakable, edition.next_steps)),
        "lacking": "",
    }


def _section(section: Section) -> dict[str, Any]:
    return {
        "title": breakable(section.title),
        "blocks": [
            {
                "kind": block.kind,
                "items": [[{"text": breakable(each.text), "style": each.style} for each in item] for item in block.items],
            }
            for block in read_prose(section.content)
        ],
        "charts": [
            {"title": breakable(chart.title), "svg": draw(chart, PALETTE, chart.id), "values": _grid(chart_grid(chart))}
            for chart in section.charts
        ],
        "tables": list(map(_grid, _grids(section))),
    }


def _grids(section: Section) -> Iterator[Grid]:
    for table in section.tables:
        yield breakdown_grid(table)
    if section.figures:
        yield figures_grid(section.figures)


def _grid(grid: Grid) -> dict[str, Any]:
    notes = [*grid.notes]
    if len(grid.rows) > MOST_ROWS:
        notes.append(f"The first {MOST_ROWS} of {len(grid.rows):,} rows; the report as HTML or Markdown has all.")
    return {
        "caption": breakable(grid.caption),
        "header": list(map(breakable, grid.header)),
        "rows": [list(map(breakable, row)) for row in grid.rows[:MOST_ROWS]],
        "numeric": sorted(grid.numeric),
        "weights": _weights(grid),
        "notes": list(map(breakable, notes)),
    }


def _weights(grid: Grid) -> list[int]:
    """How the columns share the width of the page: by their longest cells, no column so wide that another has no room."""
    lines = [grid.header, *grid.rows[:MOST_ROWS]]
    return [min(max(len(line[place]) for line in lines) + 2, WIDEST) for place in range(len(grid.header))]


def breakable(text: str) -> str:
    """The text with places in its long words where a line may end."""
    return re.sub(rf"(\S{{{LONGEST_WORD}}})(?=\S)", "\\1\u200b", text)
