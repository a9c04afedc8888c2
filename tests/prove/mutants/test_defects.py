"""Every defect can be made of Netra as it is now, is looked for by somebody, and is in the page."""

import subprocess
from pathlib import Path

import pytest

from netra.env import for_subprocess
from netra.prove import checkers, faults
from tests.prove.mutants import Defect, load, program
from tests.prove.mutants.edit import check
from tests.prove.mutants.trial import BEGINS, ENDS, PAGE

ROOT = Path(__file__).parents[3]
DEFECTS = load()
each = pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS.keys())


def test_the_ten_defects_that_a_proof_was_designed_to_catch_are_there() -> None:
    assert [*DEFECTS] == [
        "commit-after-ack",
        "cursor-on-a-serial",
        "expiry-ignored-after-connect",
        "fence-ignored",
        "hint-only-delivery",
        "no-epoch",
        "owner-check-dropped",
        "session-level-set",
        "shared-handler",
        "unbounded-queue",
    ]


@each
def test_a_defect_can_be_made_of_the_code_as_it_is(defect: Defect) -> None:
    assert defect.edits
    check(defect.edits)


@each
def test_a_defect_is_looked_for_by_a_checker_that_exists_with_faults_that_exist(defect: Defect) -> None:
    assert {*defect.checkers} <= {*checkers.load()}
    assert {*defect.attack.faults} <= {*faults.load()}
    assert defect.words.endswith(".")


def test_the_page_tells_of_every_defect_who_catches_it() -> None:
    block = PAGE.read_text("utf-8").partition(BEGINS)[2].partition(ENDS)[0]
    told = [line.split(" | ") for line in block.splitlines() if line.startswith("| `")]
    assert [row[0].strip("| `") for row in told] == [*DEFECTS]
    assert [row[3] for row in told if row[3] not in DEFECTS[row[0].strip("| `")].checkers] == []


def test_a_defect_that_does_not_exist_is_answered_with_those_that_do() -> None:
    done = subprocess.run(
        program("no-such-defect"), cwd=ROOT, env=for_subprocess(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert all(name in done.stderr for name in DEFECTS)
