"""What lists, dictionaries and tuples hold, and what comes out of them by a method, a loop or several names at once."""

from collections.abc import Callable, Iterable
from typing import Final

from netra.guard.facts import Assignment, Expression, last_name
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import GeneratorOf, Plain, Value, agreed

# Builtins that make a collection of what they go through, or give one thing of it.
COPYING: Final = frozenset("list set tuple frozenset sorted reversed enumerate iter next min max".split())
# What holds things that are all alike, and what goes through keys or numbers together with them.
HOLDING: Final = frozenset("list set frozenset tuple dict deque".split())
PAIRS: Final = frozenset({"pairs", "enumerate"})
GIVES: Final = {
    "get": "item",
    "pop": "item",
    "popleft": "item",
    "setdefault": "item",
    "values": "items",
    "items": "pairs",
    "copy": "same",
}
# What puts something into a list or dictionary that is there already.
FILLING: Final = frozenset("append appendleft add insert extend update setdefault".split())
DISPLAYS: Final = frozenset({"list", "set", "dict"})
LONGEST_DISPLAY: Final = 16
# What puts one thing into a container, and is given it.
SINGLE: Final = frozenset({"append", "appendleft", "add"})


def fills(scope: FunctionSymbol, container: Expression) -> bool:
    """The function puts something into what an expression holds: `rooms[name] = room`, `rooms.append(room)`."""
    return any(each.target[:2] == ("subscript", container) for each in scope.facts.assignments) or any(
        call.callee[:2] == ("attribute", container) and call.callee[2] in FILLING for call in scope.facts.calls
    )


def _is_empty(expression: Expression, scope: FunctionSymbol) -> bool:
    """`[]`, `set()`."""
    if expression[0] == "call":
        call = scope.facts.calls[expression[1]]
        if call.callee == ("name", "defaultdict"):
            return call.arguments in ((("name", "list"),), (("name", "set"),)) and not call.keywords
        return call.callee in (("name", "set"), ("name", "list"), ("name", "dict")) and not call.arguments
    return expression[0] in DISPLAYS and not expression[1]


def is_filled_later(assignments: list[tuple[FunctionSymbol, Assignment]]) -> bool:
    """Something is written down as empty, or as a list or dictionary that others may add to."""
    return bool(assignments) and all(each.how == "=" and _is_written(each.value, scope) for scope, each in assignments)


def _is_of_lists(each: Assignment, scope: FunctionSymbol) -> bool:
    """`defaultdict(list)`."""
    return each.how == "=" and each.value[0] == "call" and last_name(scope.facts.calls[each.value[1]].callee) == "defaultdict"


def _is_written(expression: Expression, scope: FunctionSymbol) -> bool:
    return expression[0] in DISPLAYS or _is_empty(expression, scope)


def _group(expression: Expression, scope: FunctionSymbol) -> Expression | None:
    """`self.sockets` of `self.sockets.setdefault(user, set())` and `self.sockets[user]`: a dictionary of lists or sets."""
    if expression[0] == "subscript":
        return expression[1]  # type: ignore[no-any-return]
    if expression[0] != "call":
        return None
    call = scope.facts.calls[expression[1]]
    match call.callee:
        case ("attribute", inner, "setdefault") if len(call.arguments) == 2 and _is_empty(call.arguments[1], scope):
            return inner  # type: ignore[no-any-return]
    return None


class Containers:
    """Answers about containers of one program; `evaluate` is `Receivers.value`, `awaited` what `await` gives of a value."""

    def __init__(
        self, evaluate: Callable[[Expression, FunctionSymbol], Value | None], awaited: Callable[[Value | None], Value | None]
    ) -> None:
        self._evaluate = evaluate
        self._awaited = awaited
        self._put: dict[FunctionSymbol, dict[Expression, list[Expression | None]]] = {}

    def out_of(self, container: Plain, method: str) -> Value | None:
        """What a method of a list or dictionary gives."""
        match GIVES[method]:
            case "item":
                return container.item
            case "pairs" if container.name == "dict":
                return Plain("pairs", container.item)
            case "items" if container.name == "dict":
                return Plain("list", container.item)
            case "same":
                return container
        return None

    def copied(self, builtin: str, given: Value | None) -> Value | None:
        """What a builtin makes of something that it goes through."""
        item = None
        match given:
            case Plain(name=name, item=held) if name in HOLDING and name != "dict":
                item = held
            case GeneratorOf(item=held, asynchronous=False):
                item = held
        match builtin:
            case "next" | "min" | "max":
                return item
            case "enumerate":
                return Plain("enumerate", item)
        return Plain("list" if builtin in ("sorted", "reversed", "iter") else builtin, item)

    def as_filled(
        self,
        value: Value | None,
        container: Expression,
        scopes: Iterable[FunctionSymbol],
        assignments: list[tuple[FunctionSymbol, Assignment]],
    ) -> Value | None:
        """A list or dictionary that was written down, with what is put into it later.

        What it holds is known only as long as everything that goes in is seen: an annotation is believed instead.
        """
        if value is None and assignments and all(_is_of_lists(each, scope) for scope, each in assignments):
            value = Plain("dict")
        if not isinstance(value, Plain):
            return value
        written = [each.value for scope, each in assignments if each.how == "=" and _is_written(each.value, scope)]
        if not written or len(written) != len(assignments):
            return value
        if any(each[0] == "dict" and len(each[1]) > 1 and ("none",) in [one for _, one in each[1]] for each in written):
            return Plain(value.name)  # `{"mail": None, "jobs": None}`: each key has a thing of its own kind, or none
        held: list[Value | None] = [] if all(each[0] == "call" or not each[1] for each in written) else [value.item]
        for scope in scopes:
            put = self._put_by(scope).get(container, ())
            held += [None if each is None else self._evaluate(each, scope) for each in put]
        return Plain(value.name, agreed(held) if held else None, value.parts if len(held) == 1 else ())

    def _put_by(self, scope: FunctionSymbol) -> dict[Expression, list[Expression | None]]:
        """What a scope puts into each container; None for what is not one thing."""
        if (known := self._put.get(scope)) is not None:
            return known
        found = self._put[scope] = {}
        for each in scope.facts.assignments:
            if each.target[0] == "subscript" and each.how != "delete":
                found.setdefault(each.target[1], []).append(each.value if each.how == "=" else None)
        for call in scope.facts.calls:
            callee = call.callee
            if callee[0] == "attribute" and callee[2] in FILLING:
                single = callee[2] in SINGLE and len(call.arguments) == 1
                inner = _group(callee[1], scope) if single else None
                if inner is not None:
                    found.setdefault(inner, []).append(("list", (call.arguments[0],)))
                    continue
                if callee[2] == "setdefault" and len(call.arguments) == 2 and _is_empty(call.arguments[1], scope):
                    continue  # what is put into the group tells
                found.setdefault(callee[1], []).append(call.arguments[0] if single else None)
        return found

    def unpacked(self, each: Assignment, scope: FunctionSymbol) -> Value | None:
        """One of several names that are bound at once: by `a, b = …` or `for a, b in …`."""
        whole = self._evaluate(each.value, scope)
        if not isinstance(whole, Plain):
            return None
        siblings = [
            other.target
            for other in scope.facts.assignments
            if (other.how, other.line, other.column) == ("unpack", each.line, each.column) and other.value == each.value
        ]
        position = siblings.index(each.target)
        if whole.name in PAIRS:
            return whole.item if len(siblings) == 2 and position == 1 else None
        if self._is_iterated(each.value, scope):
            if not isinstance(whole.item, Plain):
                return None
            whole = whole.item
        return whole.parts[position] if len(whole.parts) == len(siblings) else None

    def _is_iterated(self, expression: Expression, scope: FunctionSymbol) -> bool:
        """Whether `for` goes through it."""
        bare = expression[1] if expression[0] == "await" else expression
        if bare[0] == "call":
            where = scope.facts.calls[bare[1]].where
            return (where[1] if where[0] == "await" and len(where) == 2 else where)[0] in ("iterate", "iterate async")
        if bare[0] == "name":
            return any(use.name == bare[1] and use.where[0].startswith("iterate") for use in scope.facts.uses)
        return True

    def gathered(self, arguments: tuple[Expression, ...], scope: FunctionSymbol) -> Plain:
        """The list of what several awaited together give."""
        parts: list[Value | None] = []
        for each in arguments:
            match each:
                case ("star", ("comprehension", str(), element)):
                    return Plain("list", self._awaited(self._evaluate(element, scope)) if len(arguments) == 1 else None)
                case ("star", inner):
                    match self._evaluate(inner, scope):
                        case Plain(item=item) if len(arguments) == 1:
                            return Plain("list", self._awaited(item))
                    return Plain("list")
                case _:
                    parts.append(self._awaited(self._evaluate(each, scope)))
        return Plain("list", agreed(parts), tuple(parts))
