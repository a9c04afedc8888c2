"""Netra with a known defect each, and what it takes to see it: a proof that cannot fail proves nothing.

`defects/` has one file a defect; `load` gives them all. `python -m tests.prove.mutants NAME serve …` is `netra serve …` with
the defect in it, and `python -m tests.prove.mutants.trial` tries them all. Nothing here imports Netra before its code is
edited.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Final

from tests.prove.mutants.edit import Edit


@dataclass(frozen=True, slots=True)
class Attack:
    """The smallest attack that shows a defect. Equal attacks are one control."""

    faults: tuple[str, ...] = ()
    users: int = 2
    seconds: float = 5
    pace: float = 0.3
    """Seconds between two things that a user does, on average."""
    seed: int = 1
    settle: float = 8
    """Seconds that what was begun gets to come to its end, where the defect lets it."""
    settings: Mapping[str, str] = field(default_factory=dict, hash=False)
    """`NETRA_*` of the servers, beside those of every proof."""


@dataclass(frozen=True, slots=True)
class Defect:
    """Something that is wrong with a server."""

    edits: tuple[Edit, ...]
    """What makes the defect of Netra's code."""
    checkers: tuple[str, ...]
    """Who has to see it: one of these."""
    within: float
    """Seconds from the first sign-up to the verdict, at most, on two cores."""
    attack: Attack
    name: str = ""
    """That of its file."""
    words: str = ""
    """The first sentence of its file."""


DEFECTS: Final = Path(__file__).with_name("defects")


def load() -> Mapping[str, Defect]:
    """Every defect by its name."""
    found = {}
    for module in sorted(iter_modules([str(DEFECTS)]), key=lambda each: each.name):
        contents = import_module(f"tests.prove.mutants.defects.{module.name}")
        name = module.name.replace("_", "-")
        words = " ".join((contents.__doc__ or "").strip().split("\n\n")[0].split())
        given: Defect = contents.DEFECT
        found[name] = Defect(given.edits, given.checkers, given.within, given.attack, name, words)
    return found


def program(name: str) -> Sequence[str]:
    """The command that starts `netra` with this defect in it, from the root of the repository."""
    return (sys.executable, "-m", "tests.prove.mutants", name)
