"""The text of a usage log, clean and in pieces that a database can read one after the other.

DuckDB works on 2,048 lines at a time and does not count their text against its memory limit: 400 lines of a megabyte, all
quoted, took 4.6 GB before the text was cut. So a file is copied as pieces of some megabytes, each ended where a record ends.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import Final

from netra.errors import InvalidInput

LONGEST_LINE: Final = 8 * 1024 * 1024
"""Bytes of one line. A log that carries whole prompts has lines of a few megabytes; DuckDB's buffers grow with this figure."""

CHUNK: Final = 1 << 20
"""Characters that are read at a time."""
PIECE: Final = 16 << 20
"""Bytes of one piece of the text."""
# A character that Unicode promises never to assign, so no text is split by it; a file that holds it is not text.
NO_DELIMITER: Final = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class TextPiece:
    """Some consecutive lines of the text, ended where a record ends."""

    path: Path
    lines_before: int
    quoted: bool
    """Whether there are quotation marks in it."""


class SourceText:
    """The text of a file, once through, in chunks of `CHUNK` characters.

    Every line end becomes a line feed, because DuckDB takes a carriage return for one of its own wherever it stands and then
    counts the lines of a file with mixed ends wrongly. A byte order mark goes.
    """

    def __init__(self, source: Path) -> None:
        self._source = source
        self.bytes_read = 0
        """Of the file, by now."""

    def __iter__(self) -> Iterator[str]:
        """Raises `InvalidInput` when the file is binary, or not UTF-8."""
        try:
            with self._source.open("rb") as file, TextIOWrapper(file, encoding="utf-8-sig", newline=None) as reader:
                while chunk := reader.read(CHUNK):
                    self.bytes_read = file.tell()
                    if "\0" in chunk or NO_DELIMITER in chunk:
                        raise InvalidInput("The file is binary, not text.", field="file")
                    yield chunk
        except UnicodeDecodeError as error:
            raise InvalidInput(
                "The file is not UTF-8 text; save it as UTF-8.", field="file", line=_first_line_not_utf8(self._source)
            ) from error


def cut(chunks: Iterable[str], folder: Path) -> Iterator[TextPiece]:
    """Write the text as pieces, each when it is asked for: whoever takes them one by one needs room for one at a time."""
    number, lines_before = 0, 0
    lines, length = 0, 0  # whole lines so far, and how much there is of the one that has begun
    size, marks = 0, 0  # of the piece: bytes, quotation marks
    path = folder / "text-0"
    writer = path.open("wb")
    try:
        for chunk in chunks:
            data = chunk.encode()
            # A chunk is shorter than the bound, so only a line that began in an earlier one can be too long.
            if length + ((data.find(b"\n") + 1) or len(data)) > LONGEST_LINE:
                raise InvalidInput(
                    f"Line {lines + 1} is longer than {LONGEST_LINE // 1024**2} MiB.", field="file", line=lines + 1
                )
            if size >= PIECE and (end := _end_of_record(data, marks, size >= 2 * PIECE)):
                writer.write(data[:end])
                writer.close()
                yield TextPiece(path, lines_before, marks + data.count(b'"', 0, end) > 0)
                lines += data.count(b"\n", 0, end)
                number, lines_before = number + 1, lines
                path = folder / f"text-{number}"
                writer = path.open("wb")
                data = data[end:]
                size = marks = length = 0
            writer.write(data)
            size += len(data)
            marks += data.count(b'"')
            lines += data.count(b"\n")
            length = len(data) - data.rfind(b"\n") - 1 if b"\n" in data else length + len(data)
    finally:
        writer.close()
    yield TextPiece(path, lines_before, marks > 0)


def _end_of_record(data: bytes, marks: int, anywhere: bool) -> int:
    """Where a piece that has `marks` quotation marks may end in `data`: behind a line that no quoted value runs across.

    `anywhere` takes the first line there is, for a file in which a stray mark has opened a quote for good. 0 where none ends.
    """
    start = 0
    while end := data.find(b"\n", start) + 1:
        marks += data.count(b'"', start, end)
        if marks % 2 == 0 or anywhere:
            return end
        start = end
    return 0


def _first_line_not_utf8(source: Path) -> int:
    with source.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    return 1
