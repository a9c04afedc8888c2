"""Where a name that is gone has gone to: the same body, the same members or the same value under another name or elsewhere.

Two things are alike by the share of what they are made of that both have (Dice's coefficient, 0 to 1). Wrong advice is worse
than none, so a new place counts only when nothing else comes near it.
"""

from collections import Counter
from collections.abc import Iterable
from difflib import SequenceMatcher
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import Assignment, Expression, dotted, last_name
from netra.guard.members.presence import members
from netra.guard.revisions.comparison import Comparison, Named, comparison, names_of
from netra.guard.symbols import ClassSymbol, FunctionSymbol, ModuleSymbol

# How much alike two things must be that share their name, their container, or neither.
SAME_NAME: Final = 0.5
SAME_CONTAINER: Final = 0.65
ELSEWHERE: Final = 0.9

# By how much the best must be better than the next.
MARGIN: Final = 0.1

# What a name that is nearly the same adds to likeness.
CLOSENESS: Final = 0.3

# Fewer parts than this are alike by chance: `return self._x` is every getter.
FEW: Final = 6

# Values that many names have.
EVERYDAY: Final = frozenset({"none", "constant", "other"})


class Places:
    """New places of names that are gone, each looked for once."""

    def __init__(self, compared: Comparison) -> None:
        self._compared = compared
        self._parts: dict[int, Counter[object]] = {}
        self._found: dict[str, Named | None] = {}

    def of(self, gone: Named) -> Named | None:
        """Where a name has gone; None when nothing is enough like it, or several things are."""
        if gone.full_name not in self._found:
            self._found[gone.full_name] = self._handed_on(gone) if gone.what == "import" else self._best(gone)
        return self._found[gone.full_name]

    def _handed_on(self, gone: Named) -> Named | None:
        """Of a name that a module imported and so handed on: where it is defined, if it still is."""
        match gone.symbol:
            case ModuleSymbol() as module:
                today = self._compared.now.modules.get(module.name)
                return None if today is None else Named("module", gone.name, today, None, 1, today)
            case FunctionSymbol() | ClassSymbol() as symbol:
                where, name = symbol.module.name, symbol.name
            case _:
                return None
        today = self._compared.now.modules.get(where)
        if today is None or today.library:
            return None
        return next((each for each in names_of(self._compared.now, today) if each.name == name and each.what != "import"), None)

    def _best(self, gone: Named) -> Named | None:
        scored = sorted(
            ((score, each) for each in self._compared.fresh.get(gone.what, ()) if (score := self._score(gone, each)) > 0),
            key=lambda pair: -pair[0],
        )
        if not scored or (len(scored) > 1 and scored[1][0] > scored[0][0] - MARGIN):
            return None
        return scored[0][1]

    def _score(self, gone: Named, each: Named) -> float:
        """How much alike two names are; 0 when that is not enough. One that kept its name counts for more."""
        same_name = gone.name == each.name
        same_container = gone.container == each.container
        if gone.owner is not None and not same_container:
            return 0  # the class is there still: a method of the same name elsewhere belongs to somebody else
        if isinstance(gone.symbol, Assignment) and isinstance(each.symbol, Assignment):
            return self._score_values(gone, each)
        if not self._comparable(gone, each) or (_is_private(each.name) and not _is_private(gone.name)):
            return 0  # nobody is told to use what was made private
        close = SequenceMatcher(None, gone.name, each.name).ratio() * CLOSENESS
        one, other = self._made_of(gone), self._made_of(each)
        alike = _dice(one, other)
        if same_name:
            return alike + CLOSENESS if alike >= SAME_NAME or one == other else 0
        if one.total() < FEW:
            return 0
        return alike + close if alike >= (SAME_CONTAINER if same_container else ELSEWHERE) else 0

    def _comparable(self, gone: Named, each: Named) -> bool:
        return gone.symbol is not None and type(gone.symbol) is type(each.symbol)

    def _score_values(self, gone: Named, each: Named) -> float:
        one, other = gone.symbol, each.symbol
        assert isinstance(one, Assignment)
        assert isinstance(other, Assignment)
        telling = one.value[0] not in EVERYDAY and one.value not in (("list", ()), ("dict", ()), ("tuple", ()), ("string", ""))
        same_value = one.value == other.value and one.value[0] != "call"
        if gone.name == each.name:
            return 1.5 if same_value and telling else 1.0 if one.value[0] == other.value[0] and telling else 0
        if gone.container != each.container:
            return 0
        if gone.what == "enum member":
            return 1.0 if same_value and telling else 0
        close = SequenceMatcher(None, gone.name, each.name).ratio()
        if one.annotation is not None and one.annotation == other.annotation:
            return close if close >= SAME_CONTAINER else 0
        return close if same_value and telling and close >= SAME_NAME else 0

    def _made_of(self, each: Named) -> Counter[object]:
        symbol = each.symbol
        key = id(symbol)
        if key not in self._parts:
            match symbol:
                case FunctionSymbol():
                    self._parts[key] = _of_function(symbol)
                case ClassSymbol():
                    self._parts[key] = _of_class(symbol)
                case ModuleSymbol():
                    program = self._compared.then if symbol in self._compared.then.own else self._compared.now
                    self._parts[key] = Counter(
                        (one.what, one.name) for one in names_of(program, symbol) if one.what != "import"
                    )
                case _:
                    self._parts[key] = Counter()
        return self._parts[key]


def places(analysis: Analysis) -> Places:
    """The new places of what is gone in this run."""
    compared = analysis.once(comparison)
    assert compared is not None
    return Places(compared)


def _is_private(name: str) -> bool:
    return name.startswith("_")


def _dice(one: Counter[object], other: Counter[object]) -> float:
    total = one.total() + other.total()
    return 2 * (one & other).total() / total if total else 0.0


def _of_function(function: FunctionSymbol) -> Counter[object]:
    facts = function.facts
    parts: Counter[object] = Counter()
    parts.update(("parameter", each.name, each.position) for each in facts.parameters if each.name not in ("self", "cls"))
    parts.update(("call", dotted(call.callee) or last_name(call.callee), len(call.arguments)) for call in facts.calls)
    parts.update(("keyword", name) for call in facts.calls for name, _ in call.keywords)
    parts.update(("store", last_name(each.target)) for each in facts.assignments)
    parts.update(("text", text) for call in facts.calls for text in _texts(call.arguments))
    parts.update(("return", each.how, each.value[0]) for each in facts.returned)
    parts.update(("block", each.what) for each in facts.blocks)
    parts.update(("name", each) for each in facts.loads if each not in ("self", "cls"))
    return parts


def _texts(expressions: Iterable[Expression]) -> list[str]:
    return [each[1] for each in expressions if each[0] == "string"]


def _of_class(kind: ClassSymbol) -> Counter[object]:
    parts: Counter[object] = Counter(("member", name) for name in members(kind))
    parts.update(("base", last_name(base)) for base in kind.facts.bases)
    for name, assigned in kind.body.assigned.items():
        parts["field", name, assigned[0].annotation] += 1
    return parts
