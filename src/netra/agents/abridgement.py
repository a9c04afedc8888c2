"""A report as short as an event holds it. The stored report stays whole; what a run gives back may have to be shorter."""

from typing import Any, Final

from netra.agents.report import Report
from netra.analytics.shrinking import shrink
from netra.events.codec import encode

ANSWER: Final = 240 * 1024
"""Bytes of a report as an agent's result: a little below `runs.payload.LARGEST`, for what masks put in may be longer."""

NOTE_ROOM: Final = 16 * 1024
"""Bytes of these that are kept for saying what was left out."""

LONGEST_LINE: Final = 500
"""Characters that are left of a line where not even the prose fits."""

STEPS: Final = 10
"""Next steps that are left there."""


def abridge(report: Report, most: int = ANSWER) -> Report:
    """The report itself where it has at most so many bytes as JSON; else one that has, with a section that says so.

    First tables and charts become smaller, then the largest sections go, but never the first; then the metadata. Figures of
    what is left are the same. `metadata["shortened"]` names what was left out.
    """
    plain = report.model_dump(mode="json")
    if len(encode(plain)) <= most:
        return report
    room = most - min(NOTE_ROOM, most // 2)
    shrunk = shrink({"notes": [], **plain}, room)
    left_out: list[str] = shrunk.pop("notes")
    first, *rest = shrunk["sections"]
    while rest and _size(shrunk, first, rest) > room:
        rest.remove(largest := max(rest, key=lambda section: len(encode(section))))
        left_out.append(f"The section “{largest['title']}” is left out.")
    if _size(shrunk, first, rest) > room:
        shrunk["metadata"] = {}
        left_out.append("The metadata is left out.")
    if _size(shrunk, first, rest) > room:
        first = {"id": first["id"], "title": first["title"][:LONGEST_LINE], "content": first["content"][:LONGEST_LINE]}
        shrunk["title"] = shrunk["title"][:LONGEST_LINE]
        shrunk["next_steps"] = [step[:LONGEST_LINE] for step in shrunk["next_steps"][:STEPS]]
        left_out.append("Of what is shown only the beginning is.")
    told = [line[:LONGEST_LINE] for line in left_out][: NOTE_ROOM // (4 * LONGEST_LINE)]
    metadata = {**shrunk["metadata"], "shortened": told}
    return Report.model_validate({**shrunk, "sections": [first, *rest, _notice(first, rest)], "metadata": metadata})


def _size(shrunk: dict[str, Any], first: Any, rest: list[Any]) -> int:
    return len(encode({**shrunk, "sections": [first, *rest]}))


def _notice(first: Any, rest: list[Any]) -> dict[str, str]:
    """The section that says it, under an id that no other has."""
    name = "shortened"
    while name in {section["id"] for section in (first, *rest)}:
        name += "_here"
    content = (
        "This answer is shorter than the report, which would not have fitted into an event: some tables, charts or sections "
        "are shown in part or not at all. The stored report is whole, and so is each file that it is exported to."
    )
    return {"id": name, "title": "Shown shorter", "content": content}
