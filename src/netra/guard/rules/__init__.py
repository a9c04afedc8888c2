"""The rules, one a file. `load` imports them all; importing one registers it."""

import importlib
import pkgutil
from collections.abc import Mapping

from netra.guard.rule import RULES, Rule


def load() -> Mapping[str, Rule]:
    """Every rule by its code, in order."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return dict(sorted(RULES.items()))
