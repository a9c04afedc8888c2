from datetime import UTC, datetime
from pathlib import Path

import pytest

from netra.prove.checkers import load
from netra.prove.output import json
from netra.prove.verdict import judge
from netra.report.model import Defect, Evidence, ReportRefused, Risk, Source
from netra.report.sources.prove import fault_bit, promise_held, read
from tests.prove.histories import Told
from tests.report.examples import NOW

RECORDED = Path(__file__).with_name("recorded") / "verdict.json"
"""Of a real run: `netra prove --self --users 6 --seconds 20 --faults readers-cut,gateway-killed --seed 11`."""


def of(history: Told) -> Evidence:
    verdict = judge(history.records)
    written = json.write(verdict, seed=7, command="netra prove --seed 7", began_at=NOW, smallest=())
    return read(written.encode(), "verdict.json")


def bitten(history: Told, fault: str, bites: int = 3) -> Told:
    history.see("fault", fault, began=True)
    history.see("fault", fault, ended=True, began_at=0.0, bites=bites)
    return history


def test_a_recorded_proof_is_read_as_it_is() -> None:
    evidence = read(RECORDED.read_bytes(), "verdict.json")
    assert (evidence.source, evidence.defects, evidence.doubts) == (Source.PROVE, (), ())
    assert {fault_bit("readers-cut"), fault_bit("gateway-killed"), promise_held("foreign-marks")} <= evidence.coverage.names
    assert 6 * 20 < evidence.coverage.effort < 6 * 120
    assert evidence.looked_at.startswith("6 users, ")
    assert evidence.looked_at.endswith("2 faults that bit")
    assert evidence.began_at == datetime(2026, 11, 26, 11, 28, 18, tzinfo=UTC)


def test_breaches_of_one_promise_are_one_defect_with_its_first_witnesses() -> None:
    history = bitten(Told().done("read_log", 1), "readers-cut")
    for user in range(5):
        history.at(12.4).event(user, 1).event(user, 1)
    (defect,) = of(history).defects
    assert defect == Defect(
        source=Source.PROVE,
        key="order",
        name="order",
        what=load()["order"].promise,
        impact="Users see events missing, twice, or in the wrong order.",
        risk=Risk.DELIVERY,
        verify="netra prove --seed 7",
        where="5 witnesses",
        proof=tuple(f"at 12.4 s user {user} received event 1 of thread t again (reader)" for user in range(3)),
        scope=(promise_held("order"), fault_bit("readers-cut")),
    )


def test_a_breach_that_a_fault_has_caused_bears_its_name() -> None:
    history = Told().done("read_log", 1)
    history.see("fault", "gateway-killed", began=True)
    history.at(5).see("fault", "gateway-killed", ended=True, began_at=1.0, bites=1, stops=True, neighbours=[])
    history.at(60).done("read_log", 1)
    defects = {each.key: each.scope for each in of(history).defects}
    assert defects["recovery gateway-killed"] == (promise_held("recovery"), fault_bit("gateway-killed"))


def test_a_proof_in_doubt_shows_that_no_promise_holds() -> None:
    evidence = of(bitten(Told().done("read_log", 1).event(1, 1).log(1, [1]), "readers-cut", bites=0))
    assert evidence.doubts == ("readers-cut was injected and bit nobody",)
    assert evidence.coverage.names == frozenset()


def test_a_proof_without_faults_is_in_doubt() -> None:
    evidence = of(Told().done("read_log", 1).event(1, 1).log(1, [1]))
    assert evidence.doubts == ("nothing went wrong meanwhile: no fault was injected",)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"verdict": "splendid"}'], ids=["empty", "list", "other"])
def test_what_no_proof_has_written_is_refused_with_what_would_write_it(content: bytes) -> None:
    with pytest.raises(ReportRefused, match=r"`netra prove --self --json verdict\.json` writes one"):
        read(content, "verdict.json")
