"""Tools of agents: what a model asks for, with arguments that it has written."""

from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.entries.sorts import LISTENER
from netra.guard.facts import last_name
from netra.guard.symbols import FunctionSymbol

# How a tool is called by the program that hands it to a model.
CALLED: Final = frozenset("call run arun execute aexecute invoke ainvoke forward _call _run _arun __call__".split())


def is_tool(analysis: Analysis, scope: FunctionSymbol) -> bool:
    """A method of a class that is a tool by its name or by that of a class above it, or what a framework hands to a model."""
    entry = analysis.reach.entries.get(scope)
    if entry is not None and entry.sort == LISTENER and "tool" in entry.label.lower():
        return True
    if scope.owner is None:
        return False
    order, _ = analysis.program.order(scope.owner)
    above = (last_name(base) or "" for each in order for base in each.facts.bases)
    return scope.name in CALLED and any(each.endswith("Tool") for each in above)
