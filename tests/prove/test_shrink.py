from netra.prove.checkers.order import check
from netra.prove.shrink import minimal, shrink
from tests.prove.histories import Told


def test_of_a_long_history_only_what_fails_is_left() -> None:
    history = Told()
    for seq in range(1, 200):
        for user in range(5):
            history.event(user, seq)
    history.event(3, 150)
    kept = shrink(history.records, check)
    assert len(kept) <= 2
    assert {record.user for record in kept} == {3}
    assert list(check(kept))


def test_a_history_that_holds_has_nothing_to_shrink() -> None:
    assert shrink(Told().event(1, 1).records, check) == ()


def test_nothing_of_what_is_left_can_be_left_out() -> None:
    assert sorted(minimal(range(50), lambda some: {7, 31} <= {*some})) == [7, 31]


def test_patience_has_an_end() -> None:
    history = Told()
    for seq in range(1, 50):
        history.event(1, seq)
    history.event(1, 1)
    assert list(check(shrink(history.records, check, most=3)))
