import pytest

from netra.prove.checkers.leaks import check
from tests.prove.histories import Told


def measured(before: float, after: float, room: float) -> list[str]:
    history = Told()
    history.see("measured", "open files", process="gateway 1", when="before", value=before)
    history.see("measured", "open files", process="gateway 1", when="after", value=after, room=room)
    return [breach.witness for breach in check(history.records)]


def test_what_returns_to_where_it_was_is_no_leak() -> None:
    assert measured(40, 44, room=5) == []


def test_what_stays_is_one() -> None:
    assert measured(40, 90, room=5) == [
        "open files of gateway 1: 40 before, 90 after everybody had gone (at most 5 more is fair)"
    ]


def gone(seconds: float, *, closed: bool) -> list[str]:
    history = Told()
    operation = history.at(1).invoke("vanish", 7, limit=20.0)
    history.at(1 + seconds).see("ok", "vanish", 7, operation, closed=closed)
    return [breach.witness for breach in check(history.records)]


def test_a_client_that_is_gone_is_let_go_of_in_time() -> None:
    assert gone(19, closed=True) == []


def test_a_connection_of_nobody_that_stays_open_is_a_leak() -> None:
    words = "user 7 was gone without a word at 1.0 s, and the server let go of them"
    assert gone(22, closed=True) == [f"{words} after 22.0 s (it has 20 s)"]
    assert gone(40, closed=False) == [f"{words} never (it has 20 s)"]


@pytest.mark.parametrize(
    ("value", "told"), [(900, []), (1200, ["at 3.0 s 1200 bytes of user 4 were kept (at most 1000 are fair)"])]
)
def test_what_is_kept_for_a_reader_who_takes_nothing_has_a_bound(value: int, told: list[str]) -> None:
    history = Told().at(3)
    history.see("measured", "bytes", 4, when="kept", value=value, room=1000)
    assert [breach.witness for breach in check(history.records)] == told
