import random
import re
from pathlib import Path

from netra.prove import checkers, faults
from netra.prove.answers import NotSupported
from netra.prove.faults import Bites, InjectedFault, Injection, World
from netra.prove.history import History
from netra.prove.verdict import Conclusion, judge
from tests.prove.memory import MemoryTarget

ROOT = Path(__file__).parents[2]
CHECKERS = checkers.load()


def test_every_fault_says_in_a_sentence_what_goes_wrong() -> None:
    for fault in faults.load().values():
        assert re.fullmatch(r"[A-Z].+\.", fault.words), fault.name


def test_every_fault_and_its_numbers_are_in_the_page() -> None:
    page = (ROOT / "docs/prove.md").read_text()
    for fault in faults.load().values():
        assert f"| `{fault.name}` | {' '.join(fault.covers) or '–'} |" in page, fault.name


async def test_a_fault_that_cannot_be_injected_here_makes_a_proof_doubtful() -> None:
    async def inject(_world: World, _tally: Bites) -> None:
        raise NotSupported("no cable is within reach")

    fault = InjectedFault(
        "cable-cut", (), "A cable is cut.", inject, ours=False, stops=False, alone=False, abilities=frozenset()
    )
    history = History()
    await Injection(fault, World(MemoryTarget(lambda *_: None), [], history, random.Random(1))).run()
    verdict = judge(history.records, CHECKERS)
    assert verdict.outcome is Conclusion.INCONCLUSIVE
    assert "cable-cut cannot be injected here: no cable is within reach" in verdict.doubts
