"""A JSON document that holds records, an array of them or an object around one, as one line a record.

Exports of a few gigabytes are one array, so nothing here holds more than a record: brackets and strings are followed, and
what stands between two commas of the array becomes a line, with the number of the line on which it began. Whether it is JSON
is judged later, record by record, like a line of JSON Lines: a broken record costs itself, not the file.
"""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, Literal

from netra.datasets.text import LONGEST_LINE
from netra.errors import InvalidInput

HOLDERS: Final = ("data", "resourceSpans")
"""Members of an object that hold the records: pages of an interface, and a batch of OpenTelemetry."""

# What may stand before the array of records: strings as one token, so that no bracket in them counts.
_TOKEN: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"|[\[\]{}\n"]', re.DOTALL)
_BETWEEN: Final = re.compile(r"[^\S\n,]*+")
# All that can be passed over at once within a record, and in one that is no object and no array.
_INNER: Final = re.compile(r'(?:[^"\[\]{}\n]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)
_OUTER: Final = re.compile(r'(?:[^",\[\]{}\n]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)


def is_document(source: Path) -> bool:
    """Whether the file is one JSON value over all its lines, rather than a value a line, or a table."""
    with source.open(encoding="utf-8-sig", errors="replace") as lines:
        written = (line.strip() for line in iter(lambda: lines.readline(LONGEST_LINE), ""))
        first, second = next(filter(None, written), ""), next(filter(None, written), "")
    if first.startswith("["):
        return True
    if not first.startswith("{"):
        return False
    try:
        value = json.loads(first)
    except (ValueError, RecursionError):
        # An object that goes on in the next line, unless another begins there: then this is a broken line of JSON Lines.
        return bool(second) and not second.startswith("{")
    return isinstance(value, dict) and isinstance(value.get("data"), list)


def numbered_records(chunks: Iterable[str]) -> Iterator[str]:
    """The records of a document, as pieces of text with one in each line: the number of the line it begins on, a tab, and JSON.

    Records are the elements of the outermost array, or of the array that one of `HOLDERS` names in the outermost object.
    Raises `InvalidInput` when there is no such array, or a record is longer than a line may be.
    """
    reader = _DocumentReader()
    for chunk in chunks:
        yield "".join(reader.read(chunk))
    yield "".join(reader.end())


class _DocumentReader:
    """Where in a document the reading is."""

    def __init__(self) -> None:
        self._text = ""
        """What is not done with."""
        self._place = 0
        """How much of `_text` has been looked at."""
        self._line = 1
        self._start = 0
        """Where in `_text` the record begins that is being read."""
        self._depth = 0
        """How many brackets are open: of the document until the array is found, then of the record."""
        self._member = ""
        """The last string in the outermost object, which names the member that follows."""
        self._began: int | None = None
        """On which line the record began; None between records."""
        self._stage: Literal["before", "within", "after"] = "before"
        """Of the array of records."""

    def read(self, chunk: str) -> Iterator[str]:
        """Look at a piece of the document; gives the records that end in it."""
        self._text += chunk
        if self._stage == "before":
            self._look_for_records()
        if self._stage == "within":
            yield from self._records()
        self._forget()

    def end(self) -> Iterator[str]:
        """The document is over: what was begun is a record that its end is missing of."""
        if self._stage == "before":
            names = " or ".join(HOLDERS)
            raise InvalidInput(f"The file is one JSON object without an array of records in {names}.", field="file")
        if self._began is not None:
            yield self._record(len(self._text))

    def _look_for_records(self) -> None:
        for token in _TOKEN.finditer(self._text):
            mark = token[0]
            if mark == '"':
                return  # a string without an end, so far
            self._place = token.end()
            if mark == "\n":
                self._line += 1
            elif mark in "]}":
                self._depth -= 1
            elif mark not in "[{":
                if self._depth == 1:
                    self._member = mark[1:-1]
            elif mark == "[" and (self._depth == 0 or (self._depth == 1 and self._member in HOLDERS)):
                self._stage, self._depth = "within", 0
                return
            else:
                self._depth += 1

    def _records(self) -> Iterator[str]:
        text, place = self._text, self._place
        while True:
            match = (_BETWEEN if self._began is None else _INNER if self._depth else _OUTER).match(text, place)
            assert match is not None  # each of them matches nothing, too
            place = match.end()
            if place == len(text) or ((mark := text[place]) == '"' and self._began is not None):
                break  # the piece is over, perhaps within a string
            if mark == "\n":
                self._line += 1
            elif self._began is None and mark not in ",]":
                # The record's own first mark is looked at again, as a part of it.
                self._start, self._began = place, self._line
                continue
            elif self._began is None:
                if mark == "]":
                    self._stage = "after"
                    break
            elif mark in "[{":
                self._depth += 1
            elif mark in "]}" and self._depth:
                self._depth -= 1
            else:
                yield self._record(place)
                continue  # the mark ends the record, and may end the array
            place += 1
        self._place = place

    def _record(self, end: int) -> str:
        # A line feed within a record is between its parts, or within a string, where JSON does not allow one.
        record = self._text[self._start : end].replace("\n", " ")
        line, self._began = self._began, None
        return f"{line}\t{record}\n"

    def _forget(self) -> None:
        """Let go of what no record needs any more."""
        keep = self._place if self._began is None else self._start
        if self._stage == "after":
            keep = len(self._text)
        self._text, self._place, self._start = self._text[keep:], self._place - keep, 0
        if len(self._text) > LONGEST_LINE:
            line = self._began or self._line
            raise InvalidInput(
                f"The record of line {line} is longer than {LONGEST_LINE // 1024**2} MiB.", field="file", line=line
            )
