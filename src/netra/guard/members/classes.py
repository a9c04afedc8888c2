"""Expressions that hold a class, and no object of it: `kind` of `kind = Bonus if bonus else Slip`, `KINDS[name]`."""

from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import Expression, last_name
from netra.guard.lazily import lazily
from netra.guard.symbols import ClassSymbol, FunctionSymbol, VariableSymbol
from netra.guard.values import Instance, Routine

TYPES: Final = frozenset({"type", "Type"})
GETTING: Final = frozenset({"get", "pop"})
# What may hold a class.
HOLDING: Final = frozenset("name attribute choice subscript call none".split())
DEEPEST: Final = 5


class HeldClasses:
    """Answers which classes an expression may be; use `analysis.once(HeldClasses)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._program = analysis.program
        self._receivers = analysis.receivers
        self._known: dict[tuple[FunctionSymbol, Expression], tuple[ClassSymbol, ...]] = {}

    def may_hold(self, expression: Expression, scope: FunctionSymbol) -> bool:
        """Whether it is worth a look: what a name was given first is no object that a call has made, as most are."""
        first = expression
        if expression[0] == "name" and (given := scope.assigned.get(expression[1])):
            first = given[0].value
        if first[0] != "call":
            return first[0] in HOLDING or first[0] in ("dict", "list", "tuple", "set")
        called = last_name(scope.facts.calls[first[1]].callee)
        return called in GETTING or called in self._handing or called in ("type", "values")

    @lazily
    def _handing(self) -> frozenset[str]:
        """The names of functions that return what may be a class, and nothing that is certainly none."""
        return frozenset(
            scope.name
            for scope in self._program.scopes
            if scope.facts.returned and all(each.value[0] in HOLDING for each in scope.facts.returned)
        )

    def of(self, expression: Expression, scope: FunctionSymbol) -> tuple[ClassSymbol, ...]:
        """The classes, where it can be nothing but one of them; none where that is not known."""
        key = (scope, expression)
        if key not in self._known:
            self._known[key] = self._held(expression, scope, 0)
        return self._known[key]

    def _held(self, expression: Expression, scope: FunctionSymbol, depth: int) -> tuple[ClassSymbol, ...]:
        if depth > DEEPEST:
            return ()
        match expression:
            case ("name", str(name)):
                return self._named(name, scope, depth)
            case ("attribute", ("name", "self"), "__class__") if scope.owner is not None:
                return (scope.owner,)
            case ("attribute", *_):
                match self._program.evaluate(expression, scope):
                    case ClassSymbol() as kind:
                        return (kind,)
                    case VariableSymbol(scope=where, name=name):
                        return self._named(name, where, depth + 1)
            case ("choice", parts):
                return self._all([self._held(each, scope, depth + 1) for each in parts if each[0] != "none"])
            case ("subscript", table, _):
                return self._members(table, scope, depth)
            case ("call", int(index)):
                return self._called(index, scope, depth)
        return ()

    def _named(self, name: str, scope: FunctionSymbol, depth: int) -> tuple[ClassSymbol, ...]:
        match self._program.lookup(name, scope):
            case ClassSymbol() as kind:
                return (kind,)
            case VariableSymbol(scope=where, name=known):
                pass
            case _:
                return ()
        if known in where.parameters:
            parameter = where.facts.parameters[where.parameters[known]]
            if where.assigned.get(known) or parameter.annotation is None or where.parent is None:
                return ()
            return self._promised(parameter.annotation, where.parent)
        given = where.assigned.get(known, ())
        if known in where.facts.globals or known in where.module.rebinding:
            return ()
        found = []
        for each in given:
            if each.how in ("=", "annotated"):
                found.append(self._held(each.value, where, depth + 1) if each.value != ("name", known) else ())
            elif each.how == "for":
                found.append(self._members(each.value, where, depth))
            else:
                return ()
        return self._all(found)

    def _promised(self, annotation: Expression, scope: FunctionSymbol) -> tuple[ClassSymbol, ...]:
        """`type[Slip]`."""
        match annotation:
            case ("subscript", head, inner) if last_name(head) in TYPES:
                match self._program.evaluate(inner, scope):
                    case ClassSymbol() as kind:
                        return (kind,)
        return ()

    def _members(self, table: Expression, scope: FunctionSymbol, depth: int) -> tuple[ClassSymbol, ...]:
        """What a dictionary or a list holds that is written down and filled with nothing else."""
        match table:
            case ("dict", pairs) if pairs:
                return self._all([self._held(value, scope, depth + 1) for _, value in pairs])
            case ("list" | "tuple" | "set", parts) if parts:
                return self._all([self._held(each, scope, depth + 1) for each in parts])
            case ("call", int(index)) if last_name(scope.facts.calls[index].callee) == "values":
                return self._members(scope.facts.calls[index].callee[1], scope, depth + 1)
            case ("name" | "attribute", *_):
                match self._program.evaluate(table, scope):
                    case VariableSymbol(scope=where, name=name) if name not in where.parameters and depth < DEEPEST:
                        given = where.assigned.get(name, ())
                        if len(given) == 1 and given[0].how in ("=", "annotated"):
                            return self._members(given[0].value, where, depth + 1)
        return ()

    def _called(self, index: int, scope: FunctionSymbol, depth: int) -> tuple[ClassSymbol, ...]:
        call = scope.facts.calls[index]
        match call.callee, call.arguments:
            case ("name", "type"), (one,):
                match self._receivers.value(one, scope):
                    case Instance(kind=kind):
                        return (kind,)
                return ()
            case ("attribute", table, str(way)), (_, *default) if way in GETTING:
                held = self._members(table, scope, depth)
                return self._all([held, *(self._held(each, scope, depth + 1) for each in default if each[0] != "none")])
        if last_name(call.callee) not in self._handing:
            return ()
        match self._receivers.value(call.callee, scope):
            case Routine(function=function) if not function.module.library and not function.facts.decorators:
                facts = function.facts
                if facts.yields or facts.asynchronous or not facts.returned:
                    return ()
                return self._all(
                    [self._held(each.value, function, depth + 1) for each in facts.returned if each.value[0] != "none"]
                )
        return ()

    @staticmethod
    def _all(found: list[tuple[ClassSymbol, ...]]) -> tuple[ClassSymbol, ...]:
        """All of them; none where one is not known."""
        return tuple(dict.fromkeys(one for each in found for one in each)) if found and all(found) else ()
