from netra.prove.checkers.access import check
from tests.prove.histories import Told


def words(history: Told) -> list[str]:
    return [breach.witness for breach in check(history.records)]


def test_a_refusal_as_expected_is_right() -> None:
    assert words(Told().done("probe", 1, {"what": "a token", "expected": [401]}, status=401)) == []


def test_an_answer_where_a_refusal_was_due_is_a_breach() -> None:
    history = Told().done("probe", 1, {"what": "a forged token", "expected": [401]}, status=200)
    assert words(history) == ["at 0.0 s probe (a forged token) of user 1 was answered 200, not 401"]


def test_two_refusals_that_tell_apart_are_a_breach() -> None:
    given = {"what": "GET /x", "expected": [404], "same_as": "unknown"}
    assert words(Told().done("probe", 1, given, status=404, body="unknown")) == []
    assert "one refusal can be told from another" in words(Told().done("probe", 1, given, status=404, body="not yours"))[0]


def test_what_nobody_knows_is_no_breach() -> None:
    assert words(Told().done("probe", 1, {"expected": [401]}, "unknown")) == []


def test_an_event_after_the_token_has_run_out_is_a_breach() -> None:
    assert words(Told().event(1, 7, late=21.4)) == [
        "at 0.0 s user 1 received event 7 21 s after the token of that connection had run out"
    ]
