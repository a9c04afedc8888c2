"""A usage log as somebody's tool wrote it, turned into a Parquet file of one schema.

Nothing grows with the file but files: its bytes are checked to be text, their line ends made one, and the text is cut into
pieces; DuckDB reads the lines of a piece and types every record, before the next piece is cut; and the records that can be
used become the canonical file in the order of their lines. What cannot be used is counted and the first of it kept with line
and reason, so rows in and rows out always add up.

No text of the user's becomes SQL. Paths, delimiter, patterns, column positions and JSON pointers are DuckDB variables, which
it treats as constants; the statements in `import.sql` are the same for everybody.

Canonical schema: `at` TIMESTAMP (UTC), `input_tokens` and `output_tokens` BIGINT, `model`, `user`, `feature` VARCHAR,
`latency_ms` and `cost_usd` DOUBLE, `cached_input_tokens` BIGINT (of the input tokens, those that a cache of the provider
gave), `session` and `status` VARCHAR, `requests` BIGINT (for how many the row stands), `line` BIGINT (where the record
begins in the file, counted from 1), `prompt` UBIGINT (64 bits of the MD5 of what was sent: the same for the same prompt). All
but the tokens, the requests and the line may be NULL.
"""

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal, cast, get_args

import duckdb

from netra.datasets.dialects import CALL_TEXTS, DIALECTS, MACROS, Container, Dialect, Form, recognised
from netra.datasets.dialects import SQL as DIALECT_SQL
from netra.datasets.engine import open_engine
from netra.datasets.layout import Layout, open_content
from netra.datasets.mapping import COLUMNS, ColumnMapping, resolve
from netra.datasets.offload import in_thread
from netra.datasets.text import LONGEST_LINE, NO_DELIMITER, TextPiece
from netra.db.sql import NamedQueries
from netra.errors import InvalidInput
from netra.ids import new_uuid

Format = Literal["csv", "jsonl", "otlp", "litellm", "langfuse", "openai", "claude_code", "burstgpt"]
"""How a file is read: by the mapping of its columns, or as the dialect of that name."""
FORMATS: Final[tuple[Format, ...]] = get_args(Format)
MAPPED: Final[Mapping[Format | None, Container]] = {"csv": "table", "jsonl": "object"}
"""The formats whose columns are told by a mapping, or by their names."""

MOST_LINES_IN_A_RECORD: Final = 1000
"""Lines that one quoted value may span. A quotation mark still open after that is a stray one."""
PROBLEMS_KEPT: Final = 100
"""Rejected rows that are kept with their reason; the rest are counted."""

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
class _Reading:
    """How the calls of one file are found in its records."""

    layout: Layout
    mapping: ColumnMapping
    dialect: Dialect | None = None

    @classmethod
    def by(cls, dialect: Dialect, layout: Layout) -> "_Reading":
        """As a dialect says. Raises `InvalidInput` when the file is none of it."""
        if dialect.form(layout.container, layout.columns) is None:
            raise InvalidInput(
                f"The file is not what {dialect.title} looks like.", field="format", columns=list(layout.columns[:100])
            )
        return cls(layout, ColumnMapping(dialect.sources), dialect)

    @property
    def form(self) -> Form | None:
        return self.dialect.form(self.layout.container, self.layout.columns) if self.dialect else None

    @property
    def format(self) -> Format:
        if self.dialect is not None:
            return cast(Format, self.dialect.name)
        return "csv" if self.layout.container == "table" else "jsonl"

    @property
    def identified(self) -> bool:
        return self.dialect is not None and self.dialect.identified

    @property
    def columns(self) -> tuple[str, ...]:
        """What its records have, and what its calls have that is no column of the file."""
        told = self.dialect.told if self.dialect else ()
        return (*self.layout.columns, *(name for name in told if name not in self.layout.columns))

    @property
    def notes(self) -> tuple[str, ...]:
        return self.dialect.notes if self.dialect else ()


@dataclass(frozen=True, slots=True)
class _Counts:
    """What became of the records of a file."""

    rows: int
    rejected: int
    passed: int
    """Records that are no calls of a model."""
    repeated: int
    """Records of a call that another record has, too."""
    zoneless: int
    timeless: int
    requests: int | None
    """For how many requests the rows stand."""
    first_at: datetime | None
    last_at: datetime | None

    def notes(self) -> Iterator[str]:
        """What a reader has to know of them."""
        rows = self.rows
        if self.timeless:
            yield f"{self.timeless} of {rows} rows carry no time, so nothing can be said about when they happened."
        if self.zoneless:
            yield f"{self.zoneless} of {rows - self.timeless} times carry no zone and are read as UTC."
        if self.rejected:
            yield f"{self.rejected} of {rows + self.rejected} rows could not be read and are left out of every figure."
        if self.passed:
            yield f"{self.passed} records are no calls of a model, such as messages, tools and traces, and are passed over."
        if self.repeated:
            yield f"{self.repeated} records repeat a call that another one has, and count once."
        if (self.requests or rows) > rows:
            yield (
                f"The {rows} rows stand for {self.requests} requests: what is said of one request, such as a percentile, "
                "holds for such a row."
            )


@dataclass(frozen=True, slots=True)
class ImportProgress:
    """How far an import has come."""

    records: int
    """Looked at by now, whatever becomes of them."""
    share: float
    """Of the file's bytes, from 0 to 1. At 1 the canonical file is being written, which takes its time as well."""


Tell = Callable[[ImportProgress], None]
"""Is told how far an import is, in the thread that does it."""


def _tell_nobody(_: ImportProgress) -> None:
    pass


async def import_file(
    source: Path,
    target: Path,
    *,
    file_format: Format | None = None,
    mapping: Mapping[str, str | None] | None = None,
    tell: Tell = _tell_nobody,
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
                content = open_content(source, folder, MAPPED.get(file_format))
                reading = _reading(content.layout, file_format, mapping)
                size = source.stat().st_size

                def checked(records: int) -> None:
                    tell(ImportProgress(records, min(content.text.bytes_read / size, 1.0)))

                pieces = _PieceReader(connection, reading, content.pieces, _variables(reading))
                imported = _transform(connection, folder, pieces, reading, checked)
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
    """Every column that the file has, nested ones dotted, and what a dialect tells of its calls besides."""
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
    content = open_content(source, folder, MAPPED.get(file_format))
    mapped = file_format in MAPPED
    reading = _reading(content.layout, file_format, {**dict.fromkeys(COLUMNS), **mapping} if mapped else None)
    columns = reading.columns
    texts = tuple(pick(columns))
    rows = []
    if texts:
        for number in _PieceReader(connection, reading, content.pieces, _variables(reading, texts)):
            rows.append(folder / f"rows-{number}")
            connection.execute(SQL["write_texts"], {"target": str(rows[-1])})
    return ExtractedColumns(columns, texts, tuple(rows))


def _make(folder: Path) -> Path:
    folder.mkdir()
    return folder.resolve()  # DuckDB compares paths as text


def _reading(layout: Layout, file_format: Format | None, mapping: Mapping[str, str | None] | None) -> _Reading:
    """By which dialect, or else by which columns, the file is read."""
    if file_format in MAPPED or mapping:
        if file_format is not None and file_format not in MAPPED:
            raise InvalidInput(f"The columns of {file_format} are known; a mapping is for csv and jsonl.", field="mapping")
        return _Reading(layout, resolve(mapping, layout.columns))
    if file_format is None:
        dialect = recognised(layout.container, layout.columns)
        return _Reading(layout, resolve(None, layout.columns)) if dialect is None else _Reading.by(dialect, layout)
    return _Reading.by(next(each for each in DIALECTS if each.name == file_format), layout)


def _variables(reading: _Reading, texts: Sequence[str] = ()) -> dict[str, object]:
    """What the statements need to know of a file; `texts` are columns that are wanted as they stand there."""
    layout = reading.layout
    mark = {"\t": r"\t", "|": r"\|"}.get(layout.delimiter, layout.delimiter)
    # A quoted value, or one that does not begin with a mark, or nothing. The delimiter that ends it is appended to the last.
    field = rf' *"(?:[^"]|"")*" *|[^"\n{mark}][^\n{mark}]*|'
    mapped = tuple(reading.mapping.sources.values()) if reading.form is None else ()
    written = [name for name in texts if name in layout.columns]
    return {
        "no_delimiter": NO_DELIMITER,
        "longest_line": LONGEST_LINE + 1,
        "delimiter": layout.delimiter,
        "header_lines": layout.header_lines,
        "most_lines_in_a_record": MOST_LINES_IN_A_RECORD,
        "field_pattern": f"({field}){mark}",
        "record_pattern": f"(?:(?:{field}){mark})+",
        "columns": list(layout.columns),
        "field_count": len(layout.columns),
        "mapped": layout.places(mapped),
        "positions": (reading.mapping if reading.form is None else ColumnMapping({})).positions(mapped),
        "texts": layout.places(written),
        "picked": [
            len(CALL_TEXTS) + written.index(name) + 1 if name in layout.columns else CALL_TEXTS.index(name) + 1
            for name in texts
        ],
    }


def _set(connection: duckdb.DuckDBPyConnection, variables: Mapping[str, object]) -> None:
    for name, value in variables.items():
        connection.execute(f"SET VARIABLE {name} = $value", {"value": value})


class _PieceReader:
    """Leads through the pieces of a file: while its number is out, the view `typed` is over a piece."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        reading: _Reading,
        pieces: Iterator[TextPiece],
        variables: Mapping[str, object],
    ) -> None:
        self._connection = connection
        self._reading = reading
        self._pieces = pieces
        self._variables = variables
        self._quoted: bool | None = None
        """Whether the view `record` looks for quotation marks; None before there is one."""

    def __iter__(self) -> Iterator[int]:
        for number, piece in enumerate(self._pieces):
            place = {"text_path": str(piece.path), "lines_before": piece.lines_before}
            if number == 0:
                # A view is bound when it is made, so the variables and the first piece have to be there.
                _set(self._connection, {**self._variables, **place})
                self._define(piece.quoted)
            _set(self._connection, place)
            self._read_quotes(piece.quoted)
            yield number
            piece.path.unlink()

    def _define(self, quoted: bool) -> None:
        """Make the views that read a piece."""
        layout, form = self._reading.layout, self._reading.form
        for query in ("number_text", "whole", "measure", "instant", "outcome", "refusal", "sent", "content"):
            self._connection.execute(SQL[f"define_{query}"])
        self._connection.execute(SQL["define_numbered_line" if layout.document else "define_line"])
        if layout.container == "table":
            for query in ("part", "joined"):
                self._connection.execute(SQL[f"define_{query}"])
        self._read_quotes(quoted)
        for query in (f"define_{layout.container}_texts", f"define_{layout.container}_fault"):
            self._connection.execute(SQL[query])
        if form is None:
            self._connection.execute(SQL["define_mapped_call"])
        else:
            for query in (f"define_{layout.container}_value", *MACROS, form.query):
                self._connection.execute(DIALECT_SQL[query])
        self._connection.execute(SQL["define_typed"])

    def _read_quotes(self, quoted: bool) -> None:
        """Read records as a piece is written: where a table has no quotation marks there is far less to do."""
        if quoted != self._quoted:
            table = "define_quoted_record" if quoted else "define_plain_record"
            self._connection.execute(SQL[table if self._reading.layout.container == "table" else "define_object_record"])
            self._quoted = quoted


def _transform(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    pieces: Iterable[int],
    reading: _Reading,
    tell: Callable[[int], None],
) -> Imported:
    """Write the rows that can be used and say what became of the others; `tell` hears of the records as they are read."""
    checked, records = [], 0
    for number in pieces:
        checked.append(str(folder / f"checked-{number}"))
        written = connection.execute(SQL["write_checked"], {"target": checked[-1]}).fetchone()
        records += written[0] if written else 0
        tell(records)
    _set(connection, {"checked": checked})
    for query in ("define_kept" if reading.identified else "define_all_kept", "define_taken"):
        connection.execute(SQL[query])
    counted = connection.execute(SQL["count"]).fetchone()
    assert counted is not None
    counts = _Counts(*counted)
    listed = connection.execute(SQL["list_problems"], {"limit": PROBLEMS_KEPT}).fetchall()
    problems = tuple(RejectedRow(line, field, reason, value and _shown(value)) for line, field, reason, value in listed)
    if not counts.rows:
        raise InvalidInput(
            f"Not one of the {counts.rejected} rows of the file can be used."
            if counts.rejected
            else "Not one of the records of the file is a call of a model."
            if counts.passed
            else "The file has column names but no rows.",
            field="file",
            problems=[{"line": p.line, "field": p.field, "reason": p.reason, "value": p.value} for p in problems[:10]],
        )
    write = SQL["write_ordered_rows" if reading.identified else "write_rows"]
    connection.execute(write, {"target": str(folder / "rows")})
    return Imported(
        reading.format,
        reading.mapping,
        counts.rows,
        counts.rejected,
        problems,
        (*reading.notes, *counts.notes()),
        counts.first_at and counts.first_at.replace(tzinfo=UTC),
        counts.last_at and counts.last_at.replace(tzinfo=UTC),
    )


def _shown(value: str) -> str:
    """A rejected value as it can be stored and shown: PostgreSQL's JSON takes no NUL, and a terminal no escape."""
    return "".join(character if character.isprintable() else "\ufffd" for character in value)
