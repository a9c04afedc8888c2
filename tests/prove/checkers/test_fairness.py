from netra.prove.checkers.fairness import ENOUGH, check, p99
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


def test_the_flooder_is_no_neighbour() -> None:
    assert paced(0.3, 5.0, user=2) == []


def test_what_two_faults_did_together_is_neithers() -> None:
    assert paced(0.3, 0.7, also=True) == []


def test_the_99th_percentile() -> None:
    assert p99([*range(100)]) == 99
    assert p99([1.0]) == 1.0
