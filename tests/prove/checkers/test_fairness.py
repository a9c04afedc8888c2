import pytest

from netra.prove.checkers.fairness import ENOUGH, at_least, check, p99
from tests.prove.histories import Told


def paced(calm: float, during: float, user: int = 1, also: bool = False) -> list[str]:
    history = Told()
    for number in range(ENOUGH):
        at = number / ENOUGH
        operation = history.at(at).invoke("read_log", 1, timed=True)
        history.at(at + calm).see("ok", "read_log", 1, operation)
    for number in range(ENOUGH):
        at = 10 + number / ENOUGH
        operation = history.at(at).invoke("read_log", user, timed=True)
        history.at(at + during).see("ok", "read_log", user, operation)
    history.at(20).see("fault", "one-floods", ended=True, began_at=10.0, bites=1, neighbours=[1])
    if also:
        history.at(12).see("fault", "database-paused", ended=True, began_at=11.0, bites=1, neighbours=[])
    return [breach.witness for breach in check(history.records)]


def test_neighbours_that_keep_their_pace_are_treated_fairly() -> None:
    assert paced(0.3, 0.5) == []


def test_neighbours_that_slow_down_are_not() -> None:
    assert paced(0.3, 0.7) == ["during one-floods its neighbours' p99 was 700 ms, of 300 ms without"]


def test_a_few_milliseconds_are_noise() -> None:
    assert paced(0.01, 0.1) == []


def test_one_slow_operation_of_fifty_is_chance() -> None:
    history = Told()
    for number in range(2 * ENOUGH):
        at = 10 * (number >= ENOUGH) + number / ENOUGH
        operation = history.at(at).invoke("read_log", 1, timed=True)
        history.at(at + (5.0 if number == 2 * ENOUGH - 1 else 0.3)).see("ok", "read_log", 1, operation)
    history.at(30).see("fault", "one-floods", ended=True, began_at=10.0, bites=1, neighbours=[1])
    assert list(check(history.records)) == []


@pytest.mark.parametrize(("hits", "tries", "expected"), [(0, 7, 1.0), (1, 2, 0.0199), (2, 2, 0.0001), (3, 100, 0.0794)])
def test_how_probable_so_many_slow_ones_are(hits: int, tries: int, expected: float) -> None:
    assert at_least(hits, tries, 0.01) == pytest.approx(expected, abs=1e-4)


def test_the_flooder_is_no_neighbour() -> None:
    assert paced(0.3, 5.0, user=2) == []


def test_what_two_faults_did_together_is_neithers() -> None:
    assert paced(0.3, 0.7, also=True) == []


def test_the_99th_percentile() -> None:
    assert p99([*range(100)]) == 99
    assert p99([1.0]) == 1.0
