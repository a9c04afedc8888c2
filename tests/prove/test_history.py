from pathlib import Path

import pytest

from netra.prove.history import History, Seen, operations
from tests.prove.histories import Told


def test_a_history_is_read_as_it_was_written(tmp_path: Path) -> None:
    history = Told().at(1.5).done("start_run", 3, {"key": "k", "text": "ä\n"}, run="r").event(3, 1)
    history.save(tmp_path / "history.jsonl")
    assert History.load(tmp_path / "history.jsonl").records == history.records


def test_a_line_of_somebody_else_is_named(tmp_path: Path) -> None:
    (tmp_path / "history.jsonl").write_text('[0,"said","x",-1,-1,{}]\n{"no": "record"}\n')
    with pytest.raises(ValueError, match=r"history\.jsonl:2: this is no line of a history"):
        History.load(tmp_path / "history.jsonl")


def test_an_operation_without_an_outcome_is_unknown() -> None:
    history = Told().done("a", 1).done("b", 1, result="fail").done("c", 1, result="never")
    assert [(each.name, each.result) for each in operations(history)] == [("a", "ok"), ("b", "fail"), ("c", "unknown")]
    assert operations(history)[2].seconds is None


def test_whoever_listens_hears_every_record() -> None:
    heard: list[Seen] = []
    history = History()
    history.listening = heard.append
    history.see("said", "something")
    assert heard == history.records
