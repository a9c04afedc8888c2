"""How the records are found in the text of a file: its container, its columns, and how its fields are told apart."""

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final

from netra.datasets.dialects import Container
from netra.datasets.documents import is_document, numbered_records
from netra.datasets.text import SourceText, TextPiece, cut
from netra.errors import InvalidInput

SAMPLE: Final = 1000
"""Lines of a JSON Lines file that are looked at for the names of its columns."""
DELIMITERS: Final = ",;\t|"


@dataclass(frozen=True, slots=True)
class Layout:
    """How the records of one file are found in its text."""

    container: Container
    columns: tuple[str, ...]
    pointers: tuple[str, ...] = ()
    """Of JSON Lines: where each column is in an object (RFC 6901)."""
    delimiter: str = ","
    header_lines: int = 0
    document: bool = False
    """Whether the text is the records of one JSON document, each with the number of its line."""

    def places(self, columns: Sequence[str]) -> list[object]:
        """Where columns are in a record: positions in a row, from 1, or pointers into an object."""
        indexes = [self.columns.index(name) for name in columns]
        return [self.pointers[index] for index in indexes] if self.pointers else [index + 1 for index in indexes]


@dataclass(frozen=True, slots=True)
class Content:
    """A file that is being cut into pieces, and how to read them."""

    layout: Layout
    pieces: Iterator[TextPiece]
    """Each is written when it is asked for, and removed by whoever has read it."""
    text: SourceText


def open_content(source: Path, folder: Path, container: Container | None = None) -> Content:
    """Begin to copy `source` as pieces of clean text into `folder`, and see by the first how it is written. Blocks.

    The first character tells what the container is, where it is not known. Raises `InvalidInput`, naming `file`, when it is
    empty, binary or not UTF-8, or has no column names; what is found out later is raised by the pieces.
    """
    document = container != "table" and is_document(source)
    text = SourceText(source)
    pieces = cut(numbered_records(text) if document else text, folder)
    start = next(pieces)
    with start.path.open(encoding="utf-8", newline="\n") as lines:
        first = next((line for line in lines if line.strip()), "")
    if not first:
        raise InvalidInput("The file is empty.", field="file")
    if not document and (container or ("object" if first.lstrip().startswith("{") else "table")) == "table":
        return Content(_table(start.path, first), chain([start], pieces), text)
    with start.path.open(encoding="utf-8", newline="\n") as lines:
        sample = (line.partition("\t")[2] if document else line for line in islice(lines, SAMPLE))
        return Content(_objects(sample, document), chain([start], pieces), text)


def _table(text: Path, first: str) -> Layout:
    try:
        # The delimiter is the one that makes the most columns of the header; a comma where none does.
        delimiter = max(DELIMITERS, key=lambda candidate: len(next(csv.reader([first], delimiter=candidate))))
        with text.open(encoding="utf-8", newline="\n") as lines:
            reader = csv.reader(lines, delimiter=delimiter)
            header = next(row for row in reader if any(cell.strip() for cell in row))
    except (csv.Error, StopIteration) as error:
        raise InvalidInput("The first line does not hold column names.", field="file", line=1) from error
    return Layout("table", tuple(cell.strip() for cell in header), delimiter=delimiter, header_lines=reader.line_num)


def _objects(sample: Iterator[str], document: bool) -> Layout:
    """The columns that the lines have, nested ones dotted, in the order they are met."""
    pointers: dict[str, str] = {}
    for line in sample:
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            continue  # the line is counted as rejected when it is read
        if isinstance(value, dict):
            for name, pointer in _members(value):
                pointers.setdefault(name, pointer)
    return Layout("object", tuple(pointers), tuple(pointers.values()), document=document)


def _members(value: dict[str, Any], name: str = "", pointer: str = "", depth: int = 4) -> Iterator[tuple[str, str]]:
    """Every member of an object as its dotted name and its JSON pointer, outer ones first."""
    inner = [
        (f"{name}.{key}" if name else key, pointer + "/" + key.replace("~", "~0").replace("/", "~1"), member)
        for key, member in value.items()
        if key.isprintable()  # a NUL or half a surrogate pair cannot be stored as a column's name
    ]
    yield from ((path, place) for path, place, _ in inner)
    for path, place, member in inner:
        if isinstance(member, dict) and depth:
            yield from _members(member, path, place, depth - 1)
