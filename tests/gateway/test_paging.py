from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netra.errors import InvalidInput
from netra.gateway.paging import decode_place, encode_place, page_of


@given(st.datetimes(timezones=st.just(UTC)), st.uuids())
def test_a_cursor_leads_back_to_its_place(at: datetime, item_id: object) -> None:
    assert decode_place(encode_place(at, item_id)) == (at, item_id)  # type: ignore[arg-type]  # Hypothesis says object


@given(st.text(max_size=100))
def test_any_other_text_is_refused_by_the_field(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        decode_place(text)
    assert refused.value.extra == {"field": "cursor"}


def test_a_page_leads_on_from_its_last_item_only_where_more_was_found() -> None:
    places = [(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=nth), UUID(int=nth)) for nth in range(3)]
    assert page_of(places, 2, lambda place: place) == (places[:2], encode_place(*places[1]))
    assert page_of(places, 3, lambda place: place) == (places, None)
    assert page_of([], 3, lambda place: place) == ([], None)


def test_a_time_without_a_zone_is_no_place() -> None:
    naive = encode_place(datetime(2026, 1, 1), "0198c0de-0000-7000-8000-000000000001")  # type: ignore[arg-type]  # noqa: DTZ001
    with pytest.raises(InvalidInput):
        decode_place(naive)
