from netra.prove.checkers.foreign_marks import check
from tests.prove.histories import Told


def test_a_foreign_mark_is_told_with_who_saw_whose_where_and_when() -> None:
    history = Told().at(12.4)
    history.see("foreign", "WebSocket", 17, owner=4, excerpt="about mark-00", where="event 31 of thread t")
    (breach,) = check(history.records)
    assert breach.witness == "at 12.4 s user 17 received the mark of user 4 in event 31 of thread t: …about mark-00…"
    assert breach.records == tuple(history.records)


def test_a_log_of_the_server_is_a_sink_as_well() -> None:
    history = Told()
    history.see("foreign", "worker-1.log", owner=4, excerpt="x")
    assert "the server wrote into worker-1.log" in next(iter(check(history.records))).witness


def test_a_history_without_one_is_clean() -> None:
    assert list(check(Told().event(1, 1).records)) == []
