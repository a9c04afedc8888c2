from netra.prove.checkers.durability import check
from tests.prove.histories import Told


def words(*, synced: bool) -> list[str]:
    history = Told().at(4)
    history.see("measured", "acknowledgement", process=101, line=7, synced=synced)
    return [breach.witness for breach in check(history.records)]


def test_what_is_on_disk_may_be_told() -> None:
    assert words(synced=True) == []


def test_what_is_told_before_is_a_breach() -> None:
    who = "at 4.0 s process 101 of the database had said that a transaction is committed"
    assert words(synced=False) == [f"{who} before it was on disk (line 7 of the record)"]
