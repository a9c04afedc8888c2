"""The prose of a section, read: the little of Markdown that reports are written in, and everything else as the text that it is.

Paragraphs, lists, headings, lines indented by four spaces, **strong**, `code`. No link, no image and no HTML: a report quotes
names out of other people's data, and none of them is to become more than a name.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

ITEM: Final = re.compile(r" {0,3}(?:([-*•])|(\d{1,9})[.)])[ \t]+(.*)")
HEADING: Final = re.compile(r"#{1,6}[ \t]+(.*)")
MARKED: Final = re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*|`([^`]+)`")

ProseKind = Literal["paragraph", "bullets", "numbers", "heading", "verbatim"]


@dataclass(frozen=True, slots=True)
class Phrase:
    """A piece of text in one style."""

    text: str
    style: Literal["plain", "strong", "code"] = "plain"


@dataclass(frozen=True, slots=True)
class ProseBlock:
    """A paragraph, a heading, a list, or lines as they are; `items` has an entry for each item or line, else one."""

    kind: ProseKind
    items: tuple[tuple[Phrase, ...], ...]


def read_prose(text: str) -> Iterator[ProseBlock]:
    """The blocks of a text, in order."""
    kind: ProseKind | None = None
    lines: list[str] = []
    for line in [*text.split("\n"), ""]:
        found, content = _line(line)
        if kind == "paragraph" and found == "verbatim":
            found = "paragraph"
        joined = found == kind and kind != "heading"
        if kind in ("bullets", "numbers") and found == "paragraph" and line.startswith("  "):
            lines[-1] += " " + content.strip()
            continue
        if not joined:
            if kind is not None:
                yield _block(kind, lines)
            kind, lines = found, []
        if kind is not None:
            lines.append(content)
    if kind is not None and lines:
        yield _block(kind, lines)


def _line(line: str) -> tuple[ProseKind | None, str]:
    if not line.strip():
        return None, ""
    if (item := ITEM.fullmatch(line)) is not None:
        return "bullets" if item[1] else "numbers", item[3]
    if (heading := HEADING.fullmatch(line)) is not None:
        return "heading", heading[1]
    return ("verbatim", line[4:]) if line.startswith("    ") else ("paragraph", line)


def _block(kind: ProseKind, lines: list[str]) -> ProseBlock:
    if kind == "verbatim":
        return ProseBlock(kind, tuple((Phrase(line),) for line in lines))
    if kind in ("paragraph", "heading"):
        lines = [" ".join(line.strip() for line in lines)]
    return ProseBlock(kind, tuple(tuple(_phrases(line)) for line in lines))


def _phrases(line: str) -> Iterator[Phrase]:
    end = 0
    for mark in MARKED.finditer(line):
        if mark.start() > end:
            yield Phrase(line[end : mark.start()])
        yield Phrase(mark[1], "strong") if mark[1] is not None else Phrase(mark[2], "code")
        end = mark.end()
    if end < len(line) or not line:
        yield Phrase(line[end:])
