"""Texts: of a pattern, of a format, or of words that mean nothing, as long as is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from netra.tools.pattern import PatternRefused, PatternText
from netra.tools.synthesis.dialect import Part, SchemaRefused, largest, smallest
from netra.tools.synthesis.formats import FORMATS, words
from netra.tools.synthesis.judge import Patterns
from netra.tools.synthesis.place import Draw, Misfit, Place, Way

LONGEST_TEXT: Final = 10_000
"""Characters that a text may be made to have."""


@dataclass(frozen=True, slots=True)
class Words(Way):
    """A text: of a pattern, of a format, or of words that mean nothing."""

    shortest: int
    longest: int
    pattern: PatternText | None
    format: str | None

    def make(self, draw: Draw, depth: int) -> Any:  # noqa: ARG002 - a text has no depth
        if self.pattern is not None:
            try:
                text = self.pattern.make(draw.dice, self.shortest)
            except PatternRefused:
                raise Misfit from None
        elif self.format is not None:
            text = FORMATS[self.format](draw.dice)
        else:
            text = words(draw.dice, draw.dice.randint(self.shortest, self.longest))
        if not self.shortest <= len(text) <= self.longest:
            raise Misfit
        return text


def read_text(place: Place, parts: Sequence[Part], known: Patterns) -> Way:
    """The way to a text that satisfies these schemas; their patterns become `known`. Raises `SchemaRefused`."""
    name, shortest = largest(parts, "minLength", place.name, 0)
    patterns = [(at, part["pattern"]) for at, part in parts if "pattern" in part]
    formats = {part["format"]: at for at, part in parts if "format" in part}
    loose = bool(patterns or formats)
    _, longest = smallest(parts, "maxLength", place.name, LONGEST_TEXT if loose else max(20, shortest + 20))
    if shortest > longest:
        raise SchemaRefused(name, "its shortest text is longer than its longest.")
    if shortest > LONGEST_TEXT:
        raise SchemaRefused(name, f"minLength is more than {LONGEST_TEXT:,}.")
    for unknown, at in formats.items():
        if unknown not in FORMATS:
            raise SchemaRefused(at, f"the format {unknown[:60]!r} is not supported; {', '.join(FORMATS)} are.")
    if len(formats) > 1:
        raise SchemaRefused(name, f"a text cannot have the formats {' and '.join(formats)} at once.")
    made = []
    for at, pattern in patterns:
        try:
            made.append(PatternText(pattern))
            known[pattern]
        except PatternRefused as refused:
            raise SchemaRefused(at, str(refused)) from None
    if loose:
        place.delicate = True
        longest = min(longest, LONGEST_TEXT)
    else:
        longest = min(longest, max(20, shortest + 20))
        shortest = min(max(shortest, 1), longest)
    return Words(shortest, longest, made[0] if made and not formats else None, next(iter(formats), None))
