"""Where a function looks for something under a key, and keeps it there when it was not there: a dictionary, a cache or store by
its `get` and `set`, a file that is there or not.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.meaning.expressions import within, written
from netra.guard.requests.keys import spelt, unfolded
from netra.guard.requests.sharing import Sharing
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Step

# Objects that keep what they are told, by their names; how they are asked and told.
CACHES: Final = ("cache", "redis", "memo", "kv", "memcache", "valkey")
ASKING: Final = frozenset("get aget lookup fetch get_json load read exists hget has".split())
TELLING: Final = frozenset("set aset put setex store set_json put_json save write psetex add hset setnx".split())

MAKING_ROOM: Final = frozenset({"setdefault", "get_or_set", "aget_or_set"})

# How a file is asked whether it is there, and how it is written.
THERE: Final = frozenset("exists is_file isfile".split())
WRITING: Final = frozenset("write_bytes write_text".split())


class KeptByKey(NamedTuple):
    """A function keeps under a key what it has made for somebody."""

    scope: FunctionSymbol
    line: int
    column: int
    end_line: int
    name: str
    """The place."""
    key: Expression
    value: Expression
    step: Step
    """Why others meet what lies there."""
    place: Expression = ("none",)


class PlacesByKey:
    """Answers what a function keeps under a key in a place that others come to."""

    def __init__(self, sharing: Sharing) -> None:
        self._sharing = sharing

    def all_of(self, scope: FunctionSymbol) -> Iterator[KeptByKey]:
        """In dictionaries, caches and files."""
        yield from self.entries(scope)
        yield from self._by_get_and_set(scope)
        yield from self._files(scope)

    def anywhere(self, scope: FunctionSymbol) -> Iterator[KeptByKey]:
        """The same in dictionaries and caches of which only a caller can tell who shares them."""
        yield from self.entries(scope, of_all=False)
        yield from self._by_get_and_set(scope, of_all=False)

    def entries(self, scope: FunctionSymbol, *, of_all: bool = True) -> Iterator[KeptByKey]:
        """`if key not in rows: rows[key] = await load(user, key)`."""
        for each in scope.facts.assignments:
            if (
                each.target[0] != "subscript"
                or each.how not in ("=", "annotated")
                or each.value[0] in ("constant", "none", "string")
            ):
                continue
            _, place, key = each.target
            # A dictionary that the function has made itself is looked up by no one else.
            own = [one.value[0] for one in scope.assigned.get(place[1], ())] if place[0] == "name" else []
            if key[0] in ("string", "constant") or any(made in ("dict", "comprehension", "list") for made in own):
                continue
            if not self._is_asked(place, key, scope):
                continue
            step = self._shared(place, scope) if of_all else _kept_there(place, each.line, scope)
            if step is not None:
                yield KeptByKey(scope, each.line, each.column, each.line, written(place, scope), key, each.value, step, place)
        for call in scope.facts.calls:
            if call.callee[0] == "attribute" and call.callee[2] in MAKING_ROOM and len(call.arguments) >= 2:
                place, (key, value, *_) = call.callee[1], call.arguments
                step = self._shared(place, scope) if of_all else _kept_there(place, call.line, scope)
                if step is not None:
                    name = written(place, scope)
                    yield KeptByKey(scope, call.line, call.column, call.end_line, name, key, value, step, place)

    def _shared(self, place: Expression, scope: FunctionSymbol) -> Step | None:
        """Why all meet what lies in a place: it is shared, hangs on the application, or a library that keeps for all has it."""
        if (slot := self._sharing.slot(place, scope)) is not None:
            return slot.step
        root = meant = unfolded(place, scope)
        while root[0] in ("attribute", "subscript"):
            if root[0] == "attribute" and root[2] in ("app", "application"):
                return Step(scope.module.path, scope.facts.line, f"`{written(meant, scope)}` belongs to the application")
            root = root[1]
        named = (last_name(place) or "").lower()
        if place[0] == "name" and place[1] not in scope.bound and any(word in named for word in CACHES):
            return Step(scope.module.path, scope.facts.line, f"`{last_name(place)}` is one for all who ask")
        return None

    @staticmethod
    def _is_asked(place: Expression, key: Expression, scope: FunctionSymbol) -> bool:
        """The function looks there under this very key, or catches that there is nothing."""
        asked = spelt(key, scope)
        for call in scope.facts.calls:
            looks = call.callee[0] == "attribute" and call.callee[1] == place and call.callee[2] in ASKING
            if looks and call.arguments and spelt(call.arguments[0], scope) == asked:
                return True
        for test in (part for block in scope.facts.blocks for each in block.expressions for part in _tests(each)):
            within_it = place in test[1] and {"In", "NotIn"} & {*test[2]}
            if within_it and any(spelt(each, scope) == asked for each in test[1]):
                return True
        tried = [block for block in scope.facts.blocks if block.what == "try"]
        read = [each.value for each in scope.facts.returned] + [each.value for each in scope.facts.assignments]
        looked = [each for each in read if each[0] == "subscript" and each[1] == place and spelt(each[2], scope) == asked]
        return bool(tried and looked)

    def _by_get_and_set(self, scope: FunctionSymbol, *, of_all: bool = True) -> Iterator[KeptByKey]:
        """`hit = await r.get(key)`, and `await r.set(key, value)`, of a place that is one for all."""
        for call in scope.facts.calls:
            if call.callee[0] != "attribute" or call.callee[2] not in TELLING or len(call.arguments) < 2:
                continue
            place, key = call.callee[1], unfolded(call.arguments[0], scope)
            made = spelt(key, scope)
            asked = next(
                (
                    each
                    for each in scope.facts.calls
                    if each.callee[0] == "attribute"
                    and each.callee[1] == place
                    and each.callee[2] in ASKING
                    and each.arguments[:1]
                    and each.line < call.line
                    and spelt(each.arguments[0], scope) == made
                ),
                None,
            )
            if asked is None or (of_all and not self.is_of_all(place, scope)):
                continue
            name = written(place, scope)
            value = dict(call.keywords).get("value", call.arguments[-1])
            if call.callee[2] in ("set", "put", "aset", "add"):
                value = call.arguments[1]
            step = Step(scope.module.path, asked.line, f"`{name}` is asked for it here, by whoever comes")
            yield KeptByKey(scope, call.line, call.column, call.end_line, name, key, value, step, place)

    def is_of_all(self, place: Expression, scope: FunctionSymbol) -> bool:
        """A cache by its name, or a shared place."""
        name = (last_name(place) or "").lower()
        return any(word in name for word in CACHES) or self._sharing.slot(place, scope) is not None

    def _files(self, scope: FunctionSymbol) -> Iterator[KeptByKey]:
        """`if not path.exists(): path.write_bytes(draw(user))`."""
        tested: dict[Expression, int] = {}
        for call in scope.facts.calls:
            if call.callee[0] == "attribute" and call.callee[2] in THERE:
                tested.setdefault(call.arguments[0] if call.arguments else call.callee[1], call.line)
        for call in scope.facts.calls if tested else ():
            match call:
                case CallSite(callee=("attribute", path, str(way)), arguments=(value, *_)) if way in WRITING and path in tested:
                    pass
                case CallSite(callee=("attribute", ("name", str(file)), "write"), arguments=(value, *_)):
                    opened = [each.value for each in scope.assigned.get(file, ()) if each.value[0] == "call"]
                    paths = [part for each in opened for part in within(each, scope) if part in tested]
                    if not paths:
                        continue
                    path = paths[0]
                case _:
                    continue
            if path[0] == "name" and path[1] in scope.parameters:
                continue
            name = written(path, scope)
            step = Step(scope.module.path, tested[path], f"`{name}` is taken as it is where it is there")
            yield KeptByKey(scope, call.line, call.column, call.end_line, name, path, value, step)


def _kept_there(place: Expression, line: int, scope: FunctionSymbol) -> Step:
    return Step(scope.module.path, line, f"`{scope.facts.qualified}` keeps it in `{written(place, scope)}`")


def _tests(test: Expression) -> Iterator[Expression]:
    """The comparisons of a test."""
    if test[0] == "compare":
        yield test
    elif test[0] == "not":
        yield from _tests(test[1])
    elif test[0] == "choice":
        for each in test[1]:
            yield from _tests(each)
