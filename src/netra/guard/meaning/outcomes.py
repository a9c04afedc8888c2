"""What a call gives: of functions and methods with all that override them, of classes, builtins and models of libraries."""

from typing import Final

from netra.guard.facts import ASYNC, OTHER, CallSite, Expression, last_name
from netra.guard.meaning.annotations import PLAIN_TYPES
from netra.guard.meaning.arguments import given_back
from netra.guard.meaning.by_type import given_by_type
from netra.guard.meaning.containers import COPYING, GIVES, HOLDING
from netra.guard.meaning.makers import makes_loop
from netra.guard.meaning.questions import Questions
from netra.guard.meaning.replacing import is_replaced
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol
from netra.guard.values import (
    AwaitableOf,
    Callback,
    ContextOf,
    CoroutineOf,
    Either,
    Foreign,
    GeneratorOf,
    Instance,
    Plain,
    Routine,
    TypeOf,
    Value,
    agreed,
)

PLAIN_CALLS: Final = frozenset("str int float bool bytes list dict set frozenset tuple len sorted sum repr abs round".split())

# What a model of pydantic makes objects of itself with, and nothing else is called so.
COPYING_A_MODEL: Final = "model_copy"
MAKING_MODELS: Final = frozenset(
    "model_validate model_validate_json model_validate_strings model_construct parse_obj parse_raw from_orm model_copy".split()
)

# What a model says of a function beside what it gives.
NOTING: Final = frozenset({"blocks", "starts"})

SUPER: Final = External("builtins.super()")

IN_EXECUTOR: Final = "run_in_executor"


class Outcomes:
    """Answers what calls give in one program."""

    def __init__(self, receivers: Questions) -> None:
        self._receivers = receivers
        self._program = receivers.program

    def called(self, index: int, scope: FunctionSymbol) -> Value | None:
        """What the call of this number gives in a scope."""
        call = scope.facts.calls[index]
        if scope.rebound and call.callee in scope.rebound:
            return None  # `crawler.run = traced(crawler.run)`: from here on it is another
        if call.callee[0] == "attribute" and call.callee[2] in GIVES:
            match self._receivers.value(call.callee[1], scope):
                case Plain(name=name) as container if name in HOLDING:
                    return self._receivers.containers.out_of(container, call.callee[2])
        of_models = call.callee[0] == "attribute" and call.callee[2] in MAKING_MODELS
        if of_models and (made := self._of_pydantic(call.callee, scope)) is not None:
            return made
        callee = self._receivers.value(call.callee, scope)
        return self._of_executor(call, scope) if callee is None else self._given_by(callee, index, scope)

    def _of_executor(self, call: CallSite, scope: FunctionSymbol) -> Value | None:
        """The future of `loop.run_in_executor(None, shutil.disk_usage, path)`."""
        if call.callee[0] != "attribute" or call.callee[2] != IN_EXECUTOR or len(call.arguments) < 2:
            return None
        module = self._program.modules.get("asyncio")
        if module is None or not module.library or not makes_loop(call.callee[1], scope):
            return None
        function = next((each for each in module.functions if each.name == IN_EXECUTOR), None)
        return (
            None if function is None else AwaitableOf(self._made_of(call.arguments[1], scope, called=True), function=function)
        )

    def _of_pydantic(self, callee: Expression, scope: FunctionSymbol) -> Instance | None:
        """`Order.model_validate(raw)`, and `order.model_copy()`: the class is not the one that says so."""
        _, owner, name = callee
        match self._receivers.value(owner, scope):
            case TypeOf(kind=kind) if name != COPYING_A_MODEL:
                pass
            case Instance(kind=kind) if name == COPYING_A_MODEL:
                pass
            case _:
                return None
        order, closed = self._program.order(kind)
        own = any(name in each.methods or name in each.body.assigned for each in order)
        return None if own or closed or kind.module.library else Instance(kind)

    def of(self, routine: Routine) -> Value | None:
        """What calling a function gives; for a method, when all that override it agree."""
        if routine.receiver is not None:
            return self.of_method(routine.function, routine.receiver)
        return self._receivers.kinds.outcome(routine.function)

    def of_method(self, function: FunctionSymbol, kind: ClassSymbol) -> Value | None:
        """What a method gives on an object of a class, or of one below it that overrides it."""
        value = given_back(function, kind, (), self._receivers) or self._receivers.kinds.outcome(function)
        if function.facts.returns is not None and last_name(function.facts.returns) == "Self":
            value = CoroutineOf(Instance(kind), function) if function.facts.sort == ASYNC else Instance(kind)
        elif function.module.model and isinstance(value, Instance) and _is_of_self(function.facts.returns):
            value = Instance(value.kind, (Instance(kind),))
        if value is None:
            return None
        for below in self._program.subclasses.get(kind, ()):
            for other in below.methods.get(function.name, ())[:1]:
                against = self._receivers.kinds.outcome(other)
                alike = other.facts.sort == ASYNC and not other.facts.yields
                if against is None and alike and isinstance(value, CoroutineOf):
                    continue  # whatever its decorators make of it, it overrides a coroutine function as one
                if against is None or type(against) is not type(value):
                    return None
                if isinstance(value, Plain) and value != against:
                    return None
        return value

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
                    result = agreed([self._receivers.awaited(each) for each in outcomes])
                    return CoroutineOf(result, first.function, first.chain)
                return agreed(outcomes)
            case Routine(function=function) as routine:
                if function.module.model and function.facts.decorators and NOTING.isdisjoint(function.decorator_names):
                    return self._of_model(routine, index, scope)
                found = self._of_argument(routine, call.callee, scope) or self.of(routine)
                if found is None or (isinstance(found, CoroutineOf) and found.result is None):
                    return given_by_type(routine, call, scope, self._receivers) or found
                return found
            case Callback(result=result):
                return AwaitableOf(result)
            case TypeOf(kind=kind):
                if is_replaced(kind, self._program) or (len(call.arguments) > 1 and self._program.is_enumeration(kind)):
                    return None  # `Side = Names("Side", ["BUY", "SELL"])` makes another enumeration
                given = dict(call.keywords).get("class_")
                match None if given is None else self._receivers.value(given, scope):
                    case TypeOf(kind=made):
                        return Instance(kind, (Instance(made),))
                return Instance(kind)
            case Instance(kind=kind, of=(made, *_)) if kind.module.model and "__call__" in kind.methods:
                return made
            case Instance() as callable_one:
                method = self._receivers.attribute(callable_one, "__call__")
                return self.of(method) if isinstance(method, Routine) else None
            case Foreign(symbol=External(dotted=name)):
                match name.split("."):
                    case ["builtins", "super"] if not call.arguments:
                        return Foreign(SUPER)
                    case ["builtins", "type"] if len(call.arguments) == 1:
                        asked = self._receivers.value(call.arguments[0], scope)
                        return self._receivers.attribute(asked, "__class__") if isinstance(asked, Instance) else None
                    case ["builtins", builtin] if builtin in COPYING and call.arguments:
                        return self._receivers.containers.copied(builtin, self._receivers.value(call.arguments[0], scope))
                    case ["builtins", builtin] if builtin in PLAIN_CALLS:
                        return Plain(builtin if builtin in PLAIN_TYPES else "value")
                    case ["dataclasses", "replace"] | ["copy", "copy" | "deepcopy" | "replace"] if call.arguments:
                        return self._receivers.value(call.arguments[0], scope)
                    case ["functools", "partial"] if call.arguments:
                        return called_later(self._receivers.value(call.arguments[0], scope), self._receivers)
                    case ["typing" | "typing_extensions", "cast"] if len(call.arguments) == 2:
                        return self._receivers.annotated(call.arguments[0], scope)
        return None

    def _of_argument(self, routine: Routine, callee: Expression, scope: FunctionSymbol) -> Value | None:
        """What is promised by a type parameter that the object is known to be given: `questions.get()` of `Queue[Question]`."""
        if routine.receiver is None or callee[0] != "attribute":
            return None
        match self._receivers.value(callee[1], scope):
            case Instance(kind=kind, of=(_, *_) as given):
                return given_back(routine.function, kind, given, self._receivers)
        return None

    def _made_of(self, given: Expression, scope: FunctionSymbol, *, called: bool = False) -> Value | None:
        """A coroutine as it is given, or what a function gives that is handed over to be called."""
        value = self._receivers.value(given, scope)
        return self.of(value) if isinstance(value, Routine) else None if called else value

    def _of_model(self, routine: Routine, index: int, scope: FunctionSymbol) -> Value | None:
        """A function of a model whose result is made of an argument: `@gives_argument` hands on the first one's result."""
        call = scope.facts.calls[index]
        if "gives_argument" in routine.function.decorator_names and call.arguments:
            inner = self._receivers.awaited(self._receivers.value(call.arguments[0], scope))
            if routine.function.facts.sort == ASYNC:
                return CoroutineOf(inner, routine.function)
            match self._receivers.annotated(routine.function.facts.returns or ("none",), routine.function):
                case Instance(kind=kind):
                    return Instance(kind, (inner,))
        if "runs_argument" in routine.function.decorator_names and call.arguments:
            return self._receivers.awaited(self._made_of(call.arguments[0], scope))
        if "calls_argument" in routine.function.decorator_names and (given := _called_one(routine.function, call)):
            made = self._made_of(given, scope, called=True)
            if made is not None and not isinstance(made, CoroutineOf | GeneratorOf | ContextOf):
                return CoroutineOf(made, routine.function)
        if "gathers_arguments" in routine.function.decorator_names:
            return AwaitableOf(self._receivers.containers.gathered(call.arguments, scope), function=routine.function)
        if "enters_argument" in routine.function.decorator_names and call.arguments:
            late = routine.function.facts.sort == ASYNC
            entered = self._receivers.entered(self._receivers.value(call.arguments[0], scope), late=late)
            return CoroutineOf(entered, routine.function) if late else entered
        if "closes_argument" in routine.function.decorator_names and call.arguments:
            return ContextOf(self._receivers.value(call.arguments[0], scope), routine.function.name == "aclosing")
        return self.of(routine)


def _called_one(function: FunctionSymbol, call: CallSite) -> Expression | None:
    """What a call gives the parameter that is annotated as `Callable`."""
    places = [
        place for place, each in enumerate(function.facts.parameters) if last_name(each.annotation or OTHER) == "Callable"
    ]
    return call.arguments[places[0]] if places and places[0] < len(call.arguments) else None


def called_later(value: Value | None, receivers: Questions) -> Callback | None:
    """What stands for a coroutine function without being one: its `partial`, and a `lambda` that calls it."""
    given = receivers.outcome(value) if isinstance(value, Routine) else None
    return Callback(given.result) if isinstance(given, CoroutineOf) else None


def _is_of_self(returns: Expression | None) -> bool:
    """`AwaitedRow[Self]`."""
    return returns is not None and returns[0] == "subscript" and last_name(returns[2]) == "Self"
