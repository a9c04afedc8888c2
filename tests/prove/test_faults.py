import re
from pathlib import Path

from netra.prove import faults

ROOT = Path(__file__).parents[2]


def test_every_fault_says_in_a_sentence_what_goes_wrong() -> None:
    for fault in faults.load().values():
        assert re.fullmatch(r"[A-Z].+\.", fault.words), fault.name


def test_every_fault_and_its_numbers_are_in_the_page() -> None:
    page = (ROOT / "docs/prove.md").read_text()
    for fault in faults.load().values():
        assert f"| `{fault.name}` | {' '.join(fault.covers) or '–'} |" in page, fault.name
