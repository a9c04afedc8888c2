"""Of which classes the objects at a place are made, as far as the code shows it and no annotation has to be believed.

`Receivers` takes an annotation for true. Here an object counts as one of a class when it is made of it in front of our eyes: by
a constructor, by a function or a getter all of whose results are made so, by whatever a dependency gives, in an attribute that
is only ever given such objects, in a field that a Pydantic model has checked, or in a parameter that every caller who is known
fills in this way. Where anything else may be there as well, nothing is shown.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.entries.sorts import ROUTE, SOCKET
from netra.guard.facts import ASYNC, NOTHING, OTHER, TOP, Assignment, Expression, Parameter
from netra.guard.meaning.outcomes import MAKING_MODELS
from netra.guard.meaning.replacing import is_replaced
from netra.guard.meaning.tasks import task_class
from netra.guard.members.elements import Elements
from netra.guard.members.kept import KeptThings
from netra.guard.members.mappers import mapper_of
from netra.guard.members.members import MemberNames
from netra.guard.members.outside import OutsideWrites
from netra.guard.members.parents import MODELS, SETTINGS, SQL_MODELS, Parents
from netra.guard.members.queries import Queries
from netra.guard.members.relations import related
from netra.guard.members.rows import Kinds, Rows, in_order, together
from netra.guard.members.tables import TABLES
from netra.guard.members.walked import walked_over
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol, VariableSymbol
from netra.guard.values import ContextOf, Either, Foreign, Instance, Routine, TypeOf, Value

# Nothing is there, which is no object of another class: `None`.
EMPTY: Final[Kinds] = frozenset()

# Decorators under which a function gives what it gives without them.
HANDING_ON: Final = frozenset("staticmethod classmethod cache lru_cache abstractmethod override final".split())
PROPERTIES: Final = frozenset({"property", "cached_property"})

# What gives a name no object: `store: Store`, `del store`.
SAYING_NOTHING: Final = frozenset({"declared", "delete"})

# What takes one thing out of a dictionary, and what makes a copy of an object.
TAKING: Final = frozenset({"get", "pop", "setdefault"})
COPYING: Final = frozenset("dataclasses.replace copy.copy copy.deepcopy copy.replace".split())

# How far an object is followed back, and how many callers are asked.
DEEPEST: Final = 8
MOST_CALLERS: Final = 24


class Making:
    """Answers, each worked out once; use `analysis.once(Making)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._program = analysis.program
        self._receivers = analysis.receivers
        self._parents = analysis.once(Parents)
        self._members = analysis.once(MemberNames)
        self._outside = analysis.once(OutsideWrites)
        self._known: dict[object, Kinds | None] = {}
        self._chains: dict[object, Kinds | None] = {}
        self._depth = 0
        self._rows = Rows(self._program, self._receivers, self._classes)
        self._kept = KeptThings(analysis, self.shown, self._once)
        self.queries = Queries(self._program, self._parents, self._classes, self._receivers.value)
        self._elements = Elements(self._receivers, self._parents, self._kept, self.queries, self._rows, self.shown, self._once)

    def shown(self, expression: Expression, scope: FunctionSymbol, on: ClassSymbol | None = None) -> Kinds | None:
        """The classes of which the object is made; None when the code does not show it, empty for what is only None.

        `on` is the class of which `self` is made (or which `cls` is), where a method is followed for one class of several.
        """
        match expression:
            case ("none",):
                return EMPTY
            case ("choice", parts):
                return together(self.shown(part, scope, on) for part in parts if not self._is_left_out(part, scope))
            case ("await", ("call", int(index))):
                return self._called(index, scope, on, late=True)
            case ("call", int(index)):
                return self._called(index, scope, on, late=False)
            case ("subscript", container, key) if key != OTHER:
                return self._kept.held(container, scope, self.shown) or self._elements.of(container, scope)
            case ("name" | "attribute", *_):
                match self._program.evaluate(expression, scope):
                    case VariableSymbol(scope=where, name=name):
                        return self._once((where, name, on), partial(self._variable, where, name, on))
        if expression[0] == "attribute" and (owners := self.shown(expression[1], scope, on)):
            name = expression[2]
            return together(self._once((owner, name), partial(self._attribute, owner, name)) for owner in in_order(owners))
        if put := self._receivers.put_on_application(expression) if expression[0] in ("attribute", "subscript") else ():
            return self._once(("application", *put), lambda: together(self._put(each, at, OTHER, None) for at, each in put))
        return None

    def _once(self, key: object, work: Callable[[], Kinds | None]) -> Kinds | None:
        if key not in self._known:
            if self._depth > DEEPEST:
                return None
            self._known[key] = None  # what is made of itself shows nothing
            self._depth += 1
            self._known[key] = work()
            self._depth -= 1
        return self._known[key]

    def _in_chain(self, key: object, work: Callable[[], Kinds | None]) -> Kinds | None:
        """A link of `a.b().c.d()`: several questions go down the same chain, and each would ask all that is below anew."""
        if key not in self._chains:
            self._chains[key] = None
            self._chains[key] = work()
        return self._chains[key]

    # --- calls -----------------------------------------------------------------------------------------------------------

    def _called(self, index: int, scope: FunctionSymbol, on: ClassSymbol | None, *, late: bool) -> Kinds | None:
        return self._in_chain((index, scope, on, late), partial(self._find_called, index, scope, on, late=late))

    def _find_called(self, index: int, scope: FunctionSymbol, on: ClassSymbol | None, *, late: bool) -> Kinds | None:
        callee = scope.facts.calls[index].callee
        if callee in scope.rebound:
            return None
        if queried := self.queries.one(scope.facts.calls[index], scope, late=late):
            return queried
        if not late and (classes := self._classes(callee, scope, on)):
            return classes
        if (
            not late
            and callee[0] == "attribute"
            and callee[2] in TAKING
            and (held := self._kept.taken_out(index, scope, self.shown))
        ):
            return held
        in_context = not late and callee[0] == "attribute" and callee[2] == "get" and callee[1][0] != "call"
        if in_context and (kept := self._once((scope, callee, "context"), partial(self._kept.of_context, callee[1], scope))):
            return kept
        if callee[0] == "attribute" and callee[1][0] == "call" and scope.facts.calls[callee[1][1]].callee == ("name", "super"):
            match self._receivers.value(callee, scope):
                case Routine(function=function) if not function.module.library:
                    above = on or scope.owner
                    return self._once((function, above, late, "on"), partial(self._returned, function, late=late, on=above))
            return None
        if callee[0] == "attribute":
            # What is made of one class runs the methods of that class, and whatever those find on `self` is found on it.
            exact = self.shown(callee[1], scope, on) if callee[1] != ("name", "self") or on is not None else None
            kinds = exact or self._classes(callee[1], scope, on)
            if kinds and callee[2] in MAKING_MODELS and all(self._is_model(kind, callee[2]) for kind in kinds):
                return kinds if not late else None
            if kinds and not any(self._is_of_library(kind, callee[2]) for kind in kinds):
                return together(self._answered(kind, callee[2], late=late) for kind in in_order(kinds))
        match self._receivers.value(callee, scope):
            case Foreign(symbol=External(dotted=name)) if name in COPYING and scope.facts.calls[index].arguments:
                return self.shown(scope.facts.calls[index].arguments[0], scope, on)
            case Routine(function=function) if function.module.library:
                # A model of a library tells the truth: `session.get(User, key)` gives what is asked for.
                if rows := self._rows.of(scope.facts.calls[index], scope, on, late=late):
                    return rows
                value = self._receivers.value(("await", ("call", index)) if late else ("call", index), scope)
                return frozenset({value.kind}) if isinstance(value, Instance) and not value.kind.module.library else None
            case Routine(function=function, receiver=receiver):
                return self._once((function, receiver, late), partial(self._given, function, receiver, late=late))
        return None

    def _is_model(self, kind: ClassSymbol, name: str) -> bool:
        """A model of pydantic, which has no method of its own that is called so."""
        order = self._program.order(kind)[0]
        own = any(name in each.methods or name in each.body.assigned for each in order)
        return not own and self._parents.above(kind, MODELS | SETTINGS | SQL_MODELS)

    def _is_of_library(self, kind: ClassSymbol, name: str) -> bool:
        """What has the method is a model of a library, which tells the truth."""
        having = next((each for each in self._program.order(kind)[0] if name in each.methods), None)
        return having is not None and having.module.model

    def _answered(self, kind: ClassSymbol, name: str, *, late: bool) -> Kinds | None:
        """What the method of that name gives, of an object made of this class or of the class itself."""
        for each in self._program.order(kind)[0]:
            if name in each.methods or name in each.body.assigned or name in each.set_on_self:
                methods = each.methods.get(name, ())
                if len(methods) != 1 or name in each.body.assigned or each.module.library:
                    return None
                return self._once((methods[0], kind, late, "on"), partial(self._returned, methods[0], late=late, on=kind))
        return None

    def _classes(self, expression: Expression, scope: FunctionSymbol, on: ClassSymbol | None = None) -> Kinds | None:
        """The classes that something may be: `Store`, `cls`, `KINDS[name]`, a name that was given one of those."""
        match expression:
            case ("choice", parts):
                return together(self._classes(part, scope, on) for part in parts)
            case ("subscript", container, key) if key != OTHER:
                return self._kept.held(container, scope, self._classes)
            case ("call", int(index)):
                callee = scope.facts.calls[index].callee
                taking = callee[0] == "attribute" and callee[2] in TAKING
                return self._kept.taken_out(index, scope, self._classes) if taking else None
            case ("name", "cls") if scope.owner is not None and "classmethod" in scope.decorator_names:
                return frozenset({on or scope.owner})
            case ("name" | "attribute", *_):
                match self._program.evaluate(expression, scope):
                    case ClassSymbol() as kind:
                        return None if is_replaced(kind, self._program) else frozenset({kind})
                    case VariableSymbol(scope=where, name=name) if name not in where.parameters:
                        return self._once((where, name, "class"), partial(self._each_class, where, name))
        if expression[0] == "attribute":
            return self._in_chain((expression, scope, on, "class"), partial(self._class_in, expression, scope, on))
        return None

    def _class_in(self, expression: Expression, scope: FunctionSymbol, on: ClassSymbol | None) -> Kinds | None:
        """`self.model`, of which each class below has its own."""
        owners = self.shown(expression[1], scope, on) or self._classes(expression[1], scope, on)
        if owners and (on is not None or expression[1] != ("name", "self")):
            return together(self._class_on(owner, expression[2]) for owner in in_order(owners))
        return None

    def _class_on(self, owner: ClassSymbol, name: str) -> Kinds | None:
        """The class that stands in the body of another under a name, which nobody gives it otherwise."""
        order = self._program.order(owner)[0]
        if any(name in each.set_on_self for each in order) or self._outside.is_written(owner, name):
            return None
        for each in order:
            match each.body.assigned.get(name):
                case [Assignment(how="=" | "annotated", value=value)]:
                    return self._classes(value, each.body)
                case None if name not in each.methods:
                    continue
            return None
        return None

    def _each_class(self, where: FunctionSymbol, name: str) -> Kinds | None:
        assignments = where.assigned.get(name, ())
        if not assignments or name in where.module.rebinding or self._outside.is_written(where.module, name):
            return None
        found: list[Kinds | None] = []
        for each in assignments:
            if each.how == "for" and each.value[0] in ("tuple", "list", "set"):
                found += [self._classes(part, where) for part in each.value[1]]
            else:
                found.append(self._classes(each.value, where) if each.how == "=" else None)
        return together(found)

    def _given(self, function: FunctionSymbol, receiver: ClassSymbol | None, *, late: bool) -> Kinds | None:
        """What a function gives; of a method, what it gives in any class that the object may be of."""
        below = () if receiver is None else self._program.subclasses.get(receiver, ())
        others = [each for kind in below for each in kind.methods.get(function.name, ())]
        return together(self._returned(each, late=late) for each in dict.fromkeys([function, *others]))

    def _returned(
        self,
        function: FunctionSymbol,
        *,
        late: bool,
        handing_on: frozenset[str] = HANDING_ON,
        on: ClassSymbol | None = None,
    ) -> Kinds | None:
        facts = function.facts
        if facts.yields or facts.abstract or (facts.sort == ASYNC) != late or not function.decorator_names <= handing_on:
            return None
        return together(self.shown(each.value, function, on) for each in facts.returned)

    def _yielded(self, function: FunctionSymbol) -> Kinds | None:
        return together(self.shown(each.value, function) for each in function.facts.returned if each.how == "yield")

    # --- variables and attributes ----------------------------------------------------------------------------------------

    def _variable(self, where: FunctionSymbol, name: str, on: ClassSymbol | None) -> Kinds | None:
        assignments = [(where, each) for each in where.assigned.get(name, ())]
        rebinding = where.module.rebinding.get(name, ())
        if where.facts.sort == TOP:
            assignments += [(function, each) for function in rebinding for each in function.assigned.get(name, ())]
            if self._outside.is_written(where.module, name):
                return None
        elif rebinding:
            return None
        found = [self._put(each, scope, ("name", name), on) for scope, each in assignments if each.how not in SAYING_NOTHING]
        if name in where.parameters:
            found.append(self._parameter(where, where.parameters[name], on))
        return together(found) if found else None

    def _put(self, each: Assignment, scope: FunctionSymbol, target: Expression, on: ClassSymbol | None) -> Kinds | None:
        """What one assignment puts there."""
        match each.how:
            case "=" | "annotated":
                if each.value[0] == "choice":
                    # `pool = pool or Pool()`: what was there before counts where it was put there.
                    return self.shown(("choice", tuple(part for part in each.value[1] if part != target)), scope, on)
                return self.shown(each.value, scope, on)
            case "with" | "with async":
                return self._entered(each.value, scope, on, late=each.how == "with async")
            case "except":
                return _of_program(self._receivers.caught(each, scope))
            case "for" | "unpack" if (table := walked_over(each, scope, self._program)) is not None:
                return self._kept.held(table, scope, self.shown)
            case "for" | "for async":
                return self._elements.of(each.value, scope, late=each.how == "for async")
        return None

    def _entered(self, expression: Expression, scope: FunctionSymbol, on: ClassSymbol | None, *, late: bool) -> Kinds | None:
        if kinds := self.shown(expression, scope, on):
            way = "__aenter__" if late else "__enter__"
            return together(self._answered(kind, way, late=late) for kind in in_order(kinds))
        match self._receivers.value(expression, scope):
            case ContextOf(function=FunctionSymbol() as function) if not function.module.library:
                return self._yielded(function)
        return None

    def _attribute(self, owner: ClassSymbol, name: str) -> Kinds | None:
        """What an attribute of objects of the class is ever given, in any class above or below it."""
        if self._outside.is_written(owner, name) or (self._members.of(owner) is None and not self._is_seen(owner, name)):
            return None
        found: list[Kinds | None] = []
        for kind in dict.fromkeys([*self._program.order(owner)[0], *self._program.subclasses.get(owner, ())]):
            given = partial(self._returned, late=False, handing_on=PROPERTIES, on=owner)
            found += [given(method) if method.decorator_names else None for method in kind.methods.get(name, ())]
            found += [self._field(each, kind) for each in kind.body.assigned.get(name, ())]
            found += [
                self._put(each, method, ("attribute", ("name", "self"), name), owner)
                for method, each in kind.set_on_self.get(name, ())
                if each.how not in SAYING_NOTHING
            ]
        return together(found) if found else None

    def _is_seen(self, owner: ClassSymbol, name: str) -> bool:
        """What else the class has is not known, but this name its methods set on `self`, or it is a property of theirs."""
        order = self._program.order(owner)[0]
        family = [*order, *self._program.subclasses.get(owner, ())]
        told = [one for each in family for one in each.body.assigned.get(name, ())]
        if self._outside.is_given_computed(owner) or any(each.value[0] != "none" and each.how != "declared" for each in told):
            return False
        return any(name in each.set_on_self or name in each.methods for each in order)

    def _field(self, each: Assignment, kind: ClassSymbol) -> Kinds | None:
        """What stands in the body of a class; a Pydantic model has checked that its field is what the annotation says."""
        mapped = self._parents.above(kind, TABLES | SQL_MODELS) or mapper_of(kind, self._program)
        if mapped and (other := related(each, kind, self._program)) is not None:
            return frozenset({other})
        if each.annotation is not None and self._parents.above(kind, MODELS | SETTINGS):
            return _of_program(self._receivers.annotated(each.annotation, kind.body))
        if each.annotation is None:
            return self._put(each, kind.body, OTHER, None)
        if each.value == NOTHING and not kind.facts.decorators and each.target[1] in kind.set_on_self:
            return EMPTY  # `_client: Client | None = None`, which a method fills
        # `state: State = State.NEW`, with a member of an enumeration as the default.
        value = self._receivers.value(each.value, kind.body)
        promised = _of_program(self._receivers.annotated(each.annotation, kind.body))
        if promised is not None and _of_program(value) == promised and all(map(self._program.is_enumeration, promised)):
            return promised
        return None

    # --- parameters ------------------------------------------------------------------------------------------------------

    def _parameter(self, where: FunctionSymbol, number: int, on: ClassSymbol | None) -> Kinds | None:
        parameter = where.facts.parameters[number]
        if number == 0 and where.owner is not None and "staticmethod" not in where.decorator_names:
            is_object = parameter.name == "self" and "classmethod" not in where.decorator_names
            if not is_object or self._receivers.parameters.is_called_with_another(where):
                return None
            return frozenset({on or where.owner})
        if parameter.position not in ("positional", "keyword") or where.parent is None:
            return None
        if number == 0 and where.facts.decorators and (task := task_class(where, self._program)) is not None:
            return frozenset({task})
        match self._receivers.parameters.dependency(parameter, where.parent):
            case TypeOf(kind=kind):
                return frozenset({kind})
            case Routine(function=function) if not function.module.library:
                if function.facts.yields:
                    return self._once((function, "yielded"), partial(self._yielded, function))
                late = function.facts.sort == ASYNC
                return self._once((function, None, late), partial(self._given, function, None, late=late))
        promised = None if parameter.annotation is None else self._receivers.annotated(parameter.annotation, where.parent)
        kinds = _of_program(promised)
        if parameter.annotation is not None and kinds is None:
            return None
        if kinds and (entry := self._analysis.reach.entries.get(where)) is not None and entry.sort in (ROUTE, SOCKET):
            return kinds  # what a client sends, and the framework has checked, or what it gives by the annotation
        return self._passed(where, parameter, number, kinds)

    def _passed(self, where: FunctionSymbol, parameter: Parameter, number: int, promised: Kinds | None) -> Kinds | None:
        """What every known caller passes; where the parameter is annotated, callers count whose annotations say the same."""
        sites = self._program.calls_named.get(where.name, ()) if where.name != "__init__" else ()
        if where.facts.decorators or len(sites) > MOST_CALLERS:
            return None
        found: list[Kinds | None] = []
        for caller, given in self._receivers.parameters.given(where, parameter, number):
            if caller.module.in_tests:
                continue
            if given is None:
                around = where.parent or where  # a default is made where the function is
                found.append(None if parameter.default is None else self.shown(parameter.default, around))
                continue
            kinds = self.shown(given, caller)
            if kinds is None and promised:
                kinds = _of_program(self._receivers.value(given, caller))
                if kinds and not all(self._is_below(kind, promised) for kind in kinds):
                    return None
            if kinds is None:
                return None
            found.append(kinds)
        if promised is None and any(self._receivers.value(at.facts.calls[index].callee, at) is None for at, index in sites):
            return None  # somebody calls what may be this function
        return together(found) if found else None

    def _is_below(self, kind: ClassSymbol, others: Iterable[ClassSymbol]) -> bool:
        return not set(self._program.order(kind)[0]).isdisjoint(others)

    def is_one_of(self, expression: Expression, scope: FunctionSymbol, kinds: Iterable[ClassSymbol]) -> bool:
        """The code shows that the object is made of one of these classes, or of one below them."""
        made = self.shown(expression, scope)
        return bool(made) and all(self._is_below(each, kinds) for each in made or ())

    def _is_left_out(self, part: Expression, scope: FunctionSymbol) -> bool:
        """`clock` of `clock or Clock()`, in a function with `clock=None` to which no known caller passes any.

        Where nobody is known to call the function at all, an annotation has to say what it may be given.
        """
        number = scope.parameters.get(part[1]) if part[0] == "name" else None
        if number is None or part[1] in scope.assigned:
            return False
        parameter = scope.facts.parameters[number]
        given = [
            each for caller, each in self._receivers.parameters.given(scope, parameter, number) if not caller.module.in_tests
        ]
        told = bool(given) or parameter.annotation is not None
        return parameter.default == NOTHING and told and all(each is None for each in given)


def _of_program(value: Value | None) -> Kinds | None:
    """The classes of the program that a value may be an object of."""
    options = value.options if isinstance(value, Either) else (value,)
    kinds = [each.kind for each in options if isinstance(each, Instance) and not each.kind.module.library]
    return frozenset(kinds) if len(kinds) == len(options) else None
