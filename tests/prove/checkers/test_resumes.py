from typing import Any

import pytest

from netra.prove.checkers.resumes import check
from tests.prove.histories import Told

WHOLE = [(seq, f"d{seq}") for seq in range(1, 6)]


def words(must: str, result: str = "ok", after: int = 2, **answer: Any) -> list[str]:
    history = Told()
    whole = history.invoke("read_whole", 1, thread="t")
    history.see("ok", "read_whole", 1, whole, events=WHOLE)
    given = {"of": whole, "must": must, "after": after, "way": "socket", "what": "at event 2"}
    history.done("resume", 1, given, result, **answer)
    return [breach.witness.partition(" at event 2, ")[2] for breach in check(history.records)]


def test_the_exact_rest_is_a_resume() -> None:
    assert words("suffix", reset=None, events=WHOLE[2:]) == []


def test_what_came_later_is_nobodys_business() -> None:
    assert words("suffix", reset=None, events=[*WHOLE[2:], (6, "new")]) == []


def test_a_reset_gives_everything_that_there_is() -> None:
    assert words("reset", reset="cursor_ahead", after=99, events=WHOLE) == []
    assert words("reset", reset="cursor_ahead", after=99, events=WHOLE[1:]) == [
        "and what it got is not the rest: event 1 is missing"
    ]


def test_what_is_refused_for_now_or_never_answered_tells_nothing() -> None:
    assert words("suffix", "fail", status=429, limited=True) == []
    assert words("suffix", "unknown", why="Timeout") == []


def test_a_refusal_is_right_where_one_is_due() -> None:
    assert words("refuse", "fail", status=422) == []


@pytest.mark.parametrize(
    ("must", "answer", "expected"),
    [
        ("suffix", {"reset": None, "events": WHOLE[3:]}, "and what it got is not the rest: event 3 is missing"),
        ("suffix", {"reset": None, "events": WHOLE[1:]}, "and what it got is not the rest: it is [2, 3, 4, 5], not [3, 4, 5]"),
        ("suffix", {"reset": None, "events": [*WHOLE[2:4], (5, "x")]}, "and event 5 has other bytes than an uninterrupted"),
        ("suffix", {"reset": "epoch_changed", "events": WHOLE}, "and was told to forget what it had (epoch_changed)"),
        ("reset", {"reset": None, "events": WHOLE[2:]}, "and was told of no reset"),
        ("refuse", {"reset": None, "events": WHOLE}, "and was given 5 events"),
    ],
)
def test_everything_else_is_a_breach(must: str, answer: dict[str, Any], expected: str) -> None:
    (found,) = words(must, **answer)
    assert found.startswith(expected)


def test_a_good_cursor_that_is_refused_is_a_breach() -> None:
    assert words("suffix", "fail", status=404) == ["and was refused (404)"]
