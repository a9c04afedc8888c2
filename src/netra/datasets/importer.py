"""A usage log as somebody's tool wrote it, turned into a Parquet file of one schema.

Three passes over the disk, none over Python objects: the bytes are checked to be text, their line ends made one and the text
cut into pieces; DuckDB reads the lines of a piece and types every record; and the records that can be used become the
canonical file in the order of their lines. What cannot be used is counted and the first of it kept with line and reason, so
rows in and rows out always add up.

No text of the user's becomes SQL. Paths, delimiter, patterns, column positions and JSON pointers are DuckDB variables, which
it treats as constants; the statements in `import.sql` are the same for everybody.

Canonical schema: `at` TIMESTAMP (UTC), `input_tokens` and `output_tokens` BIGINT, `model`, `user`, `feature` VARCHAR,
`latency_ms` and `cost_usd` DOUBLE, `line` BIGINT (where the record begins in the file, counted from 1). All but the tokens
and the line may be NULL.
"""

import csv
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final, Literal, get_args

import duckdb

from netra.datasets.engine import open_engine
from netra.datasets.mapping import COLUMNS, ColumnMapping, resolve
from netra.datasets.offload import in_thread
from netra.db.sql import NamedQueries
from netra.errors import InvalidInput
from netra.ids import new_uuid

Format = Literal["csv", "jsonl"]
FORMATS: Final[tuple[Format, ...]] = get_args(Format)

LONGEST_LINE: Final = 8 * 1024 * 1024
"""Bytes of one line. A log that carries whole prompts has lines of a few megabytes; DuckDB's buffers grow with this figure."""
MOST_LINES_IN_A_RECORD: Final = 1000
"""Lines that one quoted value may span. A quotation mark still open after that is a stray one."""
PROBLEMS_KEPT: Final = 100
"""Rejected rows that are kept with their reason; the rest are counted."""
SAMPLE: Final = 1000
"""Lines of a JSON Lines file that are looked at for the names of its columns."""

CHUNK: Final = 1 << 20
# Bytes of one piece of the text. DuckDB works on 2,048 lines at a time and does not count their text against its memory limit:
# 400 lines of a megabyte, all quoted, took 4.6 GB before the text was cut.
PIECE: Final = 16 << 20
# A character that Unicode promises never to assign, so no text is split by it; a file that holds it is not text.
NO_DELIMITER: Final = "\U0010ffff"
DELIMITERS: Final = ",;\t|"

SQL: Final = NamedQueries("netra.datasets", "import.sql")


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that was not taken."""

    line: int
    field: str
    """The canonical column at fault, or `row` when the record as a whole is."""
    reason: str
    value: str | None
    """What stood there, its first 80 characters."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import took, what it did not, and what it assumed."""

    format: Format
    mapping: ColumnMapping
    rows: int
    rejected: int
    problems: tuple[RejectedRow, ...]
    """The first `PROBLEMS_KEPT` of the rejected rows, by line."""
    notes: tuple[str, ...]
    """What was assumed, in sentences for the reader of a report."""
    first_at: datetime | None
    last_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some consecutive lines of the text, ended where a record ends."""

    path: Path
    lines_before: int


@dataclass(frozen=True, slots=True)
class _Layout:
    """How the records of one file are found in its text."""

    format: Format
    columns: tuple[str, ...]
    pointers: tuple[str, ...] = ()
    """Of JSON Lines: where each column is in an object (RFC 6901)."""
    quoted: bool = False
    delimiter: str = ","
    header_lines: int = 0


async def import_file(
    source: Path, target: Path, *, file_format: Format | None = None, mapping: Mapping[str, str | None] | None = None
) -> Imported:
    """Write the usable rows of `source` to `target` as canonical Parquet. DuckDB reaches only a scratch folder beside `target`.

    The format is told by the first character when it is not given; see `netra.datasets.mapping` for the mapping. Raises
    `InvalidInput` naming the field, and then leaves nothing behind: an empty or binary file, text that is not UTF-8, a
    column that does not exist, or not a single usable row.
    """
    folder = target.parent / f".import-{new_uuid()}"
    try:
        folder = await in_thread(_make, folder)
        async with open_engine(folder, "folder") as engine:

            def work(connection: duckdb.DuckDBPyConnection) -> Imported:
                pieces, quoted = _cut(source, folder)
                layout = _read_layout(pieces[0].path, quoted, file_format)
                chosen = resolve(mapping, layout.columns)
                _set(connection, _variables(layout, chosen) | _place(pieces[0]))
                _define(connection, layout)
                imported = _transform(connection, folder, pieces, layout, chosen)
                (folder / "rows").replace(target)
                return imported

            try:
                return await engine.run(work)
            except duckdb.OutOfMemoryException as error:
                raise InvalidInput("The file has records too large to read.", field="file") from error
    finally:
        await in_thread(lambda: shutil.rmtree(folder, ignore_errors=True))


@dataclass(frozen=True, slots=True)
class ExtractedColumns:
    """Columns of a file as they stand there, beside the canonical ones of each usable row."""

    columns: tuple[str, ...]
    """Every column that the file has, nested ones dotted."""
    texts: tuple[str, ...]
    """Those that were picked."""
    rows: tuple[Path, ...]
    """Parquet files, in the order of the lines, with the columns of the canonical file and `texts`, a list in this order."""


def extract_columns(
    connection: duckdb.DuckDBPyConnection,
    source: Path,
    folder: Path,
    file_format: Format,
    mapping: Mapping[str, str],
    pick: Callable[[Sequence[str]], Sequence[str]],
) -> ExtractedColumns:
    """Read an imported file once more for the columns that `pick` takes of all that it has. Blocks.

    The connection reaches `folder`, which is empty and holds the result; where nothing is picked, no row is read.
    """
    pieces, quoted = _cut(source, folder)
    layout = _read_layout(pieces[0].path, quoted, file_format)
    texts = tuple(pick(layout.columns))
    rows = []
    if texts:
        chosen = resolve({**dict.fromkeys(COLUMNS), **mapping}, layout.columns)
        _set(connection, _variables(layout, chosen, texts) | _place(pieces[0]))
        _define(connection, layout)
        for number, piece in enumerate(pieces):
            _set(connection, _place(piece))
            rows.append(folder / f"rows-{number}")
            connection.execute(SQL["write_texts"], {"target": str(rows[-1])})
            piece.path.unlink()
    return ExtractedColumns(layout.columns, texts, tuple(rows))


def _make(folder: Path) -> Path:
    folder.mkdir()
    return folder.resolve()  # DuckDB compares paths as text


def _cut(source: Path, folder: Path) -> tuple[list[_Piece], bool]:
    """Copy `source` as pieces of clean text; return them, and whether there are quotation marks.

    Every line end becomes a line feed, because DuckDB takes a carriage return for one of its own wherever it stands and then
    counts the lines of a file with mixed ends wrongly. A byte order mark goes.
    """
    pieces = [_Piece(folder / "text-0", 0)]
    lines, length = 0, 0  # whole lines so far, and how much there is of the one that has begun
    size, marks, quoted = 0, 0, False  # of the piece: bytes, quotation marks
    writer = pieces[0].path.open("wb")
    try:
        with source.open(encoding="utf-8-sig", newline=None) as reader:
            while chunk := reader.read(CHUNK):
                if "\0" in chunk or NO_DELIMITER in chunk:
                    raise InvalidInput("The file is binary, not text.", field="file")
                data = chunk.encode()
                # A chunk is shorter than the bound, so only a line that began in an earlier one can be too long.
                if length + ((data.find(b"\n") + 1) or len(data)) > LONGEST_LINE:
                    raise InvalidInput(
                        f"Line {lines + 1} is longer than {LONGEST_LINE // 1024**2} MiB.", field="file", line=lines + 1
                    )
                if size >= PIECE and (end := _end_of_record(data, marks, size >= 2 * PIECE)):
                    writer.write(data[:end])
                    writer.close()
                    lines += data.count(b"\n", 0, end)
                    pieces.append(_Piece(folder / f"text-{len(pieces)}", lines))
                    writer = pieces[-1].path.open("wb")
                    data = data[end:]
                    size = marks = length = 0
                writer.write(data)
                size += len(data)
                marks += data.count(b'"')
                quoted = quoted or marks > 0
                lines += data.count(b"\n")
                length = len(data) - data.rfind(b"\n") - 1 if b"\n" in data else length + len(data)
    except UnicodeDecodeError as error:
        raise InvalidInput(
            "The file is not UTF-8 text; save it as UTF-8.", field="file", line=_first_line_not_utf8(source)
        ) from error
    finally:
        writer.close()
    return pieces, quoted


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


def _read_layout(text: Path, quoted: bool, file_format: Format | None) -> _Layout:
    """How the records are found in a file whose first piece is `text`."""
    with text.open(encoding="utf-8", newline="\n") as lines:
        first = next((line for line in lines if line.strip()), "")
    if not first:
        raise InvalidInput("The file is empty.", field="file")
    begin = first.lstrip()[0]
    if file_format == "csv" or (file_format is None and begin not in "{["):
        return _csv_layout(text, first, quoted)
    if begin == "[":
        raise InvalidInput("The file holds a JSON array; write one object a line instead (JSON Lines).", field="file")
    with text.open(encoding="utf-8", newline="\n") as lines:
        return _json_layout(islice(lines, SAMPLE))


def _first_line_not_utf8(source: Path) -> int:
    with source.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    return 1


def _csv_layout(text: Path, first: str, quoted: bool) -> _Layout:
    try:
        # The delimiter is the one that makes the most columns of the header; a comma where none does.
        delimiter = max(DELIMITERS, key=lambda candidate: len(next(csv.reader([first], delimiter=candidate))))
        with text.open(encoding="utf-8", newline="\n") as lines:
            reader = csv.reader(lines, delimiter=delimiter)
            header = next(row for row in reader if any(cell.strip() for cell in row))
    except (csv.Error, StopIteration) as error:
        raise InvalidInput("The first line does not hold column names.", field="file", line=1) from error
    return _Layout(
        "csv", tuple(cell.strip() for cell in header), quoted=quoted, delimiter=delimiter, header_lines=reader.line_num
    )


def _json_layout(sample: Iterator[str]) -> _Layout:
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
    return _Layout("jsonl", tuple(pointers), tuple(pointers.values()))


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


def _variables(layout: _Layout, mapping: ColumnMapping, texts: Sequence[str] = ()) -> dict[str, object]:
    """What the statements need to know of a file; `texts` are columns that are wanted as they stand there."""
    # Of JSON Lines only what is asked for is read, and each path once.
    names = tuple(dict.fromkeys((*mapping.sources.values(), *texts))) if layout.format == "jsonl" else layout.columns
    mark = {"\t": r"\t", "|": r"\|"}.get(layout.delimiter, layout.delimiter)
    # A quoted value, or one that does not begin with a mark, or nothing. The delimiter that ends it is appended to the last.
    field = rf' *"(?:[^"]|"")*" *|[^"\n{mark}][^\n{mark}]*|'
    return {
        "no_delimiter": NO_DELIMITER,
        "longest_line": LONGEST_LINE + 1,
        "delimiter": layout.delimiter,
        "header_lines": layout.header_lines,
        "most_lines_in_a_record": MOST_LINES_IN_A_RECORD,
        "field_pattern": f"({field}){mark}",
        "record_pattern": f"(?:(?:{field}){mark})+",
        "pointers": [layout.pointers[layout.columns.index(name)] for name in names] if layout.pointers else [],
        "field_count": len(names),
        "positions": mapping.positions(names),
        "texts": [names.index(name) + 1 for name in texts],
    }


def _place(piece: _Piece) -> dict[str, object]:
    return {"text_path": str(piece.path), "lines_before": piece.lines_before}


def _set(connection: duckdb.DuckDBPyConnection, variables: Mapping[str, object]) -> None:
    for name, value in variables.items():
        connection.execute(f"SET VARIABLE {name} = $value", {"value": value})


def _define(connection: duckdb.DuckDBPyConnection, layout: _Layout) -> None:
    """Make the views that read a piece; the variables say which."""
    records = {
        ("jsonl", False): ("define_json_record",),
        ("csv", False): ("define_plain_record",),
        ("csv", True): ("define_part", "define_joined", "define_quoted_record"),
    }[layout.format, layout.quoted]
    macros = ("define_number_text", "define_whole", "define_measure", "define_instant", "define_refusal")
    for query in ("define_line", *records, *macros, "define_typed"):
        connection.execute(SQL[query])


def _transform(
    connection: duckdb.DuckDBPyConnection, folder: Path, pieces: Sequence[_Piece], layout: _Layout, mapping: ColumnMapping
) -> Imported:
    """Write the rows that can be used and say what became of the others."""
    checked = []
    for number, piece in enumerate(pieces):
        _set(connection, _place(piece))
        checked.append(str(folder / f"checked-{number}"))
        connection.execute(SQL["write_checked"], {"target": checked[-1]})
        piece.path.unlink()
    counts = connection.execute(SQL["count"], {"checked": checked}).fetchone()
    assert counts is not None
    rows, rejected, zoneless, timeless, first_at, last_at = counts
    listed = connection.execute(SQL["list_problems"], {"checked": checked, "limit": PROBLEMS_KEPT}).fetchall()
    problems = tuple(RejectedRow(line, field, reason, value and _shown(value)) for line, field, reason, value in listed)
    if not rows:
        raise InvalidInput(
            f"Not one of the {rejected} rows of the file can be used."
            if rejected
            else "The file has column names but no rows.",
            field="file",
            problems=[{"line": p.line, "field": p.field, "reason": p.reason, "value": p.value} for p in problems[:10]],
        )
    connection.execute(SQL["write_rows"], {"checked": checked, "target": str(folder / "rows")})
    return Imported(
        layout.format,
        mapping,
        rows,
        rejected,
        problems,
        tuple(_notes(rows, rejected, zoneless, timeless)),
        first_at and first_at.replace(tzinfo=UTC),
        last_at and last_at.replace(tzinfo=UTC),
    )


def _shown(value: str) -> str:
    """A rejected value as it can be stored and shown: PostgreSQL's JSON takes no NUL, and a terminal no escape."""
    return "".join(character if character.isprintable() else "\ufffd" for character in value)


def _notes(rows: int, rejected: int, zoneless: int, timeless: int) -> Iterator[str]:
    if timeless:
        yield f"{timeless} of {rows} rows carry no time, so nothing can be said about when they happened."
    if zoneless:
        yield f"{zoneless} of {rows - timeless} times carry no zone and are read as UTC."
    if rejected:
        yield f"{rejected} of {rows + rejected} rows could not be read and are left out of every figure."
