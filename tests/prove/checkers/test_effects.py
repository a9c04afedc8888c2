from netra.prove.checkers.effects import check
from tests.prove.histories import Told


def words(history: Told) -> list[str]:
    return [breach.witness for breach in check(history.records)]


def test_one_key_is_one_run_however_often_it_was_sent() -> None:
    given = {"key": "k", "mark": "mark-1 request 1."}
    history = Told().done("start_run", 1, given, run="r", thread="t").done("start_run", 1, given, run="r", thread="t")
    history.done("start_run", 1, given, "unknown").log(1, [1], started={"r": "mark-1 request 1."})
    assert words(history) == []


def test_two_runs_for_one_key_are_a_breach() -> None:
    given = {"key": "k", "mark": "m"}
    history = Told().done("start_run", 1, given, run="r", thread="t").done("start_run", 1, given, run="s", thread="t")
    assert words(history) == ["user 1 sent the key k 2 times and got 2 runs"]


def test_the_same_key_of_two_users_is_two_keys() -> None:
    history = Told()
    for user, run in ((1, "r"), (2, "s")):
        history.done("start_run", user, {"key": "k", "mark": f"m{user}"}, run=run, thread="t")
    assert words(history) == []


def test_a_request_that_was_never_answered_and_yet_done_twice_is_a_breach() -> None:
    history = Told().done("start_run", 1, {"key": "k", "mark": "m"}, "unknown").log(1, [1], started={"r": "m", "s": "m"})
    assert words(history) == ["one request of user 1 (m) has become 2 runs: r, s"]
