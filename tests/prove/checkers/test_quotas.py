from netra.prove.checkers.quotas import check
from tests.prove.histories import Told

GIVEN = {"tool": "t", "allowance": 3}


def uses(*results: str) -> Told:
    history = Told()
    for result in results:
        history.done("use_tool", 1, GIVEN, result, limited=result == "fail")
    return history


def words(history: Told) -> list[str]:
    return [breach.witness for breach in check(history.records)]


def test_exactly_the_allowance_is_right() -> None:
    assert words(uses("ok", "ok", "ok", "fail", "fail")) == []


def test_one_use_more_is_a_breach() -> None:
    assert words(uses("ok", "ok", "ok", "ok")) == ["user 1 used t 4 times, of an allowance of 3"]


def test_a_refusal_before_the_last_use_is_a_breach() -> None:
    assert words(uses("ok", "ok", "fail")) == ["user 1 was refused t after 2 uses of an allowance of 3"]


def test_what_nobody_knows_may_have_been_counted() -> None:
    assert words(uses("ok", "ok", "unknown", "fail")) == []


def test_another_refusal_says_nothing_of_the_allowance() -> None:
    assert words(Told().done("use_tool", 1, GIVEN, "fail", limited=False)) == []
