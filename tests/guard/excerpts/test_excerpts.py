"""Guard finds what it found in small programs with planted faults, and tells nothing that is right there."""

from pathlib import Path

import pytest

from tests.guard.excerpts.excerpts import names, scores

# How many faults are found by default: in the excerpts that were read, and in those held back. More is better.
FOUND = {
    "await-2": (53, 35),
    "await-3": (57, 0),
    "database": (35, 18),
    "database-2": (25, 18),
    "database-3": (43, 0),
    "environment": (35, 16),
    "environment-2": (37, 18),
    "environment-3": (51, 0),
    "members-2": (29, 21),
    "members-3": (52, 0),
    "shared": (37, 15),
    "shared-2": (50, 24),
    "shared-3": (63, 0),
}
# What is told of places that are right, in the half that is held back.
TOLD_AND_RIGHT = {"database-2": 1}


def test_there_are_excerpts_of_each_family() -> None:
    assert names() == sorted(FOUND)


@pytest.mark.parametrize("held_back", [False, True])
@pytest.mark.parametrize("name", FOUND)
def test_what_was_found_in_excerpts_is_found(name: str, held_back: bool, tmp_path: Path) -> None:
    results = list(scores(name, tmp_path, held_back=held_back))
    assert sum(len(each.found) for each in results) >= FOUND[name][held_back]
    decoys = [decoy for each in results for decoy in each.decoys]
    assert len(decoys) <= (TOLD_AND_RIGHT.get(name, 0) if held_back else 0)
