import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from netra.prove import faults
from netra.prove.answers import NotSupported
from netra.prove.command import Order, able, chosen, judge_again, prove, watched
from netra.prove.history import History
from netra.prove.proof import ProofPlan, ProofRun
from netra.prove.targets import Ability
from netra.prove.targets.netra import NetraTarget
from netra.prove.verdict import Conclusion
from tests.prove.histories import Told


def console() -> Console:
    return Console(record=True, width=160, file=io.StringIO())


def test_against_a_url_only_those_faults_are_chosen_that_a_client_can_cause() -> None:
    assert {fault.name for fault in chosen(["all"], ours=False)} == {
        name for name, fault in faults.load().items() if not fault.ours
    }
    assert len(chosen(["all"], ours=True)) == len(faults.load())
    assert chosen(["none"], ours=True) == ()


@pytest.mark.parametrize(
    ("name", "words"), [("worker-kiled", "there is no fault 'worker-kiled'"), ("worker-killed", "it needs --self")]
)
def test_a_fault_that_cannot_be_is_told(name: str, words: str) -> None:
    with pytest.raises(NotSupported, match=words):
        chosen([name], ours=False)


def test_faults_that_make_no_sense_against_a_server_are_left_out_and_refused_by_name() -> None:
    known = tuple(faults.load().values())
    left = able(known, ["all"], frozenset({Ability.RESUME}))
    assert {"readers-cut", "every-error"} <= {fault.name for fault in left}
    assert not {"sent-fifty-times", "forged-tokens"} & {fault.name for fault in left}
    with pytest.raises(NotSupported, match="sent-fifty-times needs what this server cannot do: keys"):
        able(known, ["sent-fifty-times"], frozenset())


def test_a_recorded_history_is_judged_again(tmp_path: Path) -> None:
    Told().at(12.4).event(4, 1).event(4, 1).save(tmp_path / "history.jsonl")
    told = console()
    assert judge_again(tmp_path / "history.jsonl", told) is Conclusion.BREACH
    text = told.export_text()
    assert "at 12.4 s user 4 received event 1 of thread t again" in text
    assert "The smallest history that still fails has 2 of 2 records" in text


async def test_without_a_terminal_each_phase_and_each_fault_is_a_line() -> None:
    told, proof = console(), ProofRun(ProofPlan(2, 1, 1), History())
    async with watched(proof, told):
        proof.on_phase("attacking")
        proof.history.see("fault", "readers-cut", began=True)
        proof.history.see("fault", "readers-cut", ended=True, began_at=0.0, bites=3)
        proof.history.see("event", "message_delta", 1)
    words = [" ".join(line.split()[2:]) for line in told.export_text().splitlines()]
    assert words == ["attacking", "readers-cut", "readers-cut is over: 3 bites"]


def test_nobody_at_the_url_is_told_in_words() -> None:
    order = Order(("http://127.0.0.1:1",), 2, 1.0, 1, ("none",), 1.0)
    with pytest.raises(NotSupported, match="does not answer as a Netra server does"):
        prove(order, console())


def test_a_history_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text(json.dumps({"not": "ours"}) + "\n")
    with pytest.raises(ValueError, match="no line of a history"):
        judge_again(tmp_path / "x.jsonl", console())


def test_without_an_older_build_nothing_is_upgraded() -> None:
    known = tuple(faults.load().values())
    assert "upgraded-while-serving" not in {fault.name for fault in able(known, ["all"], NetraTarget.abilities)}
