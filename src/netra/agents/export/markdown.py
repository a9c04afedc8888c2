"""A report as Markdown, with tables. Names out of data are escaped, so that none of them is read as markup."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from netra.agents.export.edition import Edition
from netra.agents.export.prose import Phrase, read_prose
from netra.agents.export.tables import Grid, breakdown_grid, chart_grid, figures_grid
from netra.agents.report import Section

SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>#|~&!$])")
"""What Markdown, or the HTML that is allowed in it, could make something of."""
LINE_START: Final = re.compile(r"^(\s*)([-+=]|\d+[.)])")
ADDRESS: Final = re.compile(r"(?i)\b(https?|ftp|www)([:.])")
"""What many readers make a link of without being asked."""


def write_markdown(edition: Edition) -> str:
    """The whole report."""
    return "\n\n".join(_parts(edition)) + "\n"


def _parts(edition: Edition) -> Iterator[str]:
    yield f"# {plain(edition.title)}"
    yield plain(edition.subtitle)
    if edition.completeness is not None:
        yield f"The data holds {edition.completeness:.1%} of what could be known of each request."
    for section in edition.sections:
        yield from _section(section)
    if edition.next_steps:
        yield "## Next steps"
        yield "\n".join(f"{place}. {plain(step)}" for place, step in enumerate(edition.next_steps, 1))


def _section(section: Section) -> Iterator[str]:
    yield f"## {plain(section.title)}"
    yield from _prose(section.content)
    for chart in section.charts:
        yield from _table(chart_grid(chart))
    for table in section.tables:
        yield from _table(breakdown_grid(table))
    if section.figures:
        yield from _table(figures_grid(section.figures))


def _prose(content: str) -> Iterator[str]:
    for block in read_prose(content):
        lines = [_phrases(item) for item in block.items]
        match block.kind:
            case "bullets":
                yield "\n".join(f"- {line}" for line in lines)
            case "numbers":
                yield "\n".join(f"{place}. {line}" for place, line in enumerate(lines, 1))
            case "heading":
                yield f"### {lines[0]}"
            case "verbatim":
                yield "\n".join(f"    {''.join(phrase.text for phrase in item)}" for item in block.items)
            case _:
                yield lines[0]


def _phrases(phrases: Sequence[Phrase]) -> str:
    made = []
    for phrase in phrases:
        text = escaped(phrase.text)
        # No backticks for code: what is escaped outside of them would be shown with its escapes within.
        made.append(f"**{text}**" if phrase.style == "strong" else text)
    return LINE_START.sub(r"\1\\\2", "".join(made))


def _table(grid: Grid) -> Iterator[str]:
    yield f"**{plain(grid.caption)}**"
    ruler = "|".join("---:" if place in grid.numeric else "---" for place in range(len(grid.header)))
    lines = [grid.header, *grid.rows]
    made = [f"| {' | '.join(map(plain, line))} |" for line in lines]
    yield "\n".join([made[0], f"|{ruler}|", *made[1:]])
    if grid.notes:
        yield "\n".join(f"- {plain(note)}" for note in grid.notes)


def plain(text: str) -> str:
    """A text as one line in which nothing is markup."""
    return escaped(" ".join(text.split()))


def escaped(text: str) -> str:
    """A piece of a line in which nothing is markup: not even a pair of dollars, which some readers take for mathematics."""
    return ADDRESS.sub(r"\1\\\2", SPECIAL.sub(r"\\\1", text))
