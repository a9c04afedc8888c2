"""What a reader is owed: the exact suffix after its cursor, or a reset that says why."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra.errors import InvalidInput
from netra.streams.cursor import Cursor, Position, resume

numbers = st.integers(min_value=0, max_value=10**18)


@st.composite
def positions(draw: st.DrawFn) -> Position:
    tail, head = sorted((draw(st.integers(0, 50)), draw(st.integers(0, 50))))
    return Position(draw(st.integers(1, 5)), tail, head)


@given(positions(), st.builds(Cursor, st.integers(-5, 60), st.none() | st.integers(0, 6)))
def test_a_reader_gets_the_suffix_after_what_it_has_or_a_reset_and_all_there_is(position: Position, cursor: Cursor) -> None:
    owed = resume(position, cursor)
    same_epoch = cursor.epoch in (None, position.epoch)
    if same_epoch and position.tail <= cursor.seq <= position.head:
        assert (owed.after, owed.reset) == (cursor.seq, None)
    else:
        assert owed.after == position.tail
        assert owed.reset in {"epoch_changed", "cursor_ahead", "history_trimmed"}


@pytest.mark.parametrize(
    ("cursor", "reason"),
    [
        (Cursor(7, 1), "epoch_changed"),
        (Cursor(11, 2), "cursor_ahead"),
        (Cursor(4, 2), "history_trimmed"),
        (Cursor(0), "history_trimmed"),
        (Cursor(-1), "history_trimmed"),
        (Cursor(5, 2), None),
        (Cursor(10, 2), None),
    ],
)
def test_the_reason_of_a_reset_names_what_happened(cursor: Cursor, reason: str | None) -> None:
    assert resume(Position(epoch=2, tail=5, head=10), cursor).reset == reason


@given(numbers, numbers)
def test_a_cursor_is_read_as_it_was_written(seq: int, epoch: int) -> None:
    cursor = Cursor(seq, epoch)
    assert Cursor.parse(str(cursor)) == cursor


@pytest.mark.parametrize(
    "text", ["", "/", "1", "1/", "/1", "a/1", "1/b", "-1/2", "1/-2", "1/2/3", "1 /2", "¹/2", "1/٣", "1/" + "9" * 40]
)
def test_what_is_no_cursor_is_refused_by_the_name_of_its_header(text: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        Cursor.parse(text)
    assert refusal.value.extra == {"field": "Last-Event-ID"}


@given(st.text(max_size=60))
def test_no_text_does_anything_but_parse_or_be_refused(text: str) -> None:
    try:
        cursor = Cursor.parse(text)
    except InvalidInput:
        return
    assert cursor.seq >= 0
    assert cursor.epoch is not None and cursor.epoch >= 0
