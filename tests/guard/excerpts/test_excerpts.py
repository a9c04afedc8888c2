"""Guard finds what it found in small programs with planted faults, and tells nothing that is right there."""

from pathlib import Path

import pytest

from tests.guard.excerpts.excerpts import names, scores

# How many faults are found by default: in the excerpts that were read, and in those held back. More is better.
FOUND = {
    "await-2": (53, 38),
    "await-3": (57, 0),
    "await-database-4": (91, 0),
    "await-members-5": (91, 0),
    "database": (67, 0),
    "database-2": (25, 20),
    "database-3": (44, 0),
    "environment": (62, 0),
    "environment-2": (37, 18),
    "environment-3": (51, 0),
    "members-2": (29, 23),
    "members-3": (52, 0),
    "members-environment-4": (79, 0),
    "shared": (71, 0),
    "shared-2": (50, 28),
    "shared-3": (64, 0),
    "shared-4": (77, 0),
    "shared-database-5": (77, 0),
}
# What is told of places that are right: one in a half that is held back, and a dictionary of all threads that grows for ever,
# whose key holds whose it is.
TOLD_AND_RIGHT = {("database-2", True): 1, ("shared-4", False): 1}


def test_there_are_excerpts_of_each_family() -> None:
    assert names() == sorted(FOUND)


@pytest.mark.parametrize("held_back", [False, True])
@pytest.mark.parametrize("name", FOUND)
def test_what_was_found_in_excerpts_is_found(name: str, held_back: bool, tmp_path: Path) -> None:
    results = list(scores(name, tmp_path, held_back=held_back))
    assert sum(len(each.found) for each in results) >= FOUND[name][held_back]
    decoys = [decoy for each in results for decoy in each.decoys]
    assert len(decoys) <= TOLD_AND_RIGHT.get((name, held_back), 0)
