"""What `owner.name` is: members of modules, what a class and those above it hold, and what is combined with it."""

from itertools import pairwise

from netra.guard.facts import Assignment, Expression
from netra.guard.meaning.arguments import of_argument
from netra.guard.meaning.assigned import made_for_class
from netra.guard.meaning.metaclasses import Metaclasses
from netra.guard.meaning.oneof import combined, may_have
from netra.guard.meaning.outcomes import Outcomes
from netra.guard.meaning.questions import Questions
from netra.guard.program import one_of
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol
from netra.guard.values import Either, Foreign, Instance, ModuleValue, Plain, Routine, TypeOf, Value, agreed


class Attributes:
    """Answers what stands behind a dot, each worked out once."""

    def __init__(self, receivers: Questions, outcomes: Outcomes) -> None:
        self._receivers = receivers
        self._program = receivers.program
        self._outcomes = outcomes
        self._metaclasses = Metaclasses(receivers.program)
        self._known: dict[tuple[ClassSymbol, str], Value | None] = {}
        self._takings: dict[FunctionSymbol, Instance | None] = {}

    def of(self, owner: Value, name: str) -> Value | None:
        """What `owner.name` is."""
        match owner:
            case ModuleValue(module=module):
                found = self._program.member(module, name)
                return self._receivers.named(found if found is not None else self._program.inside(External(module.name), name))
            case Foreign(symbol=symbol):
                return self._receivers.named(self._program.inside(symbol, name))
            case Instance(kind=kind, of=given):
                if given and (meant := of_argument(kind, given, name)) is not None:
                    return meant
                return TypeOf(kind) if name == "__class__" else self.of_class(kind, name)
            case Either(options=options):
                # Of classes that are all known, it is one of those that have the name, or the line raises.
                able = [each for each in options if may_have(each, name, self._program)]
                return agreed([self.of(each, name) for each in able or options])
            case Routine(function=function) if function.facts.decorators and not function.module.library:
                taken = self._taken(function)
                return None if taken is None else self.of(taken, name)
            case TypeOf(kind=kind):
                if name in kind.body.assigned and not name.startswith("_") and self._program.is_enumeration(kind):
                    return Instance(kind)
                made = made_for_class(kind.body, name)
                match self.of_class(kind, name) if made is None else self._receivers.value(made, kind.body):
                    case Routine(function=function) as routine if "classmethod" not in function.decorator_names:
                        if function.owner is not None and function.owner not in self._program.order(kind)[0]:
                            return routine  # `add = registry.add` in the body keeps the object that it is of
                        return Routine(function, routine.receiver, False)
                    case value:
                        return value if value is not None else self._receivers.named(self._program.nested_class(kind, name))
        return None

    def _taken(self, function: FunctionSymbol) -> Instance | None:
        """The object in whose place a function lies that a library has taken by its decorator: the task of `@broker.task`."""
        if function not in self._takings:
            self._takings[function] = None  # what `@name.setter` finds, which is asked of the function itself
            if function.parent is not None:
                match self._receivers.value(function.facts.decorators[0].callee, function.parent):
                    case Routine(function=taking) if taking.module.model and taking.facts.returns is not None:
                        task = self._receivers.annotated(taking.facts.returns, taking)
                        self._takings[function] = task if isinstance(task, Instance) and task.kind.module.model else None
        return self._takings[function]

    def of_class(self, kind: ClassSymbol, name: str) -> Value | None:
        """What an object of a class has under a name."""
        key = (kind, name)
        if key not in self._known:
            self._known[key] = None  # what an attribute that is set from itself finds
            found = self._known[key] = self._look_up(kind, name)
            if found is None and self._receivers.is_cut_short(key):
                del self._known[key]
            return found
        return self._known[key]

    def _look_up(self, kind: ClassSymbol, name: str) -> Value | None:
        for each in self._program.order(kind)[0]:
            if name in each.methods:
                functions = one_of(each.methods[name])
                return None if len(functions) != 1 or self._metaclasses.remake(kind) else self._method(functions[0], kind)
            assignments = [(each.body, one) for one in each.body.assigned.get(name, ())]
            assignments += each.set_on_self.get(name, ())
            if assignments:
                methods = (method for methods in each.methods.values() for method in methods)
                kept: Expression = ("attribute", ("name", "self"), name)
                if (plain := self._made_method(each, name)) is not None:
                    return plain
                if name in each.body.assigned and self._is_rewritten(kind):
                    return None
                found = agreed(self._receivers.assigned(assignments))
                if name in each.body.assigned and self._is_descriptor(found):
                    return None  # an object gives what its `__get__` makes of it
                held = self._receivers.containers.as_filled(found, kept, methods, assignments)
                return None if isinstance(held, Plain) and held.item and self._is_filled_below(each, kind, kept) else held
            if (nested := self._program.nested_class(each, name)) is not None:
                return TypeOf(nested)  # `self.Row(…)` of a class that stands in this one
        if kind.module.model and "__getattr__" in kind.methods:
            return self._receivers.kinds.outcome(kind.methods["__getattr__"][0])
        having = [] if kind.module.library else combined(kind, name, self._program)
        beside = agreed([self.of_class(each, name) for each in having]) if having else None
        return beside if isinstance(beside.options[0] if isinstance(beside, Either) else beside, Routine) else None

    def _is_filled_below(self, above: ClassSymbol, kind: ClassSymbol, kept: Expression) -> bool:
        """A class between the one that has a container and the one that is asked puts into it what nobody knows, whatever is
        said above: `self.rooms[key] = self.make(key)`, where `make` gives something else below.
        """
        order = self._program.order(kind)[0]
        waiting = [method for below in order[: order.index(above)] for found in below.methods.values() for method in found]
        while waiting:
            method = waiting.pop()
            for each in method.facts.assignments:
                if each.target[:2] == ("subscript", kept) and self._receivers.value(each.value, method) is None:
                    return True
            waiting += method.children
        return False

    def _is_descriptor(self, value: Value | None) -> bool:
        return (
            isinstance(value, Instance)
            and not value.kind.module.library
            and any("__get__" in each.methods for each in self._program.order(value.kind)[0])
        )

    def _is_rewritten(self, kind: ClassSymbol) -> bool:
        """A metaclass of the program makes of the body of the class what it will."""
        return any(
            isinstance(self._program.evaluate(value, above.module.function(above.facts.scope)), ClassSymbol)
            for above in self._program.order(kind)[0]
            for name, value in above.facts.keywords
            if name == "metaclass" and not above.module.library
        )

    def _made_method(self, kind: ClassSymbol, name: str) -> Routine | None:
        """`execute = run_slowly` in the body of a class, or `read, write = made_for(…)`: called on an object, the function is
        given the object first.
        """
        match kind.body.assigned.get(name), kind.set_on_self.get(name):
            case [Assignment(how="=" | "unpack") as only], None:
                match self._receivers.stored(only, kind.body):
                    case Routine(function=function) if function.owner is None:
                        return Routine(function, None, True)
        return None

    def above(self, kind: ClassSymbol, name: str) -> Value | None:
        """What `super().name` is in a method of the class: what comes next in its order, unless that is not known."""
        order, closed = self._program.order(kind)
        for before, each in pairwise(order):
            if not closed and self._program.bases(before)[:1] != [each]:
                return None  # a base that is not known may come between
            if name in each.methods or name in each.body.assigned or name in each.set_on_self:
                return None if self._comes_between(kind, each, name) else self.of_class(each, name)
        return None

    def _comes_between(self, kind: ClassSymbol, found: ClassSymbol, name: str) -> bool:
        """Some class below has another one with that name between the two: `class Both(Left, Right)`."""
        for below in self._program.subclasses.get(kind, ()):
            order = self._program.order(below)[0]
            if kind in order and found in order:
                between = order[order.index(kind) + 1 : order.index(found)]
                if any(name in each.methods or name in each.body.assigned for each in between):
                    return True
        return False

    def _method(self, function: FunctionSymbol, kind: ClassSymbol) -> Value | None:
        names = function.decorator_names
        if names & {"property", "cached_property", "hybrid_property"}:
            return self._outcomes.of_method(function, kind)
        return Routine(function, kind, "staticmethod" not in names and function.name != "__new__")
