from netra.prove.checkers.plan_changes import check
from tests.prove.histories import Told


def words(history: Told) -> list[str]:
    return [breach.witness for breach in check(history.records)]


def changed() -> Told:
    return Told().at(10).done("change_plan", 1, plan="pro", readers=["reader"])


def test_a_change_that_is_heard_of_in_time_is_right() -> None:
    assert words(changed().at(14).event(1, 1, name="plan_changed", plan="pro")) == []


def test_one_that_is_heard_of_late_or_never_is_a_breach() -> None:
    late = changed().at(16.5).event(1, 1, name="plan_changed", plan="pro")
    assert words(late) == ["user 1's plan became pro at 10.0 s, and reader heard of it only after 6.5 s"]
    assert "never" in words(changed())[0]


def test_another_users_change_is_no_answer() -> None:
    assert "never" in words(changed().event(2, 1, name="plan_changed", plan="pro"))[0]


def test_a_reader_that_was_cut_hears_of_it_when_it_is_back() -> None:
    history = changed()
    history.at(11).see("measured", "disconnected", 1, reader="reader")
    assert words(history) == []
