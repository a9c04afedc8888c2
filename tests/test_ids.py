"""Ids sort by time, never repeat, and have one spelling."""

import time
import uuid

from hypothesis import given
from hypothesis import strategies as st

from netra.ids import new_uuid, parse_uuid


def test_a_new_id_is_a_uuid_of_version_7() -> None:
    made = new_uuid()
    assert (made.version, made.variant) == (7, uuid.RFC_4122)


def test_an_id_carries_the_millisecond_it_was_made_in() -> None:
    before = time.time_ns() // 1_000_000
    made = new_uuid().int >> 80
    after = time.time_ns() // 1_000_000
    assert before <= made <= after


def test_no_id_is_made_twice() -> None:
    assert len({new_uuid() for _ in range(10_000)}) == 10_000


@given(st.uuids())
def test_an_id_is_read_back_from_what_it_shows(value: uuid.UUID) -> None:
    assert parse_uuid(str(value)) == value


@given(st.uuids())
def test_other_spellings_of_an_id_are_no_ids(value: uuid.UUID) -> None:
    # Two spellings of one id would be two keys in a cache, and one of them could belong to nobody.
    for spelling in (value.hex, f"{{{value}}}", f"urn:uuid:{value}", f" {value}", f"{value}\n"):
        assert parse_uuid(spelling) is None, spelling


@given(st.text())
def test_any_text_is_an_id_or_is_refused_without_an_error(text: str) -> None:
    value = parse_uuid(text)
    assert value is None or str(value) == text.lower()
