"""What an expression is, as far as annotations, constructors, factories, `Depends`, `with … as`, attributes set elsewhere in
the class and one level of call sites tell. Where two of them disagree, or one is not understood, the answer is None.
"""

from typing import Final

from netra.guard.facts import ASYNC, BODY, OTHER, TOP, Assignment, Expression, Parameter, last_name
from netra.guard.kinds import Kinds
from netra.guard.program import (
    ClassSymbol,
    External,
    FunctionSymbol,
    ModuleSymbol,
    Program,
    Symbol,
    VariableSymbol,
    one_of,
)
from netra.guard.values import (
    AwaitableOf,
    ContextOf,
    CoroutineOf,
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

SEQUENCES: Final = frozenset(
    "list List set Set frozenset FrozenSet tuple Tuple deque Deque Sequence MutableSequence Iterable Collection".split()
)
MAPPINGS: Final = frozenset("dict Dict Mapping MutableMapping defaultdict DefaultDict OrderedDict".split())
PLAIN_TYPES: Final = frozenset(
    "str int float bool bytes bytearray list dict set frozenset tuple complex range memoryview NoneType".split()
)
PLAIN_CALLS: Final = frozenset("str int float bool bytes list dict set frozenset tuple len sorted sum repr abs round".split())
WRAPPERS: Final = frozenset("Annotated Optional ClassVar Final Required NotRequired ReadOnly Mapped InitVar".split())
INJECTED: Final = frozenset("Depends Security Inject Provide".split())

OWN_NAMES: Final = frozenset("self cls mcs mcls metacls this klass".split())

# More call sites than this say nothing new, and each costs time.
MOST_SITES: Final = 24
DEEPEST: Final = 24

_ASKED: Final = Plain("…")
"""Stands for an answer that is being worked out, so that `x = x.next()` ends."""

_UNASKED: Final = Plain("?")
"""Stands for an answer that nobody has asked for yet."""


class Receivers:
    """Answers about expressions, each worked out once."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.kinds = Kinds(program, self.value, self.annotated)
        self._known: dict[tuple[FunctionSymbol, Expression], Value | None] = {}
        self._attributes: dict[tuple[ClassSymbol, str], Value | None] = {}
        self._depth = 0

    # --- expressions -----------------------------------------------------------------------------------------------------

    def value(self, expression: Expression, scope: FunctionSymbol) -> Value | None:
        """What an expression of this scope is."""
        # Nearly every question is one of these two, and `match` takes as long to get there as the answer does.
        sort = expression[0]
        if sort == "attribute":
            owner = self.value(expression[1], scope)
            return None if owner is None else self.attribute(owner, expression[2])
        if sort in ("name", "call"):
            key = (scope, expression)
            found = self._known.get(key, _UNASKED)
            if found is not _UNASKED:
                return None if found is _ASKED else found
            if self._depth > DEEPEST:
                return None
            self._known[key] = _ASKED
            self._depth += 1
            if sort == "name":
                found = self._named(self.program.lookup(expression[1], scope))
            else:
                found = self._called(expression[1], scope)
            self._depth -= 1
            self._known[key] = found
            return found
        return self._composed(expression, scope)

    def _composed(self, expression: Expression, scope: FunctionSymbol) -> Value | None:
        match expression:
            case ("await", inner):
                return self.awaited(self.value(inner, scope))
            case ("choice", parts):
                values = [self.value(part, scope) for part in parts]
                if values and all(isinstance(each, CoroutineOf) for each in values):
                    return values[0]
                return agreed(values)
            case ("subscript", inner, key):
                match self.value(inner, scope):
                    case Plain(item=item):
                        return item if key != OTHER else None  # a slice, or nothing that is understood
                    case TypeOf() as kind:
                        return kind
                return None
            case ("none",):
                return Plain("None")
            case ("string", _) | ("formatted", _):
                return Plain("str")
            case ("constant", str(name), *_):
                return Plain(name)
            case ("list" | "set" | "tuple" as name, parts):
                return Plain(name, agreed([self.value(part, scope) for part in parts]) if 0 < len(parts) < 9 else None)
            case ("dict", _):
                return Plain("dict")
            case ("comprehension", str(name), element):
                return None if name == "GeneratorExp" else Plain("list", self.value(element, scope))
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
        return None

    def _named(self, symbol: Symbol | None) -> Value | None:
        match symbol:
            case ModuleSymbol():
                return ModuleValue(symbol)
            case FunctionSymbol():
                return Routine(symbol)
            case ClassSymbol():
                return TypeOf(symbol)
            case External():
                return Foreign(symbol)
            case VariableSymbol(scope=scope, name=name):
                return self._variable(scope, name)
        return None

    # --- variables and parameters ----------------------------------------------------------------------------------------

    def _variable(self, scope: FunctionSymbol, name: str) -> Value | None:
        found: list[Value | None] = []
        if name in scope.parameters:
            value = self._parameter(scope, scope.facts.parameters[scope.parameters[name]], scope.parameters[name])
            if value is None:
                return None
            found.append(value)
        assignments = [(scope, each) for each in scope.assigned.get(name, ())]
        if scope.facts.sort == TOP:
            for function in scope.module.functions:
                if name in function.facts.globals:
                    assignments += [(function, each) for each in function.assigned.get(name, ())]
        return agreed([*found, *self._assigned(assignments)])

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
                    case Plain(name=name, item=item) if name != "dict":
                        return item
                    case GeneratorOf(item=item):
                        return item
        return None

    def _parameter(self, scope: FunctionSymbol, parameter: Parameter, number: int) -> Value | None:
        if number == 0 and (owner := scope.owner) is not None and "staticmethod" not in scope.decorator_names:
            if parameter.annotation is not None and parameter.name not in OWN_NAMES:
                # `@staticmethod` was forgotten: it is called on the class, and works.
                return self.annotated(parameter.annotation, owner.body)
            of_class = "classmethod" in scope.decorator_names or scope.name in ("__new__", "__init_subclass__")
            return TypeOf(owner) if of_class else Instance(owner)
        if parameter.position in ("arguments", "keywords"):
            return Plain("tuple" if parameter.position == "arguments" else "dict")
        around = scope.parent
        if around is None:
            return None
        if parameter.annotation is not None:
            value = self.annotated(parameter.annotation, around)
            if value is not None:
                return value
        if (injected := self._injected(parameter, around)) is not None:
            return injected
        if parameter.annotation is not None:
            return None
        return self._passed(scope, parameter, number)

    def dependency(self, parameter: Parameter, around: FunctionSymbol) -> Value | None:
        """The function or class that `Depends(…)` of a parameter names, in its default or its annotation."""
        for each in (parameter.default, *_parts(self._alias(parameter.annotation, around))):
            where = around
            match each:
                case ("alias", FunctionSymbol() as where, inner):
                    each = inner
            match each:
                case ("call", int(index)) if last_name(where.facts.calls[index].callee) in INJECTED:
                    arguments = where.facts.calls[index].arguments
                    return self.value(arguments[0], where) if arguments else None
        return None

    def _alias(self, annotation: Expression | None, scope: FunctionSymbol) -> Expression | None:
        """`SessionDep` with what it stands for, its calls marked with the scope in which they stand."""
        if annotation is None or annotation[0] != "name":
            return annotation
        match self.program.lookup(annotation[1], scope):
            case VariableSymbol(scope=where, name=name):
                match where.assigned.get(name):
                    case [Assignment(value=("subscript", base, ("tuple", parts)))]:
                        return ("subscript", base, ("tuple", tuple(("alias", where, part) for part in parts)))
        return annotation

    def _injected(self, parameter: Parameter, around: FunctionSymbol) -> Value | None:
        match self.dependency(parameter, around):
            case TypeOf(kind=kind):
                return Instance(kind)
            case Routine() as routine:
                match self.outcome(routine):
                    case CoroutineOf(result=result):
                        return result
                    case GeneratorOf(item=item) | ContextOf(item=item):
                        return item
                    case value:
                        return value
        return None

    def _passed(self, scope: FunctionSymbol, parameter: Parameter, number: int) -> Value | None:
        """What all known callers pass for a parameter without annotation."""
        sites = self.program.calls_named.get(scope.name, [])
        if not sites or len(sites) > MOST_SITES or scope.facts.decorators:
            return None
        method = scope.owner is not None
        found: list[Value | None] = []
        for caller, index in sites:
            call = caller.facts.calls[index]
            match self.value(call.callee, caller):
                case Routine(function=function, bound=bound) if function is scope:
                    position = number - (1 if method and bound else 0)
                    given = next((value for name, value in call.keywords if name == parameter.name), None)
                    if given is None and 0 <= position < len(call.arguments):
                        given = call.arguments[position]
                    if given is not None:
                        found.append(self.value(given, caller))
                    elif parameter.default is None:
                        return None
        return agreed(found) if found else None

    # --- attributes and calls --------------------------------------------------------------------------------------------

    def attribute(self, owner: Value, name: str) -> Value | None:
        """What `owner.name` is."""
        match owner:
            case ModuleValue(module=module):
                found = self.program.member(module, name)
                return self._named(found if found is not None else self.program.inside(External(module.name), name))
            case Foreign(symbol=symbol):
                return self._named(self.program.inside(symbol, name))
            case Instance(kind=kind):
                return self._of_class(kind, name)
            case TypeOf(kind=kind):
                if name in kind.body.assigned and not name.startswith("_") and self.program.is_enumeration(kind):
                    return Instance(kind)
                match self._of_class(kind, name):
                    case Routine(function=function) as routine if "classmethod" not in function.decorator_names:
                        return Routine(function, routine.receiver, False)
                    case value:
                        return value if value is not None else self._named(self.program.nested_class(kind, name))
        return None

    def _of_class(self, kind: ClassSymbol, name: str) -> Value | None:
        key = (kind, name)
        if key not in self._attributes:
            self._attributes[key] = None  # what an attribute that is set from itself finds
            self._attributes[key] = self._look_up(kind, name)
        return self._attributes[key]

    def _look_up(self, kind: ClassSymbol, name: str) -> Value | None:
        for each in self.program.order(kind)[0]:
            if name in each.methods:
                functions = one_of(each.methods[name])
                return self._method(functions[0], kind) if len(functions) == 1 else None
            assignments = [(each.body, one) for one in each.body.assigned.get(name, ())]
            assignments += each.set_on_self.get(name, ())
            if assignments:
                return agreed(self._assigned(assignments))
        return None

    def _method(self, function: FunctionSymbol, kind: ClassSymbol) -> Value | None:
        names = function.decorator_names
        if names & {"property", "cached_property", "hybrid_property"}:
            return self._agreed_with_overrides(function, kind)
        return Routine(function, kind, "staticmethod" not in names)

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
                if against is None or type(against) is not type(value):
                    return None
                if isinstance(value, Plain) and value != against:
                    return None
        return value

    def _called(self, index: int, scope: FunctionSymbol) -> Value | None:
        call = scope.facts.calls[index]
        match self.value(call.callee, scope):
            case Routine(function=function) as routine:
                if function.module.model and function.facts.decorators and "blocks" not in function.decorator_names:
                    return self._of_model(routine, index, scope)
                return self.outcome(routine)
            case TypeOf(kind=kind):
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
                    case ["builtins", builtin] if builtin in PLAIN_CALLS:
                        return Plain(builtin if builtin in PLAIN_TYPES else "value")
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
        return self.outcome(routine)

    # --- annotations -----------------------------------------------------------------------------------------------------

    def annotated(self, annotation: Expression, scope: FunctionSymbol) -> Value | None:
        """What an annotation promises."""
        match annotation:
            case ("none",):
                return Plain("None")
            case ("operator", "|", left, right):
                return agreed([self.annotated(left, scope), self.annotated(right, scope)])
            case ("name" | "attribute", *_):
                return self._annotated_name(annotation, scope)
            case ("subscript", head, key):
                return self._annotated_generic(last_name(head) or "", head, key, scope)
        return None

    def _annotated_name(self, annotation: Expression, scope: FunctionSymbol) -> Value | None:
        name = last_name(annotation) or ""
        symbol = self.program.evaluate(annotation, scope)
        match symbol:
            case ClassSymbol():
                return Instance(symbol)
            case VariableSymbol(scope=where, name=alias):
                match where.assigned.get(alias):
                    case [Assignment(value=("subscript" | "operator" | "name" | "attribute", *_) as value)] if (
                        where.facts.sort in (TOP, BODY) and value != annotation
                    ):
                        return self.annotated(value, where)
                return None
            case External(dotted=dotted):
                if dotted.startswith("builtins.") and name in PLAIN_TYPES:
                    return Plain(name)
                if name == "object" and scope.module.model:
                    return Plain("value")
                if name in ("Awaitable", "Coroutine"):
                    return AwaitableOf(None)
                if name == "Self":
                    return self._own(scope)
                return self._lost(name) if self.program.is_lost(dotted) else None
            case None:
                return self._lost(name)
        return None

    def _own(self, scope: FunctionSymbol) -> Value | None:
        at: FunctionSymbol | None = scope
        while at is not None:
            if at.owner is not None:
                return Instance(at.owner)
            at = at.parent
        return None

    def _lost(self, name: str) -> Value | None:
        """A class by its last name alone, where its import leads nowhere: when there is only one of that name,
        or all of that name are classes below one.
        """
        found = self.program.classes_named.get(name, ())
        first = [each for each in found if all(each in self.program.order(other)[0] for other in found)]
        return Instance(first[0]) if first else None

    def _annotated_generic(self, name: str, head: Expression, key: Expression, scope: FunctionSymbol) -> Value | None:
        parts = key[1] if key[0] == "tuple" else (key,)
        first = parts[0] if parts else ("none",)
        if name in WRAPPERS:
            return self.annotated(first, scope)
        if name == "Union":
            return agreed([self.annotated(part, scope) for part in parts])
        if name in SEQUENCES:
            homogeneous = name not in ("tuple", "Tuple") or len(parts) == 2
            return Plain("list", self.annotated(first, scope) if homogeneous else None)
        if name in MAPPINGS:
            return Plain("dict", self.annotated(parts[-1], scope))
        match name:
            case "Awaitable" | "Coroutine":
                return AwaitableOf(self.annotated(parts[-1], scope))
            case "AwaitableContext":
                return AwaitableOf(self.annotated(first, scope), context=True)
            case "AsyncIterator" | "AsyncGenerator" | "AsyncIterable":
                return GeneratorOf(self.annotated(first, scope), True)
            case "Iterator" | "Generator":
                return GeneratorOf(self.annotated(first, scope), False)
            case "AbstractAsyncContextManager" | "AsyncContextManager":
                return ContextOf(self.annotated(first, scope), True)
            case "AbstractContextManager" | "ContextManager":
                return ContextOf(self.annotated(first, scope), False)
            case "type" | "Type":
                match self.annotated(first, scope):
                    case Instance(kind=kind):
                        return TypeOf(kind)
                return None
            case "Literal":
                return Plain("value")
        match self.program.evaluate(head, scope):
            case ClassSymbol() as kind:
                return Instance(kind, tuple(self.annotated(part, scope) for part in parts))
        return None


def _parts(annotation: Expression | None) -> tuple[Expression, ...]:
    match annotation:
        case ("subscript", _, ("tuple", parts)):
            return tuple(parts)
    return ()
