import random

import pytest

from netra.prove import faults
from netra.prove.faults import Injection, World
from netra.prove.history import History
from netra.prove.proof import ProofPlan, ProofRun
from tests.prove.memory import MemoryTarget


@pytest.mark.parametrize("name", ["readers-cut", "all-return-at-once", "readers-paused", "cancel-storm", "sent-fifty-times"])
async def test_a_fault_of_clients_bites_and_is_recorded_from_its_beginning_to_its_end(name: str) -> None:
    proof = ProofRun(ProofPlan(4, 6, 1, (FAULTS[name],), pace=0.05), History())
    await proof.attack(MemoryTarget(proof.heard))
    told = [record for record in proof.history if record.kind == "fault"]
    assert [bool(record.data.get("ended")) for record in told] == [False, True]
    assert told[1].data["bites"] > 0
    assert told[1].data["began_at"] == told[0].at


async def test_without_readers_nobody_is_bitten() -> None:
    world = World(MemoryTarget(lambda *_: None), [], History(), random.Random(1), return_within=0.1)
    injection = Injection(FAULTS["all-return-at-once"], world)
    await injection.run()
    assert injection.tally.bites == 0


FAULTS = faults.load()
