import pytest

from netra.prove.checkers.run_ends import check
from tests.prove.histories import Told

WHOLE = [("run_queued", ""), ("agent_started", ""), ("tool_executing", "c"), ("tool_completed", "c"), ("agent_completed", "")]


def words(events: list[tuple[str, str]]) -> list[str]:
    return [breach.witness for breach in check(Told().log(1, [1], runs={"r": events}).records)]


def test_a_run_that_begins_once_and_ends_once_is_whole() -> None:
    assert words(WHOLE) == []


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        (WHOLE[:-1], "has no end: its last event is tool_completed"),
        ([*WHOLE, ("agent_failed", "")], "ended 2 times: agent_completed, agent_failed"),
        ([*WHOLE, ("message_delta", "")], "went on after its end: agent_completed, then message_delta"),
        ([WHOLE[1], *WHOLE], "began 2 times"),
        ([WHOLE[1], WHOLE[2], WHOLE[-1]], "tells of its call c as tool_executing"),
        ([WHOLE[1], WHOLE[2], WHOLE[3], WHOLE[3], WHOLE[-1]], "tool_executing, tool_completed, tool_completed"),
    ],
)
def test_everything_else_is_a_breach(events: list[tuple[str, str]], expected: str) -> None:
    found = words(events)
    assert len(found) == 1
    assert expected in found[0]


def test_where_a_run_without_an_end_stands_is_told_with_it() -> None:
    told = Told().log(1, [1], runs={"r": WHOLE[:1], "s": WHOLE})
    told.see("said", "standings", runs={"r": "queued, no lane"})
    (breach,) = check(told.records)
    assert breach.witness == "run r of user 1 has no end: its last event is run_queued (queued, no lane)"


def test_a_run_that_was_accepted_and_then_forgotten_is_a_breach() -> None:
    history = Told().done("start_run", 1, {}, run="r", thread="t").log(1, [1], runs={"other": WHOLE})
    assert "its thread knows nothing of it" in next(iter(check(history.records))).witness
    unread = Told().done("start_run", 1, {}, run="r", thread="t")
    assert list(check(unread.records)) == []


@pytest.mark.parametrize(("state", "attempt"), [("running", 3), ("failed", 2), ("failed", 4), ("completed", 1)])
def test_a_run_that_kills_its_workers_is_given_up_after_its_attempts_and_not_before(state: str, attempt: int) -> None:
    def judged(state: str, attempt: int) -> list[str]:
        told = Told().done("deadly_run", 1, {"attempts": 3}, run="r", state=state, attempt=attempt)
        return [breach.witness for breach in check(told.records)]

    assert judged("failed", 3) == []
    assert judged(state, attempt) == [
        f"user 1's run r, which kills its worker every time, is {state} after {attempt} attempts, of 3 that it has"
    ]
