"""Guard finds what it found in small programs with planted faults, and tells nothing that is right there."""

from pathlib import Path

import pytest

from tests.guard.excerpts.excerpts import names, scores

# How many faults are found by default: in the excerpts that were read, and in those held back. More is better.
FOUND = {"database": (35, 15), "environment": (34, 12), "shared": (44, 12)}


def test_there_are_excerpts_of_each_family() -> None:
    assert names() == sorted(FOUND)


@pytest.mark.parametrize("held_back", [False, True])
@pytest.mark.parametrize("name", FOUND)
def test_what_was_found_in_excerpts_is_found(name: str, held_back: bool, tmp_path: Path) -> None:
    results = list(scores(name, tmp_path, held_back=held_back))
    assert sum(len(each.found) for each in results) >= FOUND[name][held_back]
    assert [decoy for each in results for decoy in each.decoys] == []
