"""Of which classes the things are made over which a loop goes, as far as the code shows it:

    orders = [Order(**row) for row in rows]
    for order in await shop.orders(): …          # where all that `orders` returns is such a list
    for user in (await session.scalars(select(User))).all(): …
    for line in order.lines: …                   # a field that Pydantic has checked

No annotation has to be believed for it, but those of the fields of Pydantic models.
"""

from collections.abc import Callable
from functools import partial
from typing import Final, TypeAlias

from netra.guard.facts import ASYNC, Assignment, Expression
from netra.guard.meaning.receivers import Receivers
from netra.guard.members.kept import KeptThings
from netra.guard.members.parents import MODELS, SETTINGS, Parents
from netra.guard.members.queries import Queries
from netra.guard.members.rows import Kinds, Rows, in_order, together
from netra.guard.program import Program
from netra.guard.symbols import ClassSymbol, FunctionSymbol, VariableSymbol
from netra.guard.values import Instance, Plain, Routine

Shown: TypeAlias = Callable[[Expression, FunctionSymbol], Kinds | None]
Once: TypeAlias = Callable[[object, Callable[[], Kinds | None]], Kinds | None]

# Builtins that hold or go through what they are given.
COPYING: Final = frozenset("list tuple set sorted reversed iter".split())
# Decorators under which a function gives what it gives without them.
HANDING_ON: Final = frozenset("staticmethod classmethod cache lru_cache override final".split())
LISTS: Final = frozenset("list set tuple frozenset".split())


class Elements:
    """Answers about one program; `shown` says of which classes an expression is made, and `once` keeps an answer."""

    def __init__(
        self, receivers: Receivers, parents: Parents, kept: KeptThings, queries: Queries, rows: Rows, shown: Shown, once: Once
    ) -> None:
        self._program: Program = receivers.program
        self._receivers = receivers
        self._parents = parents
        self._kept = kept
        self._queries = queries
        self._rows = rows
        self._shown = shown
        self._once = once

    def of(self, expression: Expression, scope: FunctionSymbol, *, late: bool = False) -> Kinds | None:
        """The classes of what is in there; None when the code does not show it. `late`: it is gone through by `async for`."""
        if (queried := self._queries.each(expression, scope)) is not None:
            return queried
        match expression:
            case ("list" | "set" | "tuple", parts) if not any(part[0] == "star" for part in parts):
                return together(self._shown(part, scope) for part in parts)
            case ("comprehension", "ListComp" | "SetComp" | "GeneratorExp", element):
                return self._shown(element, scope)
            case ("choice", parts):
                return together(self.of(part, scope, late=late) for part in parts if part[0] != "none")
            case ("await", ("call", int(index))):
                return self._rows.each(expression, scope) or self._called(index, scope, awaited=True, late=late)
            case ("call", int(index)):
                return self._rows.each(expression, scope) or self._called(index, scope, awaited=False, late=late)
            case ("name", _):
                match self._program.evaluate(expression, scope):
                    case VariableSymbol(scope=where, name=name) if name not in where.parameters:
                        return self._once((where, name, "elements"), partial(self._variable, where, name))
            case ("attribute", owner, str(name)):
                return self._kept.in_attribute(expression, scope, walked=True) or self._field(owner, name, scope)
        return None

    def _called(self, index: int, scope: FunctionSymbol, *, awaited: bool, late: bool) -> Kinds | None:
        call = scope.facts.calls[index]
        if call.callee in scope.rebound:
            return None
        if call.callee[0] == "name" and call.callee[1] in COPYING and call.arguments and not awaited:
            return self.of(call.arguments[0], scope, late=late)
        match self._receivers.value(call.callee, scope):
            case Routine(function=function, receiver=receiver) if not function.module.library:
                key = (function, receiver, awaited, late, "elements")
                return self._once(key, partial(self._given, function, receiver, awaited=awaited, late=late))
        return None

    def _given(self, function: FunctionSymbol, receiver: ClassSymbol | None, *, awaited: bool, late: bool) -> Kinds | None:
        """What is in what a function gives; of a method, in any class that the object may be of."""
        below = () if receiver is None else self._program.subclasses.get(receiver, ())
        others = [each for kind in below for each in kind.methods.get(function.name, ())]
        return together(self._returned(each, awaited=awaited, late=late) for each in dict.fromkeys([function, *others]))

    def _returned(self, function: FunctionSymbol, *, awaited: bool, late: bool) -> Kinds | None:
        facts = function.facts
        asynchronous = facts.sort == ASYNC
        if facts.abstract or not function.decorator_names <= HANDING_ON:
            return None
        if facts.yields:
            if awaited or asynchronous != late:
                return None
            return together(self._shown(each.value, function) for each in facts.returned if each.how == "yield")
        if asynchronous != awaited or late or not facts.returned:
            return None
        return together(self.of(each.value, function) for each in facts.returned if each.value[0] != "none")

    def _variable(self, where: FunctionSymbol, name: str) -> Kinds | None:
        """A list that is written down and filled in its own module, or a name that is given one."""
        if name in where.module.rebinding:
            return None
        match where.assigned.get(name):
            case [Assignment(how="=" | "annotated", value=value)]:
                pass
            case _:
                return None
        if value[0] in ("list", "set", "comprehension"):
            return self._kept.held(("name", name), where, self._shown) if value[1:2] != ("DictComp",) else None
        if self._kept.is_filled(name, where):
            return None  # into what a call has given, somebody puts more
        return self.of(value, where)

    def _field(self, owner: Expression, name: str, scope: FunctionSymbol) -> Kinds | None:
        """`order.lines`, where the model says `lines: list[Line]`."""
        owners = self._shown(owner, scope)
        return together(self._checked(kind, name) for kind in in_order(owners)) if owners else None

    def _checked(self, kind: ClassSymbol, name: str) -> Kinds | None:
        if not self._parents.above(kind, MODELS | SETTINGS):
            return None
        for above in self._program.order(kind)[0]:
            match above.body.assigned.get(name):
                case [Assignment(annotation=annotation)] if annotation is not None:
                    match self._receivers.annotated(annotation, above.body):
                        case Plain(name=held, item=Instance(kind=found)) if held in LISTS and not found.module.library:
                            return frozenset({found})
                    return None
                case None:
                    continue
            return None
        return None
