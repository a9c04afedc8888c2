"""What must hold, each as a pure function of a history: records in, breaches out. `load` gives them all, by name."""

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from netra.prove.history import Seen
from netra.prove.targets import Ability


@dataclass(frozen=True, slots=True)
class Breach:
    """Something that must not be, and was."""

    checker: str
    witness: str
    """What happened, in words: who, what, when."""
    records: tuple[Seen, ...]
    """The lines of the history that prove it."""


Check = Callable[[Sequence[Seen]], Iterable[Breach]]


@dataclass(frozen=True, slots=True)
class Checker:
    """One thing that must hold."""

    name: str
    promise: str
    """What it promises, as a sentence."""
    check: Check
    needs: frozenset[Ability] = frozenset()
    """What a server has to be able to do for this to be judged at all."""


def load() -> Mapping[str, Checker]:
    """Every checker by its name, in order."""
    found = {}
    for each in sorted(pkgutil.iter_modules(__path__), key=lambda each: each.name):
        module = importlib.import_module(f"{__name__}.{each.name}")
        name = each.name.replace("_", "-")
        promise = (module.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ")
        found[name] = Checker(name, promise, module.check, getattr(module, "NEEDS", frozenset()))
    return found
