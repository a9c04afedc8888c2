"""What is put somewhere in one place of the program and taken out in another, as far as the code shows what it is.

    self.rooms: dict[int, Room] = {}          # and `self.rooms[number] = Room()` elsewhere
    _current: ContextVar[Account] = ContextVar("account")

No annotation has to be believed for it: all that the program puts there is looked at.
"""

from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import Final, TypeAlias

from netra.guard.analysis import Analysis
from netra.guard.facts import OTHER, TOP, Assignment, Expression
from netra.guard.lazily import lazily
from netra.guard.meaning.containers import FILLING, SINGLE, fills
from netra.guard.members.rows import Kinds, in_order, together
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol, VariableSymbol

Ask: TypeAlias = Callable[[Expression, FunctionSymbol], Kinds | None]
Filled: TypeAlias = tuple[FunctionSymbol, Expression, Expression | None]

CONTEXT: Final = External("contextvars.ContextVar")
MAKING_EMPTY: Final = frozenset("dict list set OrderedDict WeakValueDictionary deque".split())
# What puts one thing into a container.
ONE_BY_ONE: Final = frozenset({"append", "add", "setdefault"})
# Of more places nobody can say anything in a reasonable time.
MOST_PLACES: Final = 24


class KeptThings:
    """Answers about one program; `shown` says of which classes an expression is made, and `once` keeps an answer."""

    def __init__(
        self, analysis: Analysis, shown: Ask, once: Callable[[object, Callable[[], Kinds | None]], Kinds | None]
    ) -> None:
        self._program = analysis.program
        self._shown = shown
        self._once = once

    def taken_out(self, index: int, scope: FunctionSymbol, ask: Ask) -> Kinds | None:
        """`KINDS.get(name, Store)`: one of what is in there, or what is given in its place."""
        call = scope.facts.calls[index]
        held = self.held(call.callee[1], scope, ask)
        return None if held is None else together([held, *(ask(each, scope) for each in call.arguments[1:])])

    def held(self, container: Expression, scope: FunctionSymbol, ask: Ask) -> Kinds | None:
        """What a list or dictionary holds that is written down once, and into which only its own module puts more."""
        match self._program.evaluate(container, scope):
            case VariableSymbol(scope=where, name=name) if name not in where.parameters:
                return self._once((where, name, ask.__name__), partial(self._put_into, where, name, ask))
        if container[0] == "attribute" and ask == self._shown:
            return self.in_attribute(container, scope, walked=False)
        return None

    def _put_into(self, where: FunctionSymbol, name: str, ask: Ask) -> Kinds | None:
        match where.assigned.get(name):
            case [Assignment(how="=" | "annotated", value=written)]:
                pass
            case _:
                return None
        match written:
            case ("list" | "tuple" | "set", parts):
                found = [None if part[0] == "star" else ask(part, where) for part in parts]
            case ("dict", pairs):
                found = [None if key == OTHER else ask(part, where) for key, part in pairs]
            case ("comprehension", "ListComp" | "SetComp" | "DictComp", element):
                found = [ask(element, where)]
            case _:
                return None
        target: Expression = ("name", name)
        for scope in where.module.functions:
            if name not in scope.facts.loads or (scope is not where and name in scope.bound):
                continue
            for each in scope.facts.assignments:
                if each.target[0] == "subscript" and each.target[1] == target and each.how != "delete":
                    found.append(ask(each.value, scope) if each.how == "=" else None)
            for call in scope.facts.calls:
                if call.callee[0] == "attribute" and call.callee[1] == target and call.callee[2] in FILLING:
                    found.append(ask(call.arguments[-1], scope) if call.callee[2] in ONE_BY_ONE and call.arguments else None)
        return together(found) or None

    def is_filled(self, name: str, where: FunctionSymbol) -> bool:
        """Somebody in the module puts something into what a name holds."""
        target: Expression = ("name", name)
        for scope in where.module.functions:
            if name not in scope.facts.loads or (scope is not where and name in scope.bound):
                continue
            if fills(scope, target):
                return True
        return False

    def in_attribute(self, container: Expression, scope: FunctionSymbol, *, walked: bool) -> Kinds | None:
        """What `self.rooms` holds, by all that the program puts into what is called so."""
        owners = self._shown(container[1], scope)
        if not owners:
            return None
        name = container[2]
        return together(
            self._once((owner, name, "in", walked), partial(self.in_container, owner, name, walked=walked))
            for owner in in_order(owners)
        )

    def in_container(self, owner: ClassSymbol, name: str, *, walked: bool = False) -> Kinds | None:
        """What a list or dictionary holds that the objects of a class keep under a name.

        `walked`: it is gone through as it is, which gives the keys of a dictionary.
        """
        found: list[Kinds | None] = []
        family = [*self._program.order(owner)[0], *self._program.subclasses.get(owner, ())]
        for kind in dict.fromkeys(family):
            if name in kind.methods:
                return None
            given = [(kind.body, each) for each in kind.body.assigned.get(name, ())]
            for scope, each in (*given, *kind.set_on_self.get(name, ())):
                if each.how == "declared" or (scope is kind.body and _is_described(each, scope)):
                    continue
                parts = _written(each, scope, walked=walked)
                if parts is None:
                    return None
                found += [self._shown(part, scope) for part in parts]
        filled = self._filled.get(name, ())
        if len(filled) > MOST_PLACES:
            return None
        for scope, _, value in filled:
            if not scope.module.in_tests:
                found.append(None if value is None else self._shown(value, scope))
        return together(found) or None

    @lazily
    def _filled(self) -> dict[str, list[Filled]]:
        """What is put into anything that is read as an attribute, by the name of the attribute; None for what is not seen."""
        found: dict[str, list[Filled]] = defaultdict(list)
        for scope in self._program.scopes:
            for each in scope.facts.assignments:
                match each.target:
                    case ("subscript", ("attribute", owner, str(name)), _) if each.how != "delete":
                        found[name].append((scope, owner, each.value if each.how == "=" else None))
        for scope, _, call in self._program.calls_of(sorted(FILLING)):
            match call.callee:
                case ("attribute", ("attribute", owner, str(name)), str(way)):
                    value = call.arguments[-1] if call.arguments and way in {*SINGLE, "insert", "setdefault"} else None
                    found[name].append((scope, owner, value))
        return found

    def of_context(self, holder: Expression, scope: FunctionSymbol) -> Kinds | None:
        """What `holder.get()` gives of a `ContextVar`: what it has by default, and all that is set."""
        match self._program.evaluate(holder, scope):
            case VariableSymbol(scope=where, name=name) as variable if where.facts.sort == TOP:
                pass
            case _:
                return None
        match where.assigned.get(name):
            case [Assignment(how="=" | "annotated", value=("call", int(index)))]:
                making = where.facts.calls[index]
            case _:
                return None
        callee = making.callee[1] if making.callee[0] == "subscript" else making.callee
        if self._program.evaluate(callee, where) != CONTEXT:
            return None
        found = [self._shown(value, where) for key, value in making.keywords if key == "default"]
        for setting, _, call in self._program.calls_of(("set",)):
            if setting.module.in_tests or call.callee[0] != "attribute":
                continue
            if self._program.evaluate(call.callee[1], setting) == variable:
                found.append(self._shown(call.arguments[0], setting) if call.arguments else None)
        return together(found) if found else None


def _is_described(each: Assignment, scope: FunctionSymbol) -> bool:
    """`rooms: dict[int, Room] = field(default_factory=dict)`: each object has one of its own, and empty."""
    if each.annotation is None or each.value[0] != "call":
        return False
    call = scope.facts.calls[each.value[1]]
    made = [value for key, value in call.keywords if key == "default_factory"]
    return call.callee[-1] in ("field", "Field") and made in ([("name", "dict")], [("name", "list")])


def _written(each: Assignment, scope: FunctionSymbol, *, walked: bool) -> list[Expression] | None:
    """What a container holds from the beginning; None where that is not written down."""
    if each.how not in ("=", "annotated"):
        return None
    match each.value:
        case ("list" | "set" | "tuple", parts) if not any(part[0] == "star" for part in parts):
            return [*parts]
        case ("dict", pairs) if not walked and not any(key == ("other",) for key, _ in pairs):
            return [value for _, value in pairs]
        case ("comprehension", "ListComp" | "SetComp", element):
            return [element]
        case ("comprehension", "DictComp", element) if not walked:
            return [element]
        case ("call", int(index)):
            call = scope.facts.calls[index]
            callee = call.callee[1] if call.callee[0] == "subscript" else call.callee
            made = callee[-1]
            if made in MAKING_EMPTY and not call.arguments and not call.keywords:
                return None if walked and made.lower().endswith("dict") else []
    return None
