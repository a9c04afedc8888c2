"""Files as tools write them, and as they should not."""

import asyncio
import csv
import io
import json
import random
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from netra.datasets import importer
from netra.datasets import text as clean_text
from netra.datasets.importer import Imported, import_file
from netra.errors import InvalidInput
from tests.datasets.traces import Trace, trace  # noqa: F401 - a fixture

HEADER = "timestamp,input_tokens,output_tokens,user\n"
# No deadline: an import opens a database, and the clock of the machine decides nothing. No shrinking: at 50 ms an example it
# takes longer than a test may, and the failure would never be shown.
EXAMPLES = settings(max_examples=40, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))


@dataclass(frozen=True)
class Outcome:
    imported: Imported
    rows: list[dict[str, Any]]

    def column(self, name: str) -> list[Any]:
        return [row[name] for row in self.rows]


def read(
    content: bytes | str, mapping: Mapping[str, str | None] | None = None, file_format: Any = None, *, cut: bool = False
) -> Outcome:
    """Import the content, perhaps in small pieces, and check that nothing but its Parquet file is left, or nothing at all."""
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        if cut:
            patch.setattr(clean_text, "CHUNK", 17)
            patch.setattr(clean_text, "PIECE", 250)
        source, target = Path(name, "in"), Path(name, "out")
        source.write_bytes(content if isinstance(content, bytes) else content.encode())
        try:
            imported = asyncio.run(import_file(source, target, file_format=file_format, mapping=mapping))
        except BaseException:
            assert {path.name for path in Path(name).iterdir()} == {"in"}
            raise
        assert {path.name for path in Path(name).iterdir()} == {"in", "out"}
        with duckdb.connect() as connection:
            found = connection.execute("SELECT * FROM read_parquet($path)", {"path": str(target)})
            names = [column[0] for column in found.description]
            return Outcome(imported, [dict(zip(names, row, strict=True)) for row in found.fetchall()])


def problems(outcome: Outcome) -> list[tuple[int, str]]:
    return [(problem.line, problem.field) for problem in outcome.imported.problems]


# --- The traces ---------------------------------------------------------------------------------------------------------


def test_an_azure_trace_loads_as_it_is(trace: Trace) -> None:  # noqa: F811
    outcome = read(trace.path.read_bytes())
    assert outcome.imported.rejected == 0
    assert outcome.column("input_tokens") == list(trace.input_tokens)
    assert outcome.column("output_tokens") == list(trace.output_tokens)
    assert [at.replace(tzinfo=UTC) for at in outcome.column("at")] == list(trace.times)
    assert outcome.column("line") == list(range(2, len(trace.times) + 2))
    assert outcome.imported.first_at == min(trace.times)
    assert outcome.imported.last_at == max(trace.times)
    assert outcome.imported.notes == (f"{len(trace.times)} of {len(trace.times)} times carry no zone and are read as UTC.",)


# --- Laws ---------------------------------------------------------------------------------------------------------------

TOKENS = st.integers(0, 10**12 - 1)
# What makes CSV hard: quotation marks, delimiters, line ends inside values, spaces around them, characters of several bytes.
TEXT = st.text(alphabet='ab",;\t|\n é🙂', max_size=8)


@EXAMPLES
@given(
    rows=st.lists(st.tuples(TOKENS, TOKENS, TEXT, TEXT), min_size=1, max_size=30),
    delimiter=st.sampled_from(",;\t|"),
    line_end=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    mark=st.booleans(),
    last_end=st.booleans(),
    cut=st.booleans(),
)
@example(
    rows=[(1, 2, 'say "hi", twice', "a\nb\n\nc"), (3, 4, '"', "")],
    delimiter=",",
    line_end="\r\n",
    quoting=csv.QUOTE_MINIMAL,
    mark=True,
    last_end=False,
    cut=False,
)
def test_what_pythons_csv_writes_is_what_netra_reads(
    rows: list[tuple[int, int, str, str]], delimiter: str, line_end: str, quoting: Any, mark: bool, last_end: bool, cut: bool
) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=line_end, quoting=quoting)
    writer.writerow(["input_tokens", "output_tokens", "user", "feature"])
    lines = []
    for row in rows:
        lines.append(text.getvalue().count("\n") + 1)
        writer.writerow(row)
    content = text.getvalue() if last_end else text.getvalue().removesuffix(line_end)
    outcome = read(content.encode("utf-8-sig" if mark else "utf-8"), cut=cut)
    assert outcome.imported.rejected == 0
    assert [(row["input_tokens"], row["output_tokens"]) for row in outcome.rows] == [row[:2] for row in rows]
    assert [row["user"] for row in outcome.rows] == [row[2].strip(" ") or None for row in rows]
    assert [row["feature"] for row in outcome.rows] == [row[3].strip(" ") or None for row in rows]
    assert outcome.column("line") == lines


@EXAMPLES
@given(
    rows=st.lists(st.tuples(TOKENS, TOKENS, st.none() | TEXT), min_size=1, max_size=30), nested=st.booleans(), cut=st.booleans()
)
def test_what_pythons_json_writes_is_what_netra_reads(rows: list[tuple[int, int, str | None]], nested: bool, cut: bool) -> None:
    objects = [
        {"usage": {"prompt_tokens": i, "completion_tokens": o}, "user": user}
        if nested
        else {"prompt_tokens": i, "completion_tokens": o, "user": user}
        for i, o, user in rows
    ]
    outcome = read("\n".join(json.dumps(value, ensure_ascii=False) for value in objects), cut=cut)
    assert outcome.imported.format == "jsonl"
    assert outcome.imported.rejected == 0
    assert [(row["input_tokens"], row["output_tokens"]) for row in outcome.rows] == [row[:2] for row in rows]
    assert outcome.column("user") == [(row[2] or "").strip(" ") or None for row in rows]
    assert outcome.column("line") == list(range(1, len(rows) + 1))


@EXAMPLES
@given(lines=st.lists(st.text(alphabet="0123456789,.- x\r", max_size=12), max_size=40), cut=st.booleans())
@example(
    cut=False, lines=["1,2", "", "1,2,3", "1", "-1,2", "1,2.5", "1.0,2", "1,", " 3 , 4 ", "1e3,1", "1_0,1", "99999999999999,1"]
)
def test_every_line_is_a_row_a_problem_or_blank(lines: list[str], cut: bool) -> None:
    text = "\n".join(["input_tokens,output_tokens", *lines])
    number = re.compile(r" *\+?[0-9]{1,12}(\.0*)? *")
    good: list[int] = []
    bad: list[int] = []
    for line, content in enumerate(io.StringIO(text, newline=None), 1):
        cells = content.removesuffix("\n").split(",")
        if line > 1 and content.strip(" \n"):
            usable = len(cells) == 2 and all(number.fullmatch(cell) for cell in cells)
            (good if usable else bad).append(line)
    if not good:
        with pytest.raises(InvalidInput) as refused:
            read(text, cut=cut)
        assert refused.value.extra["field"] == "file"
        return
    outcome = read(text, cut=cut)
    assert outcome.column("line") == good
    assert [problem.line for problem in outcome.imported.problems] == bad
    assert (outcome.imported.rows, outcome.imported.rejected) == (len(good), len(bad))


@EXAMPLES
@given(content=st.binary(max_size=200) | st.text(alphabet='{}[]":,\n\r\t 01ae\\u', max_size=200).map(str.encode))
@example(content=b'{"input_tokens": 1, "output_tokens": ' + b"[" * 100_000)
@example(content=b'{"a": ' * 2000)
@example(content=b"input_tokens,output_tokens\n" + b'"' * 3001)
def test_any_bytes_are_read_or_refused_with_the_field_named(content: bytes) -> None:
    refused = None
    try:
        read(content)
    except InvalidInput as error:
        refused = error
    assert refused is None or refused.extra["field"].split(".")[0] in {"file", "mapping"}


# --- Bad rows -----------------------------------------------------------------------------------------------------------


def test_bad_rows_are_named_by_line_column_and_reason() -> None:
    outcome = read(
        "timestamp,input_tokens,output_tokens,latency_ms,cost_usd\r\n"
        "2026-01-01T00:00:00Z,1,2,3.5,0.25\r\n"
        "2026-01-01T00:00:00Z,-1,2,,\r\n"
        "2026-01-01T00:00:00Z,1,many,,\r\n"
        "\r\n"
        "yesterday,1,2,,\r\n"
        "2026-01-01T00:00:00Z,,2,,\r\n"
        "2026-01-01T00:00:00Z,1,2,fast,\r\n"
        "2026-01-01T00:00:00Z,1,2,,-0.1\r\n"
        "2026-01-01T00:00:00Z,1,2\r\n"
        "2026-01-01T00:00:00Z,1,2,,,\r\n"
        ",1,2,nan,null"
    )
    assert outcome.column("line") == [2, 12]
    assert [(p.line, p.field, p.value) for p in outcome.imported.problems] == [
        (3, "input_tokens", "-1"),
        (4, "output_tokens", "many"),
        (6, "at", "yesterday"),
        (7, "input_tokens", None),
        (8, "latency_ms", "fast"),
        (9, "cost_usd", "-0.1"),
        (10, "row", None),
        (11, "row", None),
    ]
    assert outcome.rows[0]["latency_ms"] == 3.5
    assert outcome.rows[0]["cost_usd"] == 0.25
    assert outcome.rows[1]["latency_ms"] is None
    assert outcome.imported.notes == (
        "1 of 2 rows carry no time, so nothing can be said about when they happened.",
        "8 of 10 rows could not be read and are left out of every figure.",
    )


def test_only_the_first_problems_are_kept_and_all_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importer, "PROBLEMS_KEPT", 3)
    outcome = read("input_tokens,output_tokens\n" + "x,1\n" * 10 + "1,1\n")
    assert [problem.line for problem in outcome.imported.problems] == [2, 3, 4]
    assert (outcome.imported.rows, outcome.imported.rejected) == (1, 10)


def test_a_stray_quotation_mark_costs_its_own_line_and_no_other() -> None:
    outcome = read(HEADER + ',1,2,"open\n,3,4,5" disk\n,5,6,x\n,7,8,"a\nb"\n')
    assert problems(outcome) == [(2, "row")]
    assert [(row["line"], row["input_tokens"], row["user"]) for row in outcome.rows] == [
        (3, 3, '5" disk'),
        (4, 5, "x"),
        (5, 7, "a\nb"),
    ]


def test_a_quote_that_never_closes_does_not_swallow_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importer, "MOST_LINES_IN_A_RECORD", 10)
    outcome = read(HEADER + ',1,2,"open\n' + ",3,4,x\n" * 50)
    assert problems(outcome) == [(2, "row")]
    assert outcome.imported.rows == 50


def test_a_stray_quotation_mark_in_one_piece_leaves_the_next_ones_alone() -> None:
    outcome = read(HEADER + ',1,2,"open\n' + ",3,4,x\n" * 200 + ',5,6,"a\nb"\n', cut=True)
    assert problems(outcome) == [(2, "row")]
    assert outcome.column("line") == list(range(3, 204))
    assert outcome.rows[-1]["user"] == "a\nb"


def test_json_lines_with_missing_null_and_foreign_members() -> None:
    outcome = read(
        '{"usage": {"prompt_tokens": 1, "completion_tokens": 2}, "model": "m", "extra": [1, {"a": 2}]}\n'
        '{"usage": {"prompt_tokens": 3.0, "completion_tokens": "4"}, "model": null}\n'
        '{"usage": {"prompt_tokens": 5}}\n'
        '{"usage": null}\n'
        "{not json\n"
        "[1, 2]\n"
        "\n"
        '{"usage": {"prompt_tokens": 7, "completion_tokens": 8}}'
    )
    assert [(row["line"], row["input_tokens"], row["output_tokens"], row["model"]) for row in outcome.rows] == [
        (1, 1, 2, "m"),
        (2, 3, 4, None),
        (8, 7, 8, None),
    ]
    assert problems(outcome) == [(3, "output_tokens"), (4, "input_tokens"), (5, "row"), (6, "row")]


def test_a_dotted_key_and_a_nested_one_are_both_found() -> None:
    outcome = read('{"gen_ai.usage.input_tokens": 1, "usage": {"a/b~c": {"output_tokens": 2}}}')
    assert outcome.imported.mapping.sources == {
        "input_tokens": "gen_ai.usage.input_tokens",
        "output_tokens": "usage.a/b~c.output_tokens",
    }
    assert (outcome.rows[0]["input_tokens"], outcome.rows[0]["output_tokens"]) == (1, 2)


def test_what_a_problem_shows_holds_no_control_character() -> None:
    outcome = read('{"input_tokens": 1, "output_tokens": 2}\n{"input_tokens": "a\\u0000\\u001b[31m", "output_tokens": 2}\n')
    assert [problem.value for problem in outcome.imported.problems] == ["a��[31m"]


# --- Times --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-03-01 12:00:00.1234567", "2026-03-01 12:00:00.123456"),
        ("2026-03-01T12:00:00Z", "2026-03-01 12:00:00"),
        ("2026-03-01T12:00:00+02:00", "2026-03-01 10:00:00"),
        ("2026-03-01T12:00:00.5-0530", "2026-03-01 17:30:00.500000"),
        ("2026-03-01 12:00", "2026-03-01 12:00:00"),
        ("2026-03-01 12:00:00 UTC", "2026-03-01 12:00:00"),
        ("2026-03-01", "2026-03-01 00:00:00"),
        ("1772366400", "2026-03-01 12:00:00"),
        ("1772366400.25", "2026-03-01 12:00:00.250000"),
        ("1772366400123", "2026-03-01 12:00:00.123000"),
        ("1772366400123456", "2026-03-01 12:00:00.123456"),
        ("1772366400123456789", "2026-03-01 12:00:00.123456"),
    ],
)
def test_a_time_is_understood_in_the_ways_logs_write_it(written: str, meant: str) -> None:
    assert read(HEADER + f"{written},1,2,\n").column("at") == [datetime.fromisoformat(meant)]


@pytest.mark.parametrize(
    "written", ["03/01/2026", "2026-13-01", "2026-02-30T00:00:00Z", "0000-01-01", "infinity", "9999-01-01", "12"]
)
def test_a_time_that_could_be_misread_is_refused(written: str) -> None:
    outcome = read(HEADER + f"{written},1,2,\n,1,2,\n")
    assert problems(outcome) == [(2, "at")]


def test_only_times_without_a_zone_are_said_to_be_assumed() -> None:
    outcome = read(HEADER + "2026-03-01T12:00:00Z,1,2,\n2026-03-01,1,2,\n1772366400,1,2,\n,1,2,\n")
    assert "1 of 3 times carry no zone and are read as UTC." in outcome.imported.notes


# --- Whole files --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "field", "words"),
    [
        (b"", "file", "empty"),
        (b"\xef\xbb\xbf", "file", "empty"),
        (b"\n \n\r\n", "file", "empty"),
        (b"input_tokens,output_tokens\n", "file", "no rows"),
        (b"input_tokens,output_tokens\nx,y\n", "file", "Not one of the 1 rows"),
        (b"PAR1\x00\x00rest", "file", "binary"),
        (b"\x1f\x8b\x08\x00gzip", "file", "UTF-8|binary"),
        ("input_tokens,output_tokens\n1,2\n".encode("utf-16"), "file", "UTF-8"),
        ("input_tokens,output_tokens\n1,2\n".encode("utf-16-le"), "file", "binary"),
        ("input_tokens,output_tokens,user\n1,2,é\n".encode("latin-1"), "file", "UTF-8"),
        (b'{"usage": [{"input_tokens": 1,\n"output_tokens": 2}]}', "file", "data or resourceSpans"),
        (b"2026-03-01,374,44\n2026-03-01,396,109\n", "mapping.input_tokens", "input_tokens"),
        (b"{not json\n", "mapping.input_tokens", "input_tokens"),
    ],
)
def test_a_file_that_holds_no_usage_log_is_refused(content: bytes, field: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words) as refused:
        read(content)
    assert refused.value.extra["field"] == field


def test_the_line_that_is_not_utf8_is_named() -> None:
    with pytest.raises(InvalidInput) as refused:
        read(b"input_tokens,output_tokens\n" + b"1,2\n" * 5 + b"\xff,2\n")
    assert refused.value.extra["line"] == 7


def test_a_file_without_a_usable_row_says_why() -> None:
    with pytest.raises(InvalidInput) as refused:
        read("input_tokens,output_tokens\n\nx,1\n")
    assert refused.value.extra["problems"] == [
        {"line": 3, "field": "input_tokens", "reason": "not a whole number, zero or more", "value": "x"}
    ]


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_field_of_megabytes_is_read_and_the_line_after_it_too(quote: str) -> None:
    outcome = read(HEADER + f",1,2,{quote}{'x' * 5_000_000}{quote}\n,3,4,y\n")
    assert [len(user) for user in outcome.column("user")] == [5_000_000, 1]


@pytest.mark.parametrize(("length", "taken"), [(0, True), (1, False)])
def test_a_line_of_eight_mebibytes_is_the_longest(length: int, taken: bool) -> None:
    line = ",1,2,"
    line += "x" * (clean_text.LONGEST_LINE - len(line) - 1 + length)
    content = HEADER + line + "\n,3,4,y\n"
    if taken:
        assert read(content).imported.rows == 2
    else:
        with pytest.raises(InvalidInput, match="longer than 8 MiB") as refused:
            read(content)
        assert refused.value.extra["line"] == 2


def test_a_carriage_return_alone_ends_a_line_as_it_does_elsewhere() -> None:
    outcome = read(b"input_tokens,output_tokens\r1,2\r\n3,4\n\r\n5,6\r7,8")
    assert outcome.column("input_tokens") == [1, 3, 5, 7]
    assert outcome.column("line") == [2, 3, 5, 6]


def test_text_of_the_user_never_becomes_sql() -> None:
    hostile = "x'); DROP VIEW line; --"
    outcome = read(
        f'"{hostile}",$value,"getvariable(""delimiter"")"\n1,2,"\'; SELECT 1; --"\n',
        {"input_tokens": hostile, "output_tokens": "$value", "user": 'getvariable("delimiter")'},
    )
    assert outcome.rows[0]["user"] == "'; SELECT 1; --"
    assert outcome.rows[0]["input_tokens"] == 1


def test_the_mapping_given_decides() -> None:
    content = "a,b,input_tokens\n1,2,3\n"
    outcome = read(content, {"input_tokens": "a", "output_tokens": "b"})
    assert (outcome.rows[0]["input_tokens"], outcome.rows[0]["output_tokens"]) == (1, 2)
    with pytest.raises(InvalidInput) as refused:
        read(content, {"input_tokens": "c", "output_tokens": "b"})
    assert refused.value.extra["field"] == "mapping.input_tokens"
    assert refused.value.extra["columns"] == ["a", "b", "input_tokens"]


def test_the_format_given_decides() -> None:
    with pytest.raises(InvalidInput):
        read("input_tokens,output_tokens\n1,2\n", file_format="jsonl")


def test_the_order_of_rows_is_that_of_the_lines_in_a_file_of_many_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    source = random.Random(7)
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    counts = [source.randrange(1000) for _ in range(200_000)]
    text = HEADER + "".join(f"{moment + timedelta(seconds=n)},{count},{n},\n" for n, count in enumerate(counts))
    monkeypatch.setattr(clean_text, "PIECE", 1 << 20)
    outcome = read(text)
    assert outcome.column("input_tokens") == counts
    assert outcome.column("output_tokens") == list(range(200_000))
    assert outcome.column("line") == list(range(2, 200_002))


def test_a_prompt_is_one_number_wherever_it_stands_and_what_stands_for_none_is_none() -> None:
    rows = 'hi,a\nhi,a\nhi,b\nhi,\n{},a\n" ",a\n17,a\n'
    table = read("input_tokens,output_tokens,prompt,system\n" + "".join(f"1,1,{row}\n" for row in rows.splitlines()))
    same, again, other, bare, *none = table.column("prompt")
    assert same == again
    assert len({same, other, bare}) == 3
    assert none == [None, None, None]
    texts: list[dict[str, Any]] = [{"prompt": "hi", "system": "a"}, {"prompt": "hi"}, {"prompt": None}, {"prompt": {}}]
    lines = read("\n".join(json.dumps({"input_tokens": 1, "output_tokens": 1, **text}) for text in texts))
    assert lines.column("prompt") == [same, bare, None, None]
    assert read("input_tokens,output_tokens,prompt\n1,1,hi\n", mapping={"prompt": None}).column("prompt") == [None]
