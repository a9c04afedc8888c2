"""What a parameter is: by its annotation, its `Depends`, the class that a method belongs to, or what known callers pass."""

from collections.abc import Callable, Iterator
from typing import Final

from netra.guard.facts import NOTHING, Assignment, Expression, Parameter, last_name
from netra.guard.lazily import lazily
from netra.guard.meaning.by_shape import by_shape
from netra.guard.meaning.called_by_libraries import handed_to
from netra.guard.meaning.fixtures import fixture_of
from netra.guard.meaning.provided import Provided
from netra.guard.meaning.replacing import hands_in_another
from netra.guard.meaning.run_later import RunLater
from netra.guard.meaning.tasks import task_class
from netra.guard.program import Program
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol, VariableSymbol
from netra.guard.values import (
    Callback,
    ContextOf,
    CoroutineOf,
    GeneratorOf,
    Instance,
    Plain,
    Routine,
    TypeOf,
    Value,
    agreed,
)

TYPE: Final = External("builtins.type")
INJECTED: Final = frozenset("Depends Security Inject Provide".split())

# Decorators under which the `cls` of a method is what it is without them. Others (`@validator`) hand it the class.
OF_METHODS: Final = frozenset(
    "classmethod property cached_property abstractmethod override final overload contextmanager asynccontextmanager".split()
)
OWN_NAMES: Final = frozenset("self cls mcs mcls metacls this klass".split())

# More call sites than this say nothing new, and each costs time.
MOST_SITES: Final = 24
MOST_MAKINGS: Final = 96
"""Of a class and those below it, each with a name of its own, more are made."""


class ParameterValues:
    """Answers about parameters of one program; the three questions are those of `Receivers`."""

    def __init__(
        self,
        program: Program,
        value: Callable[[Expression, FunctionSymbol], Value | None],
        annotated: Callable[[Expression, FunctionSymbol], Value | None],
        outcome: Callable[[Routine], Value | None],
    ) -> None:
        self._program = program
        self._namers: dict[tuple[FunctionSymbol, int], tuple[Expression, FunctionSymbol] | None] = {}
        self._value = value
        self._annotated = annotated
        self._outcome = outcome

    def of(self, scope: FunctionSymbol, parameter: Parameter, number: int) -> Value | None:
        """What the parameter with this number is in the scope of its function."""
        if number == 0 and scope.owner is not None and scope.name == "_generate_next_value_":
            return Plain("str")  # what `Enum` calls with the name of the member, whatever it is called here
        if number == 0 and (owner := scope.owner) is not None and "staticmethod" not in scope.decorator_names:
            if parameter.annotation is not None and parameter.name not in OWN_NAMES:
                # `@staticmethod` was forgotten: it is called on the class, and works.
                return self._annotated(parameter.annotation, owner.body)
            if parameter.name.lstrip("_") not in OWN_NAMES:
                # `@staticmethod` was forgotten here, too, or `@bindings.add(…)` hands the function to a library.
                return None
            if parameter.name == "cls" and not scope.decorator_names <= OF_METHODS:
                return TypeOf(owner)
            if self.is_called_with_another(scope):
                return None
            of_class = "classmethod" in scope.decorator_names or scope.name in ("__new__", "__init_subclass__")
            if not of_class and any(self._program.evaluate(base, owner.body) == TYPE for base in owner.facts.bases):
                return None  # of a metaclass it is a class, which has what its own body says first
            return TypeOf(owner) if of_class else Instance(owner)
        if parameter.position in ("arguments", "keywords"):
            return Plain("tuple" if parameter.position == "arguments" else "dict")
        around = scope.parent
        if around is None:
            return None
        if parameter.annotation is not None:
            value = self._annotated(parameter.annotation, around)
            if isinstance(value, Callback) and parameter.default is not None and parameter.default != NOTHING:
                return None  # `notify: Callable[[str], Awaitable[None]] = print`: the default may say something else
            if value is not None:
                return value
        if (injected := self._injected(parameter, around)) is not None:
            return injected
        if parameter.annotation is not None:
            return None
        if scope.module.in_tests and (fixture := fixture_of(parameter.name, scope, self._program)) is not None:
            value = self._given_by(Routine(fixture))
            # What the tests have made to stand for something else says nothing of what it stands for; but what they write
            # to be awaited has to be.
            match value:
                case Routine(function=function) if function.facts.asynchronous and not function.facts.decorators:
                    return value
                case Instance(kind=made) if not made.module.in_tests:
                    return value
            return None
        if number == 0 and scope.facts.decorators and (kind := task_class(scope, self._program)) is not None:
            return Instance(kind)
        handed = handed_to(scope, number, self._program) or self._passed(scope, parameter, number)
        return handed if handed is not None else by_shape(scope, parameter.name, self._program)

    def is_called_with_another(self, method: FunctionSymbol) -> bool:
        """A decorator of the program calls the method with something else than the object that has it."""
        if (owner := method.owner) is None:
            return False
        for each in method.facts.decorators:
            if last_name(each.callee) not in OF_METHODS:
                match self._value(each.callee, owner.body):
                    case Routine(function=function) if not function.module.library:
                        if hands_in_another(function, called=each.called):
                            return True
        return False

    def dependency(self, parameter: Parameter, around: FunctionSymbol) -> Value | None:
        """The function or class that `Depends(…)` of a parameter names, in its default or its annotation, or a table has."""
        # What names it is looked for once: every rule that asks who is served asks this of every parameter there is. (A fact
        # lives as long as its file, so that its identity may stand for it, which takes no time.)
        key = (around, id(parameter))
        if key not in self._namers:
            self._namers[key] = self._namer(parameter, around)
        named = self._namers[key]
        return None if named is None else self._value(*named)

    def _namer(self, parameter: Parameter, around: FunctionSymbol) -> tuple[Expression, FunctionSymbol] | None:
        """What names the dependency, and where that stands."""
        default = () if parameter.default is None or parameter.default[0] != "call" else (parameter.default,)
        annotation = self._alias(parameter.annotation, around)
        named = _parts(annotation) if annotation is not None and annotation[0] == "subscript" else ()
        for each in (*default, *named):
            _, where, given = each if each[0] == "alias" else ("", around, each)
            if given[0] == "call" and last_name(where.facts.calls[given[1]].callee) in INJECTED:
                arguments = where.facts.calls[given[1]].arguments
                return (arguments[0], where) if arguments else None
        return None if self._provided is None else self._provided.of(parameter, around)

    @lazily
    def _provided(self) -> Provided | None:
        """The tables of dependencies, where there is one."""
        return Provided(self._program) or None

    def is_injected(self, parameter: Parameter, scope: FunctionSymbol) -> bool:
        """`Depends(…)` gives the function its parameter, and no caller or client."""
        return scope.parent is not None and self.dependency(parameter, scope.parent) is not None

    def _alias(self, annotation: Expression | None, scope: FunctionSymbol) -> Expression | None:
        """`SessionDep`, `deps.SessionDep` with what it stands for, its calls marked with the scope in which they stand."""
        if annotation is None or annotation[0] not in ("name", "attribute"):
            return annotation
        match self._program.evaluate(annotation, scope):
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
                return self._given_by(routine)
        return None

    def _given_by(self, routine: Routine) -> Value | None:
        """What a function gives that a framework calls, awaits or enters by itself."""
        match self._outcome(routine):
            case CoroutineOf(result=result):
                return result
            case GeneratorOf(item=item) | ContextOf(item=item):
                return item
            case value:
                return value

    def _passed(self, scope: FunctionSymbol, parameter: Parameter, number: int) -> Value | None:
        """What all known callers pass for a parameter without annotation."""
        sites = self._sites(scope)
        if (not sites and scope not in self._run_later) or scope.facts.decorators:
            return None
        most = MOST_MAKINGS if scope.name == "__init__" else MOST_SITES
        if len(sites) > most and sum(not caller.module.in_tests for caller, _ in sites) > most:
            return None
        found: list[Value | None] = []
        left_out = False
        for caller, given in self._given_by_others(scope, parameter, number):
            if given is not None:
                value = None if self._is_put_in_place(given, caller, scope) else self._value(given, caller)
                # What a test has put there in place of it, unless that is known, says nothing of the program.
                if value is not None or not caller.module.in_tests or scope.module.in_tests:
                    found.append(value)
            elif parameter.default is None:
                return None
            else:
                left_out = True
        if not found and left_out and parameter.default is not None and scope.parent is not None:
            # `def __init__(self, factory=new_session)`: what nobody passes is what it is without.
            match self._value(parameter.default, scope.parent):
                case Routine() | TypeOf() as value:
                    return value
        return agreed(found) if found else None

    def _is_put_in_place(self, given: Expression, caller: FunctionSymbol, scope: FunctionSymbol) -> bool:
        """A fixture hands the program something that stands for what it has otherwise."""
        if not caller.module.in_tests or scope.module.in_tests:
            return False
        root = given
        while root[0] == "attribute":
            root = root[1]
        return root[0] == "name" and root[1] in caller.parameters and fixture_of(root[1], caller, self._program) is not None

    def _given_by_others(
        self, scope: FunctionSymbol, parameter: Parameter, number: int
    ) -> Iterator[tuple[FunctionSymbol, Expression | None]]:
        """What is known to be passed, but for what the parameter was given before: whatever that is, it tells nothing new."""
        for caller, given in self.given(scope, parameter, number):
            if given is None or not self._is_handed_on(given, caller, scope, parameter):
                yield caller, given

    def _is_handed_on(self, given: Expression, caller: FunctionSymbol, scope: FunctionSymbol, parameter: Parameter) -> bool:
        """`Access(self.session)` in a class whose `session` is kept by the constructor that `Access` shares with it."""
        if scope.name != "__init__" or caller.owner is None or given[:2] != ("attribute", ("name", "self")):
            return False
        order = self._program.order(caller.owner)[0]
        if scope.owner not in order or caller.name == "__init__":
            return False
        kept = [one for kind in order for one in kind.set_on_self.get(given[2], ())]
        return bool(kept) and all(
            method is scope and each.how == "=" and each.value == ("name", parameter.name) for method, each in kept
        )

    def given(
        self, scope: FunctionSymbol, parameter: Parameter, number: int
    ) -> Iterator[tuple[FunctionSymbol, Expression | None]]:
        """Who is known to call the function, and what each passes for a parameter; None where it is left out."""
        method = scope.owner is not None
        sites = self._sites(scope)
        most = MOST_MAKINGS if scope.name == "__init__" else MOST_SITES
        if len(sites) > most:
            sites = sorted(sites, key=lambda site: site[0].module.in_tests)[:most]
        for caller, index in sites:
            call = caller.facts.calls[index]
            match self._value(call.callee, caller):
                case Routine(function=function, bound=bound) if function is scope:
                    position = number - (1 if method and bound else 0)
                case TypeOf(kind=kind) if scope.name == "__init__" and self.constructor(kind) is scope:
                    position = number - 1
                case _:
                    continue
            given = next((value for name, value in call.keywords if name == parameter.name), None)
            if given is None and 0 <= position < len(call.arguments):
                given = call.arguments[position]
            yield caller, given
        if scope in self._run_later:
            yield from self._run_later.given(scope, parameter.name, number)

    @lazily
    def _run_later(self) -> RunLater:
        """What is called by something else, with what it is told to pass on."""
        return RunLater(self._program, self._value)

    def _sites(self, scope: FunctionSymbol) -> list[tuple[FunctionSymbol, int]]:
        """The calls that may reach a function, by their names; for `__init__` those of its class and of those below it."""
        sites = self._program.calls_named.get(scope.name, [])
        if scope.owner is None or scope.name != "__init__":
            return sites
        below = self._program.subclasses.get(scope.owner, ())
        names = {scope.owner.name, *(each.name for each in below)}
        of_super = [
            site for site in sites if site[0].owner in below and _is_super(site[0].facts.calls[site[1]].callee, site[0])
        ]
        of_class = [site for site in self._program.calls_named.get("cls", ()) if site[0].owner in (scope.owner, *below)]
        return [*of_super, *of_class, *(site for name in sorted(names) for site in self._program.calls_named.get(name, ()))]

    def constructor(self, kind: ClassSymbol) -> FunctionSymbol | None:
        """The `__init__` that making an object of a class runs."""
        for each in self._program.order(kind)[0]:
            if "__init__" in each.methods:
                return each.methods["__init__"][0]
        return None


def parameter_given(function: FunctionSymbol, position: int | str, *, bound: bool) -> str | None:
    """The name of the parameter that takes an argument; None when it is one of many."""
    parameters = function.facts.parameters
    if isinstance(position, int):
        position += 1 if bound and function.owner is not None else 0
        taking = parameters[position] if position < len(parameters) else None
        return taking.name if taking is not None and taking.position == "positional" else None
    return next((each.name for each in parameters if each.name == position), None)


def _is_super(callee: Expression, scope: FunctionSymbol) -> bool:
    """`super().__init__`."""
    match callee:
        case ("attribute", ("call", int(index)), _):
            return last_name(scope.facts.calls[index].callee) == "super"
    return False


def _parts(annotation: Expression | None) -> tuple[Expression, ...]:
    if annotation is None or annotation[0] != "subscript" or annotation[2][0] != "tuple":
        return ()
    return tuple(annotation[2][1])


def promise_of(callee: Expression, scope: FunctionSymbol) -> Expression | None:
    """The annotation of a parameter that alone tells what a method of it, or of what it has, is: `order.owner.pay`."""
    root = callee
    while root[0] in ("attribute", "subscript"):
        root = root[1]
    number = scope.parameters.get(root[1]) if root[0] == "name" and root is not callee else None
    return None if number is None else scope.facts.parameters[number].annotation


def is_filled_in(name: object, scope: FunctionSymbol) -> bool:
    """`pool = pool or Pool()`, for a parameter `pool=None`: what is made without it tells what it is from there on."""
    given = scope.assigned.get(name, ()) if isinstance(name, str) and name in scope.parameters else ()
    return (
        bool(given)
        and all(each.how == "=" and each.value[0] == "choice" and ("name", name) in each.value[1] for each in given)
        and scope.facts.parameters[scope.parameters[str(name)]].annotation is None
        and scope.facts.parameters[scope.parameters[str(name)]].default == NOTHING
    )


def may_be_left_out(part: Expression, scope: FunctionSymbol) -> bool:
    """A parameter without annotation whose default is None."""
    number = scope.parameters.get(part[1]) if part[0] == "name" else None
    if number is None or part[1] in scope.assigned:
        return False
    parameter = scope.facts.parameters[number]
    return parameter.annotation is None and parameter.default == NOTHING
