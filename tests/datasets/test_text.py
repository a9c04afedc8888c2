"""The text of a file, cut where records end; what is no text is refused (tests/datasets/test_importer.py has more of that)."""

from pathlib import Path

import pytest

from netra.datasets import text
from netra.datasets.text import SourceText, cut
from netra.errors import InvalidInput


def test_pieces_end_where_records_do_and_know_how_many_lines_came_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text, "PIECE", 10)
    lines = [f'{number},"a\nb"\n' for number in range(20)]
    pieces = list(cut(lines, tmp_path))
    written = [piece.path.read_text() for piece in pieces]
    assert all(piece.quoted for piece in pieces)
    assert len(pieces) > 3
    assert "".join(written) == "".join(lines)
    assert all(part.count('"') % 2 == 0 for part in written)
    assert [piece.lines_before for piece in pieces] == ["".join(written[:place]).count("\n") for place in range(len(written))]


def test_every_line_end_becomes_a_line_feed_and_a_byte_order_mark_goes(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"\xef\xbb\xbfa\r\nb\rc\n")
    assert "".join(SourceText(tmp_path / "file")) == "a\nb\nc\n"


def test_a_line_longer_than_the_bound_is_refused_by_its_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "LONGEST_LINE", 1 << 20)
    with pytest.raises(InvalidInput, match="Line 2 is longer than 1 MiB") as refused:
        list(cut(["short\n", "x" * (1 << 19), "x" * (1 << 20)], tmp_path))
    assert refused.value.extra["line"] == 2
