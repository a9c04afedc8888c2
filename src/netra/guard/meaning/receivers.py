"""What an expression is, as far as annotations, constructors, factories, `Depends`, `with … as`, attributes set elsewhere in
the class and one level of call sites tell. Where two of them disagree, or one is not understood, the answer is None.
"""

from itertools import pairwise
from typing import Final

from netra.guard.facts import ASYNC, BODY, NOTHING, OTHER, TOP, Assignment, Expression, last_name
from netra.guard.lazily import lazily
from netra.guard.meaning.annotations import PLAIN_TYPES, Annotations
from netra.guard.meaning.arguments import of_argument
from netra.guard.meaning.containers import COPYING, GIVES, HOLDING, LONGEST_DISPLAY, PAIRS, Containers, is_filled_later
from netra.guard.meaning.kinds import Kinds
from netra.guard.meaning.metaclasses import Metaclasses
from netra.guard.meaning.oneof import combined, may_have
from netra.guard.meaning.parameters import ParameterValues
from netra.guard.meaning.registering import decorated_with, filled_by
from netra.guard.meaning.replacing import is_replaced
from netra.guard.program import Program, one_of
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol, ModuleSymbol, Symbol, VariableSymbol
from netra.guard.values import (
    AwaitableOf,
    Callback,
    ContextOf,
    CoroutineOf,
    Either,
    Foreign,
    GeneratorOf,
    Instance,
    ModuleValue,
    Plain,
    Routine,
    TypeOf,
    Value,
    agreed,
)

PLAIN_CALLS: Final = frozenset("str int float bool bytes list dict set frozenset tuple len sorted sum repr abs round".split())

SUPER: Final = External("builtins.super()")

DEEPEST: Final = 32

# How the application of a web framework is called.
APPLICATIONS: Final = frozenset({"app", "application", "_app"})
HAVING: Final = APPLICATIONS | {"self", "request"}
HOLDING_THEIRS: Final = APPLICATIONS | {"current_app"}
"""Of these, what a program puts there as an attribute lies there for all: `app.desk = Desk()`."""

# How often an answer that was cut short is looked for again, from nearer, before it counts as unknown.
MOST_TRIES: Final = 2

_ASKED: Final = Plain("…")
"""Stands for an answer that is being worked out, so that `x = x.next()` ends."""

_UNASKED: Final = Plain("?")
"""Stands for an answer that nobody has asked for yet."""

# Expressions of which answers are kept. Of the others, each is asked about in one place.
_KEPT: Final = frozenset({"name", "attribute", "call"})


class Receivers:
    """Answers about expressions, each worked out once."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.annotations = Annotations(program)
        self._containers = Containers(self._put, self.awaited)
        self._cut = False
        self._tries: dict[object, int] = {}
        self.parameters = ParameterValues(program, self.value, self.annotated, self.outcome)
        self.kinds = Kinds(program, self.value, self.annotated, self.is_cut_short)
        self._known: dict[tuple[FunctionSymbol, Expression], Value | None] = {}
        self._attributes: dict[tuple[ClassSymbol, str], Value | None] = {}
        self._metaclasses = Metaclasses(program)
        self._of_application: dict[Expression, Value | None] = {}
        self._named_before: dict[Symbol, Value] = {}
        self._takings: dict[FunctionSymbol, Instance | None] = {}
        self._depth = 0

    def is_cut_short(self, question: object) -> bool:
        """Whether no answer means only that the way to it was too long from where it was asked."""
        if not self._cut or self._tries.get(question, 0) >= MOST_TRIES:
            return False
        self._tries[question] = self._tries.get(question, 0) + 1
        return True

    def annotated(self, annotation: Expression, scope: FunctionSymbol) -> Value | None:
        """What an annotation promises."""
        return self.annotations.promised(annotation, scope)

    # --- expressions -----------------------------------------------------------------------------------------------------

    def value(self, expression: Expression, scope: FunctionSymbol) -> Value | None:
        """What an expression of this scope is."""
        # Nearly every question is one of these three, and `match` takes as long to get there as the answer does.
        sort = expression[0]
        if sort not in _KEPT:
            return self._composed(expression, scope)
        key = (scope, expression)
        found = self._known.get(key, _UNASKED)
        if found is not _UNASKED:
            return None if found is _ASKED else found
        if sort == "attribute":
            return self._keep(key, self._read(expression, scope))
        if sort == "name":
            symbol = self.program.lookup(expression[1], scope)
            if not isinstance(symbol, VariableSymbol):
                return self._keep(key, self._named(symbol))
            if symbol.scope is not scope or symbol.name != expression[1]:
                # What it is, is worked out once for all that see it, under whatever name.
                return self._keep(key, self.value(("name", symbol.name), symbol.scope))
        if self._depth > DEEPEST:
            self._cut = True
            return None
        self._known[key] = _ASKED
        self._depth += 1
        found = self._variable(scope, expression[1]) if sort == "name" else self._called(expression[1], scope)
        self._depth -= 1
        if found is None and self._cut and self.is_cut_short(key):
            del self._known[key]
        else:
            self._known[key] = found
        self._cut = self._cut and self._depth > 0
        return found

    def _put(self, expression: Expression, scope: FunctionSymbol) -> Value | None:
        """What is put into a container, or taken out of it: for what a decorator keeps, the functions that it stands on."""
        found = self.value(expression, scope)
        if found is None and expression[0] == "name" and scope.parameters.get(expression[1]) is not None:
            functions = decorated_with(self.program, scope, expression[1], self.value)
            return agreed([Routine(each) for each in functions]) if functions else None
        return found

    def _keep(self, key: tuple[FunctionSymbol, Expression], found: Value | None) -> Value | None:
        """An answer that stays what it is; none may be there only because what it is made of is being worked out."""
        if found is not None:
            self._known[key] = found
        return found

    def _read(self, expression: Expression, scope: FunctionSymbol) -> Value | None:
        """What an attribute is that is read of something."""
        owner = self.value(expression[1], scope)
        if isinstance(owner, Foreign) and owner.symbol is SUPER:
            return None if scope.owner is None else self._above(scope.owner, expression[2])
        found = None if owner is None else self.attribute(owner, expression[2])
        if found is not None or (expression[1][0] != "attribute" and last_name(expression[1]) not in HOLDING_THEIRS):
            return found
        return self._kept_by_application(expression)

    def _is_local(self, key: Expression, scope: FunctionSymbol) -> bool:
        """A name that a function gives a value."""
        match self.program.lookup(key[1], scope) if key[0] == "name" else None:
            case VariableSymbol(scope=at):
                return at.facts.sort not in (TOP, BODY)
        return False

    def _composed(self, expression: Expression, scope: FunctionSymbol) -> Value | None:
        match expression:
            case ("await", inner):
                return self.awaited(self.value(inner, scope))
            case ("choice", parts):
                values = [self.value(part, scope) for part in parts]
                if values and all(isinstance(each, CoroutineOf) for each in values):
                    return values[0]
                # `store or Store()`: of a `store=None` that nobody is known to pass, what is made without it tells.
                told = [
                    value
                    for value, part in zip(values, parts, strict=True)
                    if value or not (_may_be_left_out(part, scope) or _is_filled_in(part[-1], scope))
                ]
                return agreed(told or values)
            case ("subscript", inner, key):
                if last_name(inner) in APPLICATIONS and (kept := self._kept_by_application(expression)) is not None:
                    return kept
                match self.value(inner, scope):
                    case Plain(item=item):
                        return item if key != OTHER else None  # a slice, or nothing that is understood
                    case TypeOf() | Routine() as same:
                        # `Box[int]`, `create_memory_object_stream[int]`; `User[number]` of some mappers is a row.
                        return None if self._is_local(key, scope) else same
                    case Instance(kind=kind) as held if kind.module.model:
                        reading = self.attribute(held, "__getitem__")
                        return self.outcome(reading) if isinstance(reading, Routine) else None
                return None
            case ("none",):
                return Plain("None")
            case ("string", _) | ("formatted", _):
                return Plain("str")
            case ("constant", str(name), *_):
                return Plain(name)
            case ("list" | "set" | "tuple" as name, parts):
                if not 0 < len(parts) <= LONGEST_DISPLAY or any(part[0] == "star" for part in parts):
                    return Plain(name)
                values = [self.value(part, scope) for part in parts]
                return Plain(name, agreed(values), tuple(values) if name == "tuple" else ())
            case ("dict", pairs):
                if not 0 < len(pairs) <= LONGEST_DISPLAY or any(key == OTHER for key, _ in pairs):
                    return Plain("dict")
                return Plain("dict", agreed([self.value(each, scope) for _, each in pairs]))
            case ("comprehension", str(name), element):
                if name == "GeneratorExp":
                    return None
                return Plain("dict" if name == "DictComp" else "list", self.value(element, scope))
            case ("compare", _, operators):
                return Plain("bool") if {*operators} <= {"Is", "IsNot", "In", "NotIn"} else None
            case ("not", _):
                return Plain("bool")
        return None

    def awaited(self, value: Value | None) -> Value | None:
        """What `await` gives of a value."""
        match value:
            case CoroutineOf(result=result) | AwaitableOf(result=result):
                return result
            case Instance(kind=kind, of=(item, *_)) if "__await__" in kind.methods:
                return item
            case Instance(kind=kind) if kind.module.model and isinstance(late := self._of_class(kind, "__await__"), Routine):
                return self.outcome(late)  # a channel or connection that is opened by `await`, and may be entered as well
            case Either(options=options):
                return agreed([self.awaited(each) for each in options])
        return None

    def entered(self, value: Value | None, *, late: bool) -> Value | None:
        """What `with … as` (`async with … as` when late) binds."""
        match value:
            case ContextOf(item=item):
                return item
            case AwaitableOf(result=result, context=True) if late:
                return result
            case Instance():
                method = self.attribute(value, "__aenter__" if late else "__enter__")
                if isinstance(method, Routine):
                    given = self.outcome(method)
                    return self.awaited(given) if late else given
            case Either(options=options):
                # The others cannot be entered in this way, so it is none of them.
                way = "__aenter__" if late else "__enter__"
                able = [each for each in options if isinstance(self.attribute(each, way), Routine)]
                return agreed([self.entered(each, late=late) for each in able]) if able else None
        return None

    def _named(self, symbol: Symbol | None) -> Value | None:
        if symbol is None:
            return None
        if isinstance(symbol, VariableSymbol):
            return self.value(("name", symbol.name), symbol.scope)
        if (known := self._named_before.get(symbol)) is None:
            known = self._named_before[symbol] = _of_symbol(symbol)
        return known

    # --- variables -------------------------------------------------------------------------------------------------------

    def _variable(self, scope: FunctionSymbol, name: str) -> Value | None:
        found: list[Value | None] = []
        if name in scope.parameters:
            value = self.parameters.of(scope, scope.facts.parameters[scope.parameters[name]], scope.parameters[name])
            if value is None and not _is_filled_in(name, scope):
                return None
            found += [] if value is None else [value]
        assignments = [(scope, each) for each in scope.assigned.get(name, ())]
        if scope.facts.sort == BODY and (made := _made_for_class(scope, name)) is not None:
            return self.value(made, scope)
        if scope.facts.sort == TOP:
            for function in scope.module.rebinding.get(name, ()):
                assignments += [(function, each) for each in function.assigned.get(name, ())]
        value = agreed([*found, *self._assigned(assignments)])
        if value is not None and not isinstance(value, Plain):
            return value
        late = scope.facts.sort == TOP and is_filled_later(assignments)
        filling = (scope, *filled_by(self.program, scope, name)) if late else (scope,)
        return self._containers.as_filled(value, ("name", name), filling, assignments)

    def _assigned(self, assignments: list[tuple[FunctionSymbol, Assignment]]) -> list[Value | None]:
        found: list[Value | None] = []
        for scope, each in assignments:
            if each.annotation is not None and (value := self.annotated(each.annotation, scope)) is not None:
                return [value]
            if each.how == "declared":
                found.append(None)
            elif each.how != "delete":
                found.append(self._stored(each, scope))
        return found

    def _stored(self, each: Assignment, scope: FunctionSymbol) -> Value | None:
        match each.how:
            case "=" | "annotated":
                return self.value(each.value, scope)
            case "with" | "with async":
                return self.entered(self.value(each.value, scope), late=each.how == "with async")
            case "for" | "for async":
                match self.value(each.value, scope):
                    case Plain(name=name, item=item) if name not in ("dict", *PAIRS):
                        return item
                    case GeneratorOf(item=item):
                        return item
            case "unpack":
                return self._containers.unpacked(each, scope)
            case "except":
                return self.caught(each, scope)
        return None

    def caught(self, each: Assignment, scope: FunctionSymbol) -> Value | None:
        """What `except ToolError as error` binds: one of the classes that it names."""
        handlers = [block for block in scope.facts.blocks if block.what == "handler" and block.head >= each.line]
        heads = min(handlers, key=lambda block: block.head).expressions if handlers else ()
        named = [part for head in heads for part in (head[1] if head[0] == "tuple" else (head,))]
        kinds = [self.value(part, scope) for part in named]
        return agreed([Instance(kind.kind) if isinstance(kind, TypeOf) else None for kind in kinds]) if kinds else None

    def _kept_by_application(self, expression: Expression) -> Value | None:
        """What `app.state.pool`, `request.app.ctx.pool` or `request.app["pool"]` is, by what the program puts there."""
        if (key := _place_of_application(expression)) is None:
            return None
        if key not in self._of_application:
            self._of_application[key] = None  # what is put there out of itself finds
            value = agreed(self._assigned(self._put_on_applications.get(key, [])))
            self._of_application[key] = value if isinstance(value, Instance) else None
        return self._of_application[key]

    @lazily
    def _put_on_applications(self) -> dict[Expression, list[tuple[FunctionSymbol, Assignment]]]:
        """What a program outside its tests puts on its applications, by the place."""
        found: dict[Expression, list[tuple[FunctionSymbol, Assignment]]] = {}
        for scope in self.program.scopes:
            if not scope.module.in_tests and not HAVING.isdisjoint(scope.facts.loads):
                for each in scope.facts.assignments:
                    if each.target[0] in ("attribute", "subscript") and (key := _place_of_application(each.target)) is not None:
                        found.setdefault(key, []).append((scope, each))
        return found

    # --- attributes and calls --------------------------------------------------------------------------------------------

    def attribute(self, owner: Value, name: str) -> Value | None:
        """What `owner.name` is."""
        match owner:
            case ModuleValue(module=module):
                found = self.program.member(module, name)
                return self._named(found if found is not None else self.program.inside(External(module.name), name))
            case Foreign(symbol=symbol):
                return self._named(self.program.inside(symbol, name))
            case Instance(kind=kind, of=given):
                if given and (meant := of_argument(kind, given, name)) is not None:
                    return meant
                return TypeOf(kind) if name == "__class__" else self._of_class(kind, name)
            case Either(options=options):
                # Of classes that are all known, it is one of those that have the name, or the line raises.
                able = [each for each in options if may_have(each, name, self.program)]
                return agreed([self.attribute(each, name) for each in able or options])
            case Routine(function=function) if function.facts.decorators and not function.module.library:
                taken = self._taken(function)
                return None if taken is None else self.attribute(taken, name)
            case TypeOf(kind=kind):
                if name in kind.body.assigned and not name.startswith("_") and self.program.is_enumeration(kind):
                    return Instance(kind)
                made = _made_for_class(kind.body, name)
                match self._of_class(kind, name) if made is None else self.value(made, kind.body):
                    case Routine(function=function) as routine if "classmethod" not in function.decorator_names:
                        if function.owner is not None and function.owner not in self.program.order(kind)[0]:
                            return routine  # `add = registry.add` in the body keeps the object that it is of
                        return Routine(function, routine.receiver, False)
                    case value:
                        return value if value is not None else self._named(self.program.nested_class(kind, name))
        return None

    def _taken(self, function: FunctionSymbol) -> Instance | None:
        """The object in whose place a function lies that a library has taken by its decorator: the task of `@broker.task`."""
        if function not in self._takings:
            self._takings[function] = None  # what `@name.setter` finds, which is asked of the function itself
            if function.parent is not None:
                match self.value(function.facts.decorators[0].callee, function.parent):
                    case Routine(function=taking) if taking.module.model and taking.facts.returns is not None:
                        task = self.annotated(taking.facts.returns, taking)
                        self._takings[function] = task if isinstance(task, Instance) and task.kind.module.model else None
        return self._takings[function]

    def _of_class(self, kind: ClassSymbol, name: str) -> Value | None:
        key = (kind, name)
        if key not in self._attributes:
            self._attributes[key] = None  # what an attribute that is set from itself finds
            found = self._attributes[key] = self._look_up(kind, name)
            if found is None and self.is_cut_short(key):
                del self._attributes[key]
            return found
        return self._attributes[key]

    def _look_up(self, kind: ClassSymbol, name: str) -> Value | None:
        for each in self.program.order(kind)[0]:
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
                found = agreed(self._assigned(assignments))
                if name in each.body.assigned and self._is_descriptor(found):
                    return None  # an object gives what its `__get__` makes of it
                return self._containers.as_filled(found, kept, methods, assignments)
        if kind.module.model and "__getattr__" in kind.methods:
            return self.kinds.outcome(kind.methods["__getattr__"][0])
        having = [] if kind.module.library else combined(kind, name, self.program)
        beside = agreed([self._of_class(each, name) for each in having]) if having else None
        return beside if isinstance(beside.options[0] if isinstance(beside, Either) else beside, Routine) else None

    def _is_descriptor(self, value: Value | None) -> bool:
        return (
            isinstance(value, Instance)
            and not value.kind.module.library
            and any("__get__" in each.methods for each in self.program.order(value.kind)[0])
        )

    def _is_rewritten(self, kind: ClassSymbol) -> bool:
        """A metaclass of the program makes of the body of the class what it will."""
        return any(
            isinstance(self.program.evaluate(value, above.module.function(above.facts.scope)), ClassSymbol)
            for above in self.program.order(kind)[0]
            for name, value in above.facts.keywords
            if name == "metaclass" and not above.module.library
        )

    def _made_method(self, kind: ClassSymbol, name: str) -> Routine | None:
        """`execute = run_slowly` in the body of a class, or `read, write = made_for(…)`: called on an object, the function is
        given the object first.
        """
        match kind.body.assigned.get(name), kind.set_on_self.get(name):
            case [Assignment(how="=" | "unpack") as only], None:
                match self._stored(only, kind.body):
                    case Routine(function=function) if function.owner is None:
                        return Routine(function, None, True)
        return None

    def _above(self, kind: ClassSymbol, name: str) -> Value | None:
        """What `super().name` is in a method of the class: what comes next in its order, unless that is not known."""
        order, closed = self.program.order(kind)
        for before, each in pairwise(order):
            if not closed and self.program.bases(before)[:1] != [each]:
                return None  # a base that is not known may come between
            if name in each.methods or name in each.body.assigned or name in each.set_on_self:
                return None if self._comes_between(kind, each, name) else self._of_class(each, name)
        return None

    def _comes_between(self, kind: ClassSymbol, found: ClassSymbol, name: str) -> bool:
        """Some class below has another one with that name between the two: `class Both(Left, Right)`."""
        for below in self.program.subclasses.get(kind, ()):
            order = self.program.order(below)[0]
            if kind in order and found in order:
                between = order[order.index(kind) + 1 : order.index(found)]
                if any(name in each.methods or name in each.body.assigned for each in between):
                    return True
        return False

    def _method(self, function: FunctionSymbol, kind: ClassSymbol) -> Value | None:
        names = function.decorator_names
        if names & {"property", "cached_property", "hybrid_property"}:
            return self._agreed_with_overrides(function, kind)
        return Routine(function, kind, "staticmethod" not in names and function.name != "__new__")

    def outcome(self, routine: Routine) -> Value | None:
        """What calling a function gives; for a method, when all that override it agree."""
        if routine.receiver is not None:
            return self._agreed_with_overrides(routine.function, routine.receiver)
        return self.kinds.outcome(routine.function)

    def _agreed_with_overrides(self, function: FunctionSymbol, kind: ClassSymbol) -> Value | None:
        value = self.kinds.outcome(function)
        if function.facts.returns is not None and last_name(function.facts.returns) == "Self":
            value = CoroutineOf(Instance(kind), function) if function.facts.sort == ASYNC else Instance(kind)
        if value is None:
            return None
        for below in self.program.subclasses.get(kind, ()):
            for other in below.methods.get(function.name, ())[:1]:
                against = self.kinds.outcome(other)
                alike = other.facts.sort == ASYNC and not other.facts.yields
                if against is None and alike and isinstance(value, CoroutineOf):
                    continue  # whatever its decorators make of it, it overrides a coroutine function as one
                if against is None or type(against) is not type(value):
                    return None
                if isinstance(value, Plain) and value != against:
                    return None
        return value

    def _called(self, index: int, scope: FunctionSymbol) -> Value | None:
        call = scope.facts.calls[index]
        if scope.rebound and call.callee in scope.rebound:
            return None  # `crawler.run = traced(crawler.run)`: from here on it is another
        if call.callee[0] == "attribute" and call.callee[2] in GIVES:
            match self.value(call.callee[1], scope):
                case Plain(name=name) as container if name in HOLDING:
                    return self._containers.out_of(container, call.callee[2])
        callee = self.value(call.callee, scope)
        return None if callee is None else self._given_by(callee, index, scope)

    def _given_by(self, callee: Value | None, index: int, scope: FunctionSymbol) -> Value | None:
        """What a call of this number gives when this is what is called."""
        call = scope.facts.calls[index]
        match callee:
            case Either(options=options):
                outcomes = [self._given_by(each, index, scope) for each in options]
                first = outcomes[0]
                if len({type(each) for each in outcomes}) != 1:
                    return None  # one has to be awaited, and another must not be
                if isinstance(first, CoroutineOf):
                    return CoroutineOf(agreed([self.awaited(each) for each in outcomes]), first.function, first.chain)
                return agreed(outcomes)
            case Routine(function=function) as routine:
                if function.module.model and function.facts.decorators and "blocks" not in function.decorator_names:
                    return self._of_model(routine, index, scope)
                return self.outcome(routine)
            case Callback(result=result):
                return AwaitableOf(result)
            case TypeOf(kind=kind):
                if is_replaced(kind, self.program) or (len(call.arguments) > 1 and self.program.is_enumeration(kind)):
                    return None  # `Side = Names("Side", ["BUY", "SELL"])` makes another enumeration
                given = dict(call.keywords).get("class_")
                match None if given is None else self.value(given, scope):
                    case TypeOf(kind=made):
                        return Instance(kind, (Instance(made),))
                return Instance(kind)
            case Instance(kind=kind, of=(made, *_)) if kind.module.model and "__call__" in kind.methods:
                return made
            case Instance() as callable_one:
                method = self.attribute(callable_one, "__call__")
                return self.outcome(method) if isinstance(method, Routine) else None
            case Foreign(symbol=External(dotted=name)):
                match name.split("."):
                    case ["builtins", "super"] if not call.arguments:
                        return Foreign(SUPER)
                    case ["builtins", "type"] if len(call.arguments) == 1:
                        asked = self.value(call.arguments[0], scope)
                        return self.attribute(asked, "__class__") if isinstance(asked, Instance) else None
                    case ["builtins", builtin] if builtin in COPYING and call.arguments:
                        return self._containers.copied(builtin, self.value(call.arguments[0], scope))
                    case ["builtins", builtin] if builtin in PLAIN_CALLS:
                        return Plain(builtin if builtin in PLAIN_TYPES else "value")
                    case ["dataclasses", "replace"] | ["copy", "copy" | "deepcopy" | "replace"] if call.arguments:
                        return self.value(call.arguments[0], scope)
                    case ["typing" | "typing_extensions", "cast"] if len(call.arguments) == 2:
                        return self.annotated(call.arguments[0], scope)
        return None

    def _of_model(self, routine: Routine, index: int, scope: FunctionSymbol) -> Value | None:
        """A function of a model whose result is made of an argument: `@gives_argument` hands on the first one's result."""
        call = scope.facts.calls[index]
        if "gives_argument" in routine.function.decorator_names and call.arguments:
            inner = self.awaited(self.value(call.arguments[0], scope))
            if routine.function.facts.sort == ASYNC:
                return CoroutineOf(inner, routine.function)
            match self.annotated(routine.function.facts.returns or ("none",), routine.function):
                case Instance(kind=kind):
                    return Instance(kind, (inner,))
        if "gathers_arguments" in routine.function.decorator_names:
            return AwaitableOf(self._containers.gathered(call.arguments, scope), function=routine.function)
        if "enters_argument" in routine.function.decorator_names and call.arguments:
            late = routine.function.facts.sort == ASYNC
            entered = self.entered(self.value(call.arguments[0], scope), late=late)
            return CoroutineOf(entered, routine.function) if late else entered
        return self.outcome(routine)


def _place_of_application(expression: Expression) -> Expression | None:
    """`("state", "pool")` of `app.state.pool`, the key of `request.app["pool"]`."""
    match expression:
        case ("attribute", ("attribute", application, "state" | "ctx"), str(name)) if last_name(application) in APPLICATIONS:
            return ("state", name)
        case ("subscript", application, key) if last_name(application) in APPLICATIONS and key != OTHER:
            return ("item", key)
        case ("attribute", application, str(name)) if last_name(application) in HOLDING_THEIRS:
            return ("own", name)
    return None


def _of_symbol(symbol: ModuleSymbol | FunctionSymbol | ClassSymbol | External) -> Value:
    match symbol:
        case ModuleSymbol():
            return ModuleValue(symbol)
        case FunctionSymbol():
            return Routine(symbol)
        case ClassSymbol():
            return TypeOf(symbol)
        case External():
            return Foreign(symbol)


def _made_for_class(body: FunctionSymbol, name: str) -> Expression | None:
    """The call in `state: Mapped[State] = mapped_column()`: the annotation tells what the objects of the class have."""
    match body.assigned.get(name):
        case [Assignment(annotation=annotation, value=("call", _) as made)] if annotation is not None:
            of_class = annotation[0] == "subscript" and last_name(annotation[1]) == "ClassVar"
            return None if of_class else made
    return None


def _is_filled_in(name: object, scope: FunctionSymbol) -> bool:
    """`pool = pool or Pool()`, for a parameter `pool=None`: what is made without it tells what it is from there on."""
    given = scope.assigned.get(name, ()) if isinstance(name, str) and name in scope.parameters else ()
    return (
        bool(given)
        and all(each.how == "=" and each.value[0] == "choice" and ("name", name) in each.value[1] for each in given)
        and scope.facts.parameters[scope.parameters[str(name)]].annotation is None
        and scope.facts.parameters[scope.parameters[str(name)]].default == NOTHING
    )


def _may_be_left_out(part: Expression, scope: FunctionSymbol) -> bool:
    """A parameter without annotation whose default is None."""
    number = scope.parameters.get(part[1]) if part[0] == "name" else None
    if number is None or part[1] in scope.assigned:
        return False
    parameter = scope.facts.parameters[number]
    return parameter.annotation is None and parameter.default == NOTHING
