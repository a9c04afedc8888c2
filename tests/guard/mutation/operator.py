"""How an operator is made: a function that yields the places where it can put its fault, under a decorator that names it."""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import Final

from tests.guard.mutation.target import Site, Target
from tests.guard.mutation.witness import Witness

Sites = Callable[[Target, Witness], Iterator[Site]]


@dataclass(frozen=True, slots=True)
class Operator:
    """One class of fault. A finding of one of `families`, the first of which it is counted under, is one that finds it."""

    name: str
    families: str
    since: bool
    """It can only be seen beside the program as it was before."""
    sites: Sites

    @property
    def family(self) -> str:
        return self.families[0]

    @property
    def summary(self) -> str:
        return inspect.cleandoc(self.sites.__doc__ or "").split("\n")[0]


OPERATORS: Final[dict[str, Operator]] = {}


def operator(name: str, families: str, *, since: bool = False) -> Callable[[Sites], Sites]:
    """Make a function an operator."""

    def register(sites: Sites) -> Sites:
        assert name not in OPERATORS, f"there are two operators {name}"
        OPERATORS[name] = Operator(name, families, since, sites)
        return sites

    return register


def load() -> dict[str, Operator]:
    """Every operator by its name, in order of family."""
    package = import_module("tests.guard.mutation.operators")
    for module in iter_modules(package.__path__):
        if not module.name.startswith("test_"):
            import_module(f"{package.__name__}.{module.name}")
    return dict(sorted(OPERATORS.items(), key=lambda each: (each[1].families, each[0])))
