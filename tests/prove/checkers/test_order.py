import pytest

from netra.prove.checkers.order import check
from tests.prove.histories import Told


def words(history: Told) -> list[str]:
    return [breach.witness for breach in check(history.records)]


def test_a_reader_that_receives_everything_in_order_is_content() -> None:
    history = Told().event(1, 1).event(1, 2).event(2, 1, thread="u").event(1, 3)
    assert words(history.log(1, [1, 2, 3])) == []


@pytest.mark.parametrize(
    ("seqs", "expected"),
    [
        ([1, 3], "received event 3 of thread t where event 2 was due"),
        ([1, 2, 2], "received event 2 of thread t again"),
        ([1, 2, 1], "received event 1 of thread t again"),
        ([2], "received event 2 of thread t where event 1 was due"),
    ],
)
def test_gaps_repetitions_and_disorder_are_breaches(seqs: list[int], expected: str) -> None:
    history = Told()
    for seq in seqs:
        history.event(1, seq)
    assert len(words(history)) == 1
    assert expected in words(history)[0]


def test_an_event_that_says_something_else_than_the_log_is_a_breach() -> None:
    (witness,) = words(Told().event(1, 1).event(1, 2, digest="d1").log(1, [1, 2]))
    assert "received event 1 of thread t twice, where event 2 was due" in witness
