"""What a method keeps of what it is given, seen from the calls that give it: `cache.put(key, value)`.

The method itself says nothing of users, and is called for many. Whether what it keeps is somebody's, and whether the key tells
whose, only a call can tell; and whether the object is shared, too, where some objects of its class are and others are not.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import BODY, NOTHING, TOP, Assignment, Block, CallSite, Expression, last_name
from netra.guard.lazily import lazily
from netra.guard.meaning.expressions import within
from netra.guard.requests.passing import pairs
from netra.guard.requests.serving import Serving
from netra.guard.requests.sharing import Sharing, Write
from netra.guard.requests.slots import Slot
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine, Step

# Stores outside of the process, by their names; how they are asked and told, and which argument is what they are told.
STORES: Final = ("redis", "valkey", "memcache")
ASKING: Final = frozenset({"get", "aget"})
OUTSIDE: Final = dict.fromkeys(ASKING, 0) | {"set": 1, "aset": 1, "setex": 2}


# Methods of what keeps something, or is asked for it.
KEEPING: Final = frozenset("setdefault update append appendleft insert extend get".split())


class Keeping(NamedTuple):
    """A function keeps, or looks for, something in a place: in an attribute of its `self`, or in a shared one."""

    function: FunctionSymbol
    place: Expression
    key: tuple[str, ...]
    """The parameters of which the key is made; none where the place has room for one value."""
    value: tuple[str, ...]
    """The parameters of which the value is made; none where something is looked for."""
    how: str
    line: int
    column: int
    texts: tuple[str, ...] = ()
    """Of a store outside of the process, the texts in its key: what lies under others lies elsewhere."""
    under: Expression = NOTHING
    """All of the key, in which the function may have put more than it is told."""
    kept: Expression = NOTHING
    """What it keeps, as it says it itself: the parameter as it is, or what it has made of it."""

    @property
    def takes_any(self) -> bool:
        """It keeps what it is told under names that the call makes up: `def tag(self, **tags)`."""
        return any(each.position == "keywords" and each.name in self.value for each in self.function.facts.parameters)


class Storing:
    """Answers what calls put into shared places, and look for there, by way of the functions that they call."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._sharing = analysis.once(Sharing)
        self._serving = analysis.once(Serving)

    @lazily
    def told(self) -> tuple[tuple[Write, Keeping], ...]:
        """What calls put into shared places, as if they did it themselves, each with what does it."""
        return tuple(
            (Write(caller, slot, each.how, key, value, call.line, call.column, call.end_line), each)
            for each in self._keepings
            if each.value
            for caller, call, slot, given in self._reached(each)
            if (value := _all_of(each.value, given, each.function)) is not None
            for key in ((_all_of(each.key, given, each.function),) if each.key else (None,))
            if key is not None or not each.key
        )

    def asks(self, scope: FunctionSymbol, slot: Slot, key: Expression) -> bool:
        """A function looks for something in a place under a key, by way of another."""
        return any(asked == slot.key and under == key for asked, under in self._asked.get(scope, ()))

    def is_asked(self, slot: Slot) -> bool:
        """Somebody looks for something in a place, under whatever key, by way of a function that is given the key."""
        return any(asked == slot.key for found in self._asked.values() for asked, _ in found)

    def is_looked_for(self, slot: Slot) -> bool:
        """Methods of the class whose object keeps it look there for what whoever asks names: `_, tool = self.tools[name]`."""
        return any(
            each.place[-1] == slot.name
            and each.function.owner is not None
            and each.function.owner.full_name == slot.owner
            and each.place[0] == "attribute"
            for each in self._asking
        )

    def looks(self, keeping: Keeping) -> bool:
        """A function that keeps something under a key looks for it there as well: `cache.get_or_make(key, make)`."""
        return any(keeping.function is each.function and keeping.place == each.place for each in self._asking)

    @lazily
    def _asking(self) -> tuple[Keeping, ...]:
        return tuple(each for each in self._keepings if not each.value)

    @lazily
    def _asked(self) -> dict[FunctionSymbol, list[tuple[tuple[str, str], Expression]]]:
        found: dict[FunctionSymbol, list[tuple[tuple[str, str], Expression]]] = {}
        for each in self._asking:
            for caller, _, slot, given in self._reached(each):
                if (key := _all_of(each.key, given, each.function)) is not None:
                    found.setdefault(caller, []).append((slot.key, key))
        return found

    def _reached(self, keeping: Keeping) -> Iterator[tuple[FunctionSymbol, CallSite, Slot, dict[str, Expression]]]:
        """The calls of a function on what is shared, while somebody is served, with what they give its parameters."""
        function = keeping.function
        for caller, index in self._analysis.program.calls_named.get(function.name, ()):
            if caller not in self._serving:
                continue
            call = caller.facts.calls[index]
            match self._analysis.receivers.value(call.callee, caller):
                case Routine(function=found) if found is function:
                    pass
                case _:
                    continue
            slot = self._slot(keeping, call, caller)
            if slot is not None:
                step = Step(function.module.path, keeping.line, f"`{function.facts.qualified}` keeps it in `{slot.name}`")
                shift = 1 if function.owner is not None else 0
                given = dict(pairs(call, function, shift))
                spread = [each.name for each in function.facts.parameters if each.position == "keywords"]
                if spread:
                    others = [(("string", name), value) for name, value in call.keywords if name not in function.parameters]
                    given[spread[0]] = ("dict", tuple(others))
                yield caller, call, Slot(slot.owner, slot.name, step), given

    def _slot(self, keeping: Keeping, call: CallSite, caller: FunctionSymbol) -> Slot | None:
        if keeping.texts:
            name, function = last_name(keeping.place) or "", keeping.function
            owner = function.module.name if function.owner is None else function.owner.full_name
            return Slot(f"{owner}:{':'.join(keeping.texts)}", name, Step(function.module.path, keeping.line, ""))
        if keeping.place[0] == "name":
            return self._sharing.slot(keeping.place, keeping.function)
        if call.callee[0] != "attribute" or call.callee[1] == ("name", "self"):
            return None
        return self._sharing.slot(("attribute", call.callee[1], keeping.place[2]), caller)

    @lazily
    def _keepings(self) -> tuple[Keeping, ...]:
        scopes = (each for each in self._analysis.scopes if each.facts.parameters and each.facts.sort not in (TOP, BODY))
        served = (each for each in scopes if each in self._serving and each.name != "__init__")
        return tuple(each for scope in served for each in self._found(scope))

    def _found(self, scope: FunctionSymbol) -> Iterator[Keeping]:
        for each in scope.facts.assignments:
            target = each.target
            if each.how not in ("=", "annotated"):
                continue
            if target[0] == "subscript" and (spread := _spread(target[2], each.value, scope)) is not None:
                if self._is_place(target[1], scope):
                    yield Keeping(scope, target[1], (), (spread,), "update", each.line, each.column)
            elif target[0] == "subscript" and self._is_place(target[1], scope):
                yield from self._kept(scope, target[1], target[2], each.value, "item", each)
            elif target[0] == "attribute" and self._is_place(target, scope):
                yield from self._kept(scope, target, None, each.value, "slot", each)
        for call in scope.facts.calls:
            if call.callee[0] != "attribute" or not call.arguments:
                continue
            if call.callee[2] in OUTSIDE and _is_store(call.callee[1]):
                yield from self._outside(scope, call)
                continue
            if call.callee[2] not in KEEPING or not self._is_place(call.callee[1], scope):
                continue
            match call.callee[2]:
                case "setdefault" if len(call.arguments) == 2:
                    yield from self._kept(scope, call.callee[1], call.arguments[0], call.arguments[1], "item", call)
                case "update":
                    yield from self._kept(scope, call.callee[1], None, call.arguments[0], "update", call)
                case ("append" | "appendleft" | "insert" | "extend") as how:
                    yield from self._kept(scope, call.callee[1], None, call.arguments[-1], how, call)
                case "get" if key := _parameters(call.arguments[0], scope):
                    yield Keeping(scope, call.callee[1], key, (), "get", call.line, call.column)
        # What a function reads by a key, to give it or to go on with it.
        read = [(one.value, one.line) for one in scope.facts.returned if one.value[0] == "subscript"]
        read += [(one.value, one.line) for one in scope.facts.assignments if one.value[0] == "subscript"]
        for (_, place, under), line in read:
            if self._is_place(place, scope) and (key := _parameters(under, scope)):
                yield Keeping(scope, place, key, (), "get", line, 0)

    @staticmethod
    def _outside(scope: FunctionSymbol, call: CallSite) -> Iterator[Keeping]:
        """`await self.redis.set(self.key("answer", question), text)`, `await self.redis.get(self.key("answer", question))`."""
        method, key = call.callee[2], call.arguments[0]
        texts = tuple(part[1] for part in within(_unfolded(key, scope), scope) if part[0] == "string")
        of_key = _parameters(key, scope)
        place = OUTSIDE[method]
        if not texts or not of_key or len(call.arguments) <= place:
            return
        of_value = (
            () if method in ASKING else tuple(each for each in _parameters(call.arguments[place], scope) if each not in of_key)
        )
        if of_value or method in ASKING:
            yield Keeping(scope, call.callee[1], of_key, of_value, "item", call.line, call.column, texts, key)

    @staticmethod
    def _kept(
        scope: FunctionSymbol,
        place: Expression,
        key: Expression | None,
        value: Expression,
        how: str,
        at: Assignment | CallSite,
    ) -> Iterator[Keeping]:
        of_key = () if key is None else _parameters(key, scope)
        of_value = tuple(each for each in _parameters(_put_above(value, scope, at.line), scope) if each not in of_key)
        if of_value and (of_key or key is None):
            yield Keeping(scope, place, of_key, of_value, how, at.line, at.column, under=key or NOTHING, kept=value)

    def _is_place(self, expression: Expression, scope: FunctionSymbol) -> bool:
        match expression:
            case ("attribute", ("name", "self"), _):
                return scope.owner is not None
            case ("name", str(name)) if name not in scope.bound:
                return self._sharing.slot(expression, scope) is not None
        return False


def _spread(key: Expression, value: Expression, scope: FunctionSymbol) -> str | None:
    """The parameter of which all pairs are kept: `for name, value in given.items(): self.options[name] = value`."""
    if key[0] != "name" or value[0] != "name":
        return None
    for each in scope.assigned.get(key[1], ()):
        together = any(one.value == each.value for one in scope.assigned.get(value[1], ()))
        if each.how == "unpack" and together and each.value[0] == "call":
            callee = scope.facts.calls[each.value[1]].callee
            match callee:
                case ("attribute", ("name", str(given)), "items") if given in scope.parameters:
                    return given
    return None


def _is_store(expression: Expression) -> bool:
    """What is called as a store that all processes share: `self.redis`, `self._cache`."""
    name = (last_name(expression) or "").lower()
    return any(word in name for word in STORES)


def _unfolded(key: Expression, scope: FunctionSymbol) -> Expression:
    given = scope.assigned.get(key[1], ()) if key[0] == "name" and key[1] not in scope.parameters else ()
    return given[0].value if len(given) == 1 and given[0].how == "=" else key


def _parameters(expression: Expression, scope: FunctionSymbol, depth: int = 0) -> tuple[str, ...]:
    """The parameters of which something is made, also by way of a local name."""
    found: dict[str, None] = {}
    for part in within(expression, scope):
        if part[0] != "name" or part[1] in ("self", "cls"):
            continue
        if part[1] in scope.parameters:
            found[part[1]] = None
        elif depth < 2:
            for each in scope.assigned.get(part[1], ()):
                found.update(dict.fromkeys(_parameters(each.value, scope, depth + 1)))
    return tuple(found)


def _put_above(value: Expression, scope: FunctionSymbol, line: int) -> Expression:
    """`thread_id = str(uuid4())` and then `self.thread_id = thread_id` in the same block: what was given before is gone."""
    if value[0] != "name" or value[1] not in scope.parameters:
        return value
    block = _innermost(scope, line)
    above = [each for each in scope.assigned.get(value[1], ()) if each.line < line and each.how in ("=", "annotated")]
    return next((each.value for each in reversed(above) if _innermost(scope, each.line) == block), value)


def _innermost(scope: FunctionSymbol, line: int) -> Block | None:
    around = [block for block in scope.facts.blocks if block.line <= line <= block.end_line]
    return max(around, key=lambda block: (block.line, -block.end_line), default=None)


def _all_of(names: tuple[str, ...], given: dict[str, Expression], function: FunctionSymbol) -> Expression | None:
    """What a call gives several parameters, as one value; None where one is left out that has no default."""
    parameters = {each.name: each for each in function.facts.parameters}
    names = tuple(name for name in names if name in given or parameters[name].default is None)
    if not names or not all(name in given for name in names):
        return None
    return given[names[0]] if len(names) == 1 else ("tuple", tuple(given[name] for name in names))
