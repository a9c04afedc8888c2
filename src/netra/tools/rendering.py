"""Rows as the lines of a file: JSON, JSON Lines, or CSV for spreadsheets.

A spreadsheet takes a cell that begins with = + - @ (or with a tab or a carriage return) for a formula, and runs it. In CSV such
a *text* gets an apostrophe in front, which a spreadsheet takes for "this is text". Numbers are left as they are, negative ones
too: a program that reads the file would no longer take them for numbers. JSON has no formulas and is left alone.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal

FileFormat = Literal["csv", "json", "jsonl"]

MEDIA_TYPES: Final[Mapping[FileFormat, str]] = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "jsonl": "application/x-ndjson",
}

FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def rendered(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], file_format: FileFormat) -> Iterator[str]:
    """The pieces of a file, one a row and a few around them."""
    match file_format:
        case "jsonl":
            yield from (f"{spelt(row)}\n" for row in rows)
        case "json":
            between = "[\n"
            for row in rows:
                yield between + spelt(row)
                between = ",\n"
            yield "\n]\n"
        case "csv":
            yield _record(map(_cell, columns))
            yield from (_record(_cell(row[name]) if name in row else "" for name in columns) for row in rows)


def spelt(value: Any) -> str:
    """A value as JSON on one line, the same under every Python."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _record(cells: Iterable[str]) -> str:
    # RFC 4180 has its lines end so, whatever the platform.
    return ",".join(cells) + "\r\n"


def _cell(value: Any) -> str:
    """A value as a cell. No value and null are empty; an empty text is `""`, and what is not plain is JSON."""
    match value:
        case None:
            return ""
        case str():
            text = f"'{value}" if value.startswith(FORMULA) else value
            quoted = not text or text != text.strip() or not {*text}.isdisjoint(',"\r\n')
        case bool() | int() | float():
            return spelt(value)
        case _:
            text, quoted = spelt(value), True
    return '"{}"'.format(text.replace('"', '""')) if quoted else text
