"""Whether the numbers in a report's words stand in its figures.

Prose may quote a figure as it is shown, a value of a table, a line of the file, and names, which hold digits as they please.
Any other word with a digit in it is a number that nobody measured, whoever wrote it.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from netra.agents.report import Report, Section
from netra.analytics.figures import as_text


def ungrounded(text: str, known: Iterable[str]) -> list[str]:
    """The words of `text` with a digit in them, once everything that is `known` and no part of a longer number is taken out."""
    phrases = sorted({phrase for phrase in known if phrase and any(map(str.isdigit, phrase))}, key=len, reverse=True)
    if phrases:
        quoted = "|".join(map(re.escape, phrases))
        text = re.sub(rf"(?<![\w$])(?<!\d[.,])(?:{quoted})(?![\w%])(?![.,]\d)", " ", text)
    # The place of an item in a list is no measurement.
    return re.findall(r"\S*\d\S*", re.sub(r"(?m)^[ ]*\d+[.)] ", "", text))


def ungrounded_sections(report: Report) -> dict[str, list[str]]:
    """By section, the words with numbers in its content that neither its figures and tables nor the report's names hold."""
    names = list(names_of(report))
    found = {section.id: ungrounded(section.content, [*names, *_shown(section)]) for section in report.sections}
    return {section: words for section, words in found.items() if words}


def ungrounded_steps(report: Report) -> list[str]:
    """The words with numbers in the next steps that no figure, table or name of the report holds."""
    known = [*names_of(report), *(text for section in report.sections for text in _shown(section))]
    return [word for step in report.next_steps for word in ungrounded(step, known)]


def names_of(report: Report) -> Iterator[str]:
    """What the report did not measure and may quote: names in the data, notes of the import, messages of errors."""
    dataset = report.metadata.get("dataset")
    origin = dataset if isinstance(dataset, dict) else {}
    for part in (
        origin.get("name"),
        origin.get("notes"),
        *(report.metadata.get(key) for key in ("understood", "model", "notes", "assumptions")),
    ):
        yield from _texts(part)
    gaps = report.metadata.get("gaps")
    for gap in gaps if isinstance(gaps, list) else []:
        yield from _texts(gap.get("because") if isinstance(gap, dict) else gap)


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            yield from (item for item in value if isinstance(item, str))


def _shown(section: Section) -> Iterator[str]:
    """Everything that a section has measured, as prose shows it."""
    for figure in section.figures:
        yield figure.text()
        yield from map(str, figure.rows.lines)
    for table in section.tables:
        for entry in table.entries:
            yield from () if entry.key is None else (str(entry.key),)
            for quantity, value in zip(table.quantities, entry.values, strict=True):
                if value is not None:
                    yield as_text(value, quantity.unit)
