"""A usage log as somebody's tool wrote it, turned into a Parquet file of one schema.

Three passes over the disk, none over Python objects: the bytes are checked to be text and their line ends made one, DuckDB
reads the lines and types every record, and the records that can be used become the canonical file in the order of their
lines. What cannot be used is counted and the first of it kept with line and reason, so rows in and rows out always add up.

No text of the user's becomes SQL. Paths, delimiter, patterns, column positions and JSON pointers are DuckDB variables, which
it treats as constants; the statements in `sql/import.sql` are the same for everybody.

Canonical schema: `at` TIMESTAMP (UTC), `input_tokens` and `output_tokens` BIGINT, `model`, `user`, `feature` VARCHAR,
`latency_ms` and `cost_usd` DOUBLE, `line` BIGINT (where the record begins in the file, counted from 1). All but the tokens
and the line may be NULL.
"""

import csv
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final, Literal, get_args

import duckdb

from netra.datasets.engine import open_engine
from netra.datasets.mapping import ColumnMapping, resolve
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
# A character that Unicode promises never to assign, so no text is split by it; a file that holds it is not text.
NO_DELIMITER: Final = "\U0010ffff"
DELIMITERS: Final = ",;\t|"
# The files of one import's scratch folder.
TEXT, CHECKED, ROWS = "text", "checked.parquet", "rows.parquet"

SQL: Final = NamedQueries("netra.datasets", "sql/import.sql")


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
                layout = _read_layout(source, folder / TEXT, file_format)
                chosen = resolve(mapping, layout.columns)
                _define(connection, folder / TEXT, layout, chosen)
                imported = _transform(connection, folder, layout, chosen)
                (folder / ROWS).replace(target)
                return imported

            try:
                return await engine.run(work)
            except duckdb.OutOfMemoryException as error:
                raise InvalidInput("The file has records too large to read.", field="file") from error
    finally:
        await in_thread(lambda: shutil.rmtree(folder, ignore_errors=True))


def _make(folder: Path) -> Path:
    folder.mkdir()
    return folder.resolve()  # DuckDB compares paths as text


def _read_layout(source: Path, text: Path, file_format: Format | None) -> _Layout:
    """Copy `source` to `text` as clean text and return how its records are found."""
    quoted = _clean(source, text)
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


def _clean(source: Path, text: Path) -> bool:
    """Copy `source` with every line end a line feed and without a byte order mark; return whether it has quotation marks.

    DuckDB takes a carriage return for a line end of its own wherever it stands, and so would count the lines of a file with
    mixed ends wrongly.
    """
    quoted = False
    line, length = 1, 0  # the line that a chunk begins in, and how much of it came before
    try:
        with source.open(encoding="utf-8-sig", newline=None) as reader, text.open("wb") as writer:
            while chunk := reader.read(CHUNK):
                if "\0" in chunk or NO_DELIMITER in chunk:
                    raise InvalidInput("The file is binary, not text.", field="file")
                quoted = quoted or '"' in chunk
                data = chunk.encode()
                # A chunk is shorter than the bound, so only a line that began in an earlier one can be too long.
                length += (data.find(b"\n") + 1) or len(data)
                if length > LONGEST_LINE:
                    raise InvalidInput(f"Line {line} is longer than {LONGEST_LINE // 1024**2} MiB.", field="file", line=line)
                if b"\n" in data:
                    line += data.count(b"\n")
                    length = len(data) - data.rfind(b"\n") - 1
                writer.write(data)
    except UnicodeDecodeError as error:
        raise InvalidInput(
            "The file is not UTF-8 text; save it as UTF-8.", field="file", line=_first_line_not_utf8(source)
        ) from error
    return quoted


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


def _define(connection: duckdb.DuckDBPyConnection, text: Path, layout: _Layout, mapping: ColumnMapping) -> None:
    """Give the connection its variables and the views that read `text` by them."""
    names = tuple(mapping.sources.values()) if layout.format == "jsonl" else layout.columns
    mark = {"\t": r"\t", "|": r"\|"}.get(layout.delimiter, layout.delimiter)
    # A quoted value, or one that does not begin with a mark, or nothing. The delimiter that ends it is appended to the last.
    field = rf' *"(?:[^"]|"")*" *|[^"\n{mark}][^\n{mark}]*|'
    variables: dict[str, object] = {
        "text_path": str(text),
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
    }
    for name, value in variables.items():
        connection.execute(f"SET VARIABLE {name} = $value", {"value": value})
    records = {
        ("jsonl", False): ("define_json_record",),
        ("csv", False): ("define_plain_record",),
        ("csv", True): ("define_piece", "define_joined", "define_quoted_record"),
    }[layout.format, layout.quoted]
    macros = ("define_number_text", "define_whole", "define_measure", "define_instant", "define_refusal")
    for query in ("define_line", *records, *macros, "define_typed"):
        connection.execute(SQL[query])


def _transform(connection: duckdb.DuckDBPyConnection, folder: Path, layout: _Layout, mapping: ColumnMapping) -> Imported:
    """Write the rows that can be used and say what became of the others."""
    checked = str(folder / CHECKED)
    connection.execute(SQL["write_checked"], {"target": checked})
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
    connection.execute(SQL["write_rows"], {"checked": checked, "target": str(folder / ROWS)})
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
