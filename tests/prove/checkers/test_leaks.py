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
