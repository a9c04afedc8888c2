"""Rows that are counted against the room there is before one more is put in are found; what the database guards is not."""

import pytest

from netra.guard.requests.last_places import last_places
from tests.guard.programs import function, program


def _found(*lines: str) -> list[tuple[str, int, int]]:
    text = "\n".join(["async def book(db, slot, who):", *(f"    {line}" for line in lines)])
    scope = function(program({"example.py": text}), "example.book")
    return [(each.what, each.looked, each.call.line) for each in last_places(scope)]


FULL = ("if taken >= slot.capacity:", "    raise Full")


@pytest.mark.parametrize(
    ("counted", "added", "what"),
    [
        ("await Booking.filter(slot=slot).count()", "await Booking.create(slot=slot)", "Booking"),
        ("Booking.objects.filter(slot=slot).count()", "Booking.objects.create(slot=slot)", "Booking"),
        (
            "await db.scalar(select(func.count(Booking.id)))",
            "db.add(Booking(slot=slot))",
            "Booking",
        ),
        ("db.query(Booking).filter_by(slot=slot).count()", "db.add(Booking(slot=slot))", "Booking"),
        ("await db.bookings.count_documents({'slot': slot})", "await db.bookings.insert_one({'slot': slot})", "db.bookings"),
        (
            "await db.fetchval('select count(*) from bookings')",
            "await db.execute('insert into bookings …')",
            "bookings",
        ),
    ],
)
def test_the_last_place_is_given_to_two(counted: str, added: str, what: str) -> None:
    assert _found(f"taken = {counted}", *FULL, added) == [(what, 3, 5)]


def test_one_is_put_in_within_the_test() -> None:
    assert _found("if await Booking.filter(slot=slot).count() < slot.capacity:", "    await Booking.create(slot=slot)") == [
        ("Booking", 2, 3)
    ]


COUNTED = "taken = await Booking.filter(slot=slot).count()"


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param((COUNTED, "if taken >= LIMIT:", "    raise Full"), id="a setting"),
        pytest.param((COUNTED, "if taken == slot.capacity:", "    raise Full"), id="no room asked for"),
        pytest.param((COUNTED, "if taken >= slot.capacity:", "    warn(slot)"), id="nobody sent away"),
        pytest.param(("slot = await Slot.filter(id=slot).select_for_update().get()", COUNTED, *FULL), id="locked"),
        pytest.param(("taken = await Guest.filter(slot=slot).count()", *FULL), id="others counted"),
    ],
)
def test_nothing_is_said_where_nothing_is_lost(lines: tuple[str, ...]) -> None:
    assert _found(*lines, "await Booking.create(slot=slot)") == []
