import pytest

from netra.prove.checkers.recovery import check
from tests.prove.histories import Told


def after_a_fault(*served: float, tried: float = 60.0, bites: int = 1) -> list[str]:
    history = Told()
    history.at(10).see("fault", "gateway-killed", ended=True, began_at=9.0, bites=bites, stops=True)
    for at in served:
        history.at(at).done("read_log", 1)
    history.at(tried).done("read_log", 1, result="unknown")
    return [breach.witness for breach in check(history.records)]


def test_a_server_that_is_back_in_time_has_recovered() -> None:
    assert after_a_fault(24.0) == []


def test_one_that_takes_longer_has_not() -> None:
    assert after_a_fault(31.0) == ["gateway-killed was over at 10.0 s, and the server served only 21.0 s later"]
    assert after_a_fault() == ["gateway-killed was over at 10.0 s, and the server served never again"]


def test_a_proof_that_ended_before_tells_nothing() -> None:
    assert after_a_fault(tried=20.0) == []


def test_a_fault_that_bit_nobody_asks_for_no_recovery() -> None:
    assert after_a_fault(bites=0) == []


@pytest.mark.parametrize(
    ("seconds", "result", "expected"),
    [
        (14.0, "ok", []),
        (16.0, "ok", ["a disk that was full was over at 5.0 s, and the server served only 16.0 s later"]),
        (14.0, "fail", ["a disk that was full was over at 5.0 s, and the server served never again"]),
    ],
)
def test_a_server_that_is_asked_alone_serves_again_in_time(seconds: float, result: str, expected: list[str]) -> None:
    history = Told()
    operation = history.at(5).invoke("recover", 1, what="a disk that was full")
    history.at(5 + seconds).see(result, "recover", 1, operation)  # type: ignore[arg-type]
    assert [breach.witness for breach in check(history.records)] == expected
