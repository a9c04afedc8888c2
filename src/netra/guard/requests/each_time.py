"""Whether a way leads from who is served to a place, each time anew: not only the first time, and not past a `return`.

A call graph knows who calls whom. A literal that a call passes may end the function it calls before it gets anywhere
(`_initialize(disabled=True)`), and what stands under `if _store is None:` runs once for the process.
"""

from collections import deque
from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import NOTHING, Expression
from netra.guard.meaning.reaching import always_leaves
from netra.guard.requests.passing import pairs
from netra.guard.requests.serving import MAKING, Serving
from netra.guard.requests.singletons import is_cached_for_all
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine, TypeOf

# Functions, each with what its parameters must be, that are looked at on the way up.
MOST: Final = 400

# That a parameter is true, or is not.
Demand = tuple[str, bool]
Demands = frozenset[Demand]


class EachTime:
    """Answers whether calls lead to a function whenever somebody is served; use `analysis.once(EachTime)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._serving = analysis.once(Serving)

    def leads(self, function: FunctionSymbol, line: int) -> bool:
        """Some way from an entry point gets to a line of a function."""
        entries = self._analysis.reach.entries
        if is_once(function, line):
            return False
        start = (function, demands(function, line))
        if self._is_on_the_way(*start):
            return True
        seen, waiting = {start}, deque([start])
        while waiting:
            at, needed = waiting.popleft()
            entry = entries.get(at)
            if (entry is not None and entry.serves and at in self._serving) or len(seen) > MOST:
                return True
            for caller, where in self._analysis.reach.callers(at):
                if caller not in self._serving or is_once(caller, where):
                    continue
                for above in self._above(caller, where, at, needed):
                    if (further := (caller, above | demands(caller, where))) not in seen:
                        seen.add(further)
                        waiting.append(further)
        return False

    def _is_on_the_way(self, function: FunctionSymbol, needed: Demands) -> bool:
        """The way by which the walk from the entry points came there can be gone again."""
        while (before := self._serving.before(function)) is not None:
            caller, line = before
            above = None if is_once(caller, line) else next(self._above(caller, line, function, needed), None)
            if above is None:
                return False
            function, needed = caller, above | demands(caller, line)
        return True

    def _above(self, caller: FunctionSymbol, line: int, function: FunctionSymbol, needed: Demands) -> Iterator[Demands]:
        """What parameters of the caller must be for a function to get what it needs, for each call that may pass that."""
        calls = [*self._given(caller, line, function)]
        for given in calls:
            passed = [(given.get(name) or _default(function, name), wanted) for name, wanted in needed]
            if all(_truth(value) in (None, wanted) for value, wanted in passed):
                yield frozenset(
                    (value[1], wanted)
                    for value, wanted in passed
                    if value is not None
                    and value[0] == "name"
                    and value[1] in caller.parameters
                    and not caller.assigned.get(value[1])
                )
        if not calls:
            yield frozenset()

    def _given(self, caller: FunctionSymbol, line: int, function: FunctionSymbol) -> Iterator[dict[str, Expression]]:
        """What the calls on a line give the parameters of a function; nothing where they are not found, or spread something."""
        for call in caller.facts.calls:
            spreads = any(each[0] == "star" for each in call.arguments) or any(name == "**" for name, _ in call.keywords)
            if call.line != line or spreads:
                continue
            match self._analysis.receivers.value(call.callee, caller):
                case Routine(function=found, bound=bound) if found is function:
                    yield dict(pairs(call, function, 1 if bound and function.owner is not None else 0))
                case TypeOf(kind=kind) if function.name in MAKING and function.owner in self._analysis.program.order(kind)[0]:
                    yield dict(pairs(call, function, 1))


def _default(function: FunctionSymbol, name: str) -> Expression | None:
    return function.facts.parameters[function.parameters[name]].default


def demands(function: FunctionSymbol, line: int) -> Demands:
    """What parameters must be so that a line is reached: `if disabled: return` stands before it."""
    found: set[Demand] = set()
    for block in function.facts.blocks:
        if block.what not in ("if", "else") or len(block.expressions) != 1:
            continue
        demand = _demand(block.expressions[0], function)
        if demand is None:
            continue
        name, truth = demand
        if block.line <= line <= block.end_line:
            found.add((name, truth if block.what == "if" else not truth))
        elif block.end_line < line and block.what == "if" and always_leaves(block, function):
            found.add((name, not truth))
    return frozenset(found)


def _demand(test: Expression, function: FunctionSymbol) -> Demand | None:
    match test:
        case ("name", str(name)) if name in function.parameters and not function.assigned.get(name):
            return name, True
        case ("not", inner):
            found = _demand(inner, function)
            return None if found is None else (found[0], not found[1])
    return None


def _truth(value: Expression | None) -> bool | None:
    match value:
        case ("constant", "bool", bool(known)):
            return known
        case ("none",):
            return False
    return None


def is_once(function: FunctionSymbol, line: int) -> bool:
    """`if _store is None: _store = …`, and `if _store is not None: return _store` above: the line is reached the first time.

    So it is with all of a function that keeps what it has made for whoever asks.
    """
    if is_cached_for_all(function) and not function.parameters:
        return True
    for block in function.facts.blocks:
        if block.what == "if" and len(block.expressions) == 1:
            place, missing = _place(block.expressions[0])
            if place not in _filled(function):
                continue
            inside = block.line <= line <= block.end_line
            if (inside and missing) or (not missing and block.end_line < line and always_leaves(block, function)):
                return True
    return False


def _place(test: Expression) -> tuple[Expression, bool]:
    """What a test asks for, and whether it asks that it is missing."""
    match test:
        case ("compare", (place, other), ("Is",)) if other == NOTHING:
            return place, True
        case ("compare", (place, other), ("IsNot",)) if other == NOTHING:
            return place, False
        case ("not", place):
            return place, True
    return test, False


def _filled(function: FunctionSymbol) -> Iterator[Expression]:
    """The variables of its module that a function gives a value, and does not empty again."""
    facts = function.facts
    emptied = [each.target for each in facts.assignments if each.value in (NOTHING, ("constant", "bool", False))]
    for each in facts.assignments:
        if each.target[0] == "name" and each.target[1] in facts.globals and each.target not in emptied:
            yield each.target
