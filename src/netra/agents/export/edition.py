"""A stored report as it is set: the team's own as it is, and whatever else an agent has stored as far as it can be shown.

Text comes from data, models and users. What would draw over its neighbours or turn a line around (control characters, marks
that change the direction of what follows) is replaced here, once, so that no format has to think of it.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from netra.agents.report import Report, Section

UNSEEN: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]")
"""Control characters but tab and line feed, and marks that change the direction of the text after them."""

KINDS: Final[Mapping[str, str]] = {
    "full_analysis": "Full analysis",
    "partial_analysis": "Partial analysis",
    "guidance": "Guidance: what to bring",
    "fallback": "What could be said",
}


@dataclass(frozen=True, slots=True)
class Edition:
    """A report, ready to be set."""

    title: str
    kind: str
    created_at: datetime
    sections: tuple[Section, ...]
    next_steps: tuple[str, ...]
    completeness: float | None
    """How much of what could be known of each request the data holds, 0 to 1; None where the report does not say."""

    @property
    def subtitle(self) -> str:
        """What kind of report it is, and when it was stored."""
        return f"{self.kind} · {self.created_at:%Y-%m-%d %H:%M} UTC"


def edit(title: str, body: Any, created_at: datetime) -> Edition:
    """Read a stored report. A body that is not of `Report` gives the sections that it has, or its JSON."""
    body = seen(body)
    title = seen(title)
    try:
        report = Report.model_validate(body)
    except ValidationError:
        return Edition(title, "Report", created_at, tuple(_sections(body)), (), None)
    kind = KINDS[report.report_type]
    return Edition(title, kind, created_at, report.sections, report.next_steps, report.data_completeness)


def seen(value: Any) -> Any:
    """A JSON value whose texts hold nothing but what can be seen."""
    match value:
        case str():
            return UNSEEN.sub("\ufffd", value)
        case list():
            return [seen(item) for item in value]
        case dict():
            return {UNSEEN.sub("\ufffd", name): seen(item) for name, item in value.items()}
    return value


def _sections(body: Any) -> Iterator[Section]:
    """Whatever has a title and a content; of anything else its JSON."""
    given = body.get("sections") if isinstance(body, dict) else None
    found = 0
    for part in given if isinstance(given, list) else ():
        match part:
            case {"title": str(title), "content": str(content)} if title.strip() and content.strip():
                found += 1
                yield Section(id=f"section_{found}", title=title, content=content)
    if not found:
        text = json.dumps(body, ensure_ascii=False, indent=2)
        yield Section(id="body", title="Content", content="\n".join(f"    {line}" for line in text.splitlines()))
