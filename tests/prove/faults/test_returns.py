"""Who comes back to where they do not belong, on a server that asks and on one that does not."""

import pytest

from netra.prove import checkers, faults
from netra.prove.faults import returns
from netra.prove.history import History
from netra.prove.proof import ProofPlan, ProofRun
from netra.prove.verdict import Conclusion, Judgement, judge
from tests.prove.memory import MemoryTarget

CHECKERS, FAULTS = checkers.load(), faults.load()


@pytest.fixture(autouse=True)
def _briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    # In memory nothing is late.
    monkeypatch.setattr(returns, "LISTEN_FOR", 0.3)


async def judged(name: str, *, careless: bool) -> Judgement:
    proof = ProofRun(ProofPlan(3, 3, 1, (FAULTS[name],), pace=0.05), History())
    target = MemoryTarget(proof.heard)
    target.careless = careless
    await proof.attack(target)
    return judge(proof.history.records, CHECKERS)


@pytest.mark.parametrize("name", ["other-peoples-threads", "history-replaced"])
async def test_a_server_that_asks_is_proved_right(name: str) -> None:
    verdict = await judged(name, careless=False)
    assert verdict.outcome is Conclusion.PROVED, (verdict.doubts, verdict.breaches[:3])


async def test_a_thread_that_is_shown_to_whoever_knows_its_id_is_caught() -> None:
    verdict = await judged("other-peoples-threads", careless=True)
    assert {breach.checker for breach in verdict.breaches} == {"access", "foreign-marks"}


async def test_a_cursor_of_another_epoch_that_is_taken_for_one_of_this_is_caught() -> None:
    verdict = await judged("history-replaced", careless=True)
    assert {breach.checker for breach in verdict.breaches} == {"order"}
    assert "where event 1 was due (a reader with a cursor of another epoch)" in verdict.breaches[0].witness
