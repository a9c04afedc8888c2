"""What calling a function gives: a value, a coroutine, a generator, a context manager, or nothing that is known.

The answer goes through synchronous wrappers (a `def` that returns a coroutine gives a coroutine, whatever its annotation says)
and through decorators. A decorator that is not known makes the answer unknown, and unknown is silent.
"""

from collections.abc import Callable
from typing import Any, Final

from netra.guard.facts import ASYNC, PLAIN, Decorator, Expression, dotted, last_name
from netra.guard.meaning.called_by_libraries import OF_SLACK, SLACK
from netra.guard.meaning.latecalls import promises_late_call
from netra.guard.program import Program, imported_packages
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import AwaitableOf, ContextOf, CoroutineOf, GeneratorOf, Instance, Plain, Step, Value, agreed

Evaluate = Callable[[Expression, FunctionSymbol], Value | None]

# Decorators that hand back what they were given, or something that is called in the same way and gives the same.
TRANSPARENT: Final = frozenset(
    """abstractmethod staticmethod classmethod property cached_property overload override final no_type_check wraps
    cache lru_cache deprecated runtime_checkable retry on_exception on_predicate observe traceable trace_method instrument
    get post put delete patch head options trace websocket route api_route websocket_route exception_handler middleware on_event
    errorhandler before_request after_request lifespan
    validator field_validator model_validator root_validator field_serializer model_serializer computed_field validates
    fixture mark parametrize asyncio usefixtures skip skipif xfail given settings
    listens_for listens_for_event setter getter deleter blocks""".split()
)

SYNC_CONTEXT: Final = frozenset({"contextmanager"})
# Decorators of libraries that run a plain function in a thread, and give a coroutine function in its place.
MADE_LATE: Final = frozenset({"sync_to_async", "database_sync_to_async"})
ASYNC_CONTEXT: Final = frozenset({"asynccontextmanager"})

# A decorator that asks for the kind of its function has one wrapper for each, and gives back what its kind of function gave.
ASKING: Final = frozenset("iscoroutinefunction is_async_callable isasyncgenfunction iscoroutine".split())

# Parts of the names of what is awaited or entered: `Awaitable`, `Coroutine`, `AbstractContextManager`.
LATE: Final = ("wait", "outine", "Context")

# What binds arguments of a function, and leaves it as late as it was.
PARTIAL: Final = "partial"

# How deep a chain of wrappers is followed.
DEEPEST: Final = 10


class Kinds:
    """Answers, each worked out once. `evaluate` is `Receivers.value`: what a function returns is an expression."""

    def __init__(
        self, program: Program, evaluate: Evaluate, annotated: Evaluate, is_cut_short: Callable[[object], bool]
    ) -> None:
        self._program = program
        self._evaluate = evaluate
        self._annotated = annotated
        self._is_cut_short = is_cut_short
        self._known: dict[FunctionSymbol, Value | None] = {}
        self._depth = 0
        self.late_names = program.once(_late_names)

    def outcome(self, function: FunctionSymbol) -> Value | None:
        """What a call of the function gives."""
        if function in self._known:
            return self._known[function]
        self._known[function] = None  # what a function that calls itself finds
        if self._depth > DEEPEST:
            del self._known[function]  # asked from elsewhere, the answer may be within reach
            return None
        self._depth += 1
        value = self.bare(function)
        for decorator in reversed(function.facts.decorators):
            if value is None and last_name(decorator.callee) not in MADE_LATE:
                break
            value = self._decorated(decorator, value, function)
        self._depth -= 1
        if value is None and self._is_cut_short(function):
            del self._known[function]
        else:
            self._known[function] = value
        return value

    def bare(self, function: FunctionSymbol) -> Value | None:
        """What a call would give without the function's decorators."""
        facts = function.facts
        match facts.sort:
            case "async" if facts.yields:
                return GeneratorOf(self._item(function), True, function)
            case "async" if facts.abstract and isinstance(self.result(function), GeneratorOf):
                return None  # a signature without a body says `async def` of generators and of what gives one alike
            case "async":
                declared = f"`{function.name}` is declared `async def`"
                return CoroutineOf(self.result(function), function, (Step(function.module.path, facts.line, declared),))
            case "plain" if facts.yields:
                return GeneratorOf(self._item(function), False, function)
            case "plain" | "lambda":
                return self._returned(function)
        return None

    def result(self, function: FunctionSymbol) -> Value | None:
        """What awaiting the call of an async function gives."""
        late = self._late_returns(function)
        if late is not None:
            return late
        if function.facts.returns is not None:
            return self._promised(function, function.facts.returns)
        return self._agreed_returns(function)

    def _promised(self, function: FunctionSymbol, returns: Expression) -> Value | None:
        """What the annotation of a function says that it gives, unless the function makes an object of another class itself."""
        value = self._annotated(returns, function)
        if isinstance(value, Instance) and not value.kind.module.library:
            made = [_made(each, function, self._program) for each in _plain_returns(function)]
            if any(each is not None and not self._is_promised(each, value.kind) for each in made):
                return agreed([None if each is None else Instance(each) for each in made])
        return value

    def _is_promised(self, made: ClassSymbol, kind: ClassSymbol) -> bool:
        """An object of the one class is one of the other, or may do as one: a protocol has no classes below it."""
        return kind in self._program.order(made)[0] or any(last_name(_plainly(base)) == "Protocol" for base in kind.facts.bases)

    def _returned(self, function: FunctionSymbol) -> Value | None:
        late = self._late_returns(function)
        if late is not None:
            return late
        if function.facts.returns is not None:
            value = self._promised(function, function.facts.returns)
            if isinstance(value, AwaitableOf) and value.function is None:
                return AwaitableOf(value.result, value.context, function)
            return value
        if function.facts.abstract or function.module.library:
            return None
        return self._agreed_returns(function)

    def _agreed_returns(self, function: FunctionSymbol) -> Value | None:
        if function.facts.abstract:
            return None
        values = [self._evaluate(each.value, function) for each in function.facts.returned if each.how == "return"]
        value = agreed(values) if values else Plain("None")
        # What may also be None is nothing that a caller has to await.
        sometimes = function.facts.falls or gives_nothing_early(function) or Plain("None") in values
        return None if sometimes and not isinstance(value, Plain | Instance) else value

    def _late_returns(self, function: FunctionSymbol) -> CoroutineOf | None:
        """The coroutine that a function returns instead of awaiting it, when every value that it returns is one."""
        found: list[CoroutineOf] = []
        if function.facts.sort == PLAIN and (function.facts.falls or gives_nothing_early(function)):
            return None
        for each in function.facts.returned:
            if each.how != "return":
                continue
            if each.value[0] not in ("call", "choice", "name"):
                return None
            if each.value[0] == "call":
                callee = last_name(function.facts.calls[each.value[1]].callee)
                if callee not in self.late_names:
                    return None
            value = self._evaluate(each.value, function)
            if not isinstance(value, CoroutineOf):
                return None
            step = Step(function.module.path, each.line, f"`{function.name}` returns that coroutine un-awaited")
            found.append(CoroutineOf(value.result, value.function, (*value.chain, step)))
        return found[0] if found else None

    def _item(self, function: FunctionSymbol) -> Value | None:
        if function.facts.returns is not None:
            match self._annotated(function.facts.returns, function):
                case GeneratorOf(item=item):
                    return item
        return agreed(
            [
                None if each.value[0] == "star" else self._evaluate(each.value, function)
                for each in function.facts.returned
                if each.how == "yield"
            ]
        )

    # --- decorators ------------------------------------------------------------------------------------------------------

    def _decorated(self, decorator: Decorator, value: Value | None, function: FunctionSymbol) -> Value | None:
        name = last_name(decorator.callee) or ""
        around = function.parent
        assert around is not None
        symbol = self._program.evaluate(decorator.callee, around)
        of_program = isinstance(symbol, FunctionSymbol) and not symbol.module.library
        if name in MADE_LATE and not of_program:
            declared = f"`{name}` makes a coroutine function of it"
            return CoroutineOf(value, function, (Step(function.module.path, function.facts.line, declared),))
        if value is None:
            return None
        if isinstance(symbol, FunctionSymbol) and of_program:
            return self._wrapped(symbol, decorator.called, value)
        if name in ASYNC_CONTEXT | SYNC_CONTEXT and not isinstance(symbol, ClassSymbol):
            late = name in ASYNC_CONTEXT
            if isinstance(value, CoroutineOf) or (isinstance(value, GeneratorOf) and value.asynchronous != late):
                return None  # contextlib's takes a generator of its own kind: this is somebody else's decorator of that name
            return ContextOf(value.item if isinstance(value, GeneratorOf) else None, late, function)
        if isinstance(symbol, ClassSymbol):
            return None
        return value if name in TRANSPARENT or (name == "starts" and function.module.model) else None

    def wrappers(self, decorator: FunctionSymbol, *, called: bool) -> list[FunctionSymbol]:
        """The coroutine functions that a decorator of the program puts in the place of what it decorates."""
        target = _decorating(decorator, called)
        return [] if target is None else [each for each in _inner_functions(target) if each.facts.sort == ASYNC]

    def _wrapped(self, decorator: FunctionSymbol, called: bool, value: Value) -> Value | None:
        """What a decorator of the program makes of a function that gives `value`."""
        target = _decorating(decorator, called)
        if target is None:
            return None
        wrapped = target.facts.parameters[0].name
        found: list[Value | None] = []
        returned = [part for each in _plain_returns(target) for part in (each[1] if each[0] == "choice" else (each,))]
        asks = any(last_name(call.callee) in ASKING for call in target.facts.calls)
        for each in returned:
            name = _handed_back(each, target)
            if name == wrapped:
                found.append(value)
            elif (inner_one := _nested(target, name)) is not None:
                found.append(self._call_of(inner_one, wrapped, value))
            else:
                return None
        if asks and type(value) in {type(each) for each in found}:
            return value
        if not found or None in found:
            return None
        return found[0] if len({type(each) for each in found}) == 1 else None

    def _call_of(self, wrapper: FunctionSymbol, wrapped: str, value: Value) -> Value | None:
        names = wrapper.decorator_names
        if names & (ASYNC_CONTEXT | SYNC_CONTEXT):
            return ContextOf(None, bool(names & ASYNC_CONTEXT), wrapper)
        if names - TRANSPARENT:
            return None
        if wrapper.facts.sort == ASYNC:
            if wrapper.facts.yields:
                return GeneratorOf(None, True, wrapper)
            if isinstance(value, CoroutineOf):
                return value
            step = Step(
                wrapper.module.path, wrapper.facts.line, f"the decorator replaces it by `{wrapper.name}`, an `async def`"
            )
            return CoroutineOf(None, wrapper, (step,))
        if wrapper.facts.yields:
            return GeneratorOf(None, False, wrapper)
        returned = _plain_returns(wrapper)
        for each in returned:
            match each:
                case ("call", int(index)) if wrapper.facts.calls[index].callee == ("name", wrapped):
                    continue
            return None
        return value if returned else None


def _decorating(decorator: FunctionSymbol, called: bool) -> FunctionSymbol | None:
    """The function that is given what is decorated: the decorator, or the one that it makes when it is called (`@retry(3)`)."""
    target: FunctionSymbol | None = decorator
    if called:
        inner = _inner_functions(decorator)
        target = inner[0] if len(inner) == 1 and len(_plain_returns(decorator)) == 1 else None
    if target is None or target.facts.sort != PLAIN or target.facts.yields or not target.facts.parameters:
        return None
    return target


def gives_nothing_early(function: FunctionSymbol) -> bool:
    """Some way through it ends at a `return` without a value."""
    return any(how == "return" for how, _ in function.facts.jumps)


def _plain_returns(function: FunctionSymbol) -> list[Expression]:
    return [each.value for each in function.facts.returned if each.how == "return"]


def _made(returned: Expression, function: FunctionSymbol, program: Program) -> ClassSymbol | None:
    """The class of the program of which a function makes what it returns: `return Store()`, or a name given that alone."""
    match returned:
        case ("call", int(index)):
            symbol = program.evaluate(function.facts.calls[index].callee, function)
            return symbol if isinstance(symbol, ClassSymbol) and not symbol.module.library else None
        case ("name", str(name)) if name not in function.parameters:
            made = {_made(each.value, function, program) for each in function.assigned.get(name, ()) if each.value[0] == "call"}
            return made.pop() if len(made) == 1 and all(each.how == "=" for each in function.assigned[name]) else None
    return None


def _plainly(base: Expression) -> Expression:
    """`Store` of `Store[Item]`."""
    return base[1] if base[0] == "subscript" else base


def _handed_back(expression: Expression, scope: FunctionSymbol) -> str | None:
    """`wrapper` of `return wrapper`, `return cast(F, wrapper)` and `return update_wrapper(wrapper, f)`."""
    match expression:
        case ("name", str(name)):
            return name
        case ("call", int(index)):
            call = scope.facts.calls[index]
            match last_name(call.callee), call.arguments:
                case "cast", (_, ("name", str(name))):
                    return name
                case "update_wrapper", (("name", str(name)), *_):
                    return name
    return None


def _nested(scope: FunctionSymbol, name: str | None) -> FunctionSymbol | None:
    functions, _ = scope.module.nested.get(scope.facts.number, ({}, {}))
    found = functions.get(name or "", ())
    return scope.module.function(found[0]) if len(found) == 1 else None


def _inner_functions(function: FunctionSymbol) -> list[FunctionSymbol]:
    found = (_nested(function, _handed_back(each, function)) for each in _plain_returns(function))
    return [each for each in found if each is not None]


def _late_names(program: Program) -> frozenset[str]:
    """Names under which anything async is called, wrappers that hand it on included: to look at no more calls than needed."""
    late = {"__call__"}
    passes: dict[str, set[str]] = {}
    aliases = frozenset(
        each.target[1]
        for module in program.own
        for each in module.top.facts.assignments
        if each.target[0] == "name" and promises_late_call(each.value)
    )
    if SLACK in program.once(imported_packages):
        late.update(OF_SLACK)  # `await say("…")`: an object that is called like a function
    makers = _makers(program)
    objects = _late_objects(program)
    for module in program.modules.values():
        # This loop sees every function and every assignment there is.
        imported = module.top.imported
        tells = not module.library and ("Callable" in imported or "typing" in imported or not aliases.isdisjoint(imported))
        tells = tells or (not module.library and not aliases.isdisjoint(module.top.assigned))
        functions = module.file.functions
        for function in functions:
            if tells:
                late.update([each.name for each in function.parameters if promises_late_call(each.annotation, aliases)])
            if objects:
                late.update([each.name for each in function.parameters if _named_in(each.annotation) in objects])
            if function.sort == ASYNC:
                late.add(function.name)
            elif function.sort == PLAIN:
                if function.decorators or function.yields or _promises_late(function.returns):
                    late.add(function.name)
                for given in function.returned:
                    for called in _called_in(given.value, function.calls):
                        passes.setdefault(called, set()).add(function.name)
            taken: list[str] = []
            for each in function.assignments:
                target, value, annotation, how = each.target, each.value, each.annotation, each.how
                if tells and annotation is not None and promises_late_call(annotation, aliases):
                    late.add(last_name(target) or "")
                kind = value[0]
                if kind in {"name", "attribute"}:
                    # An alias, `fetch = _fetch`, is called by its own name, and so is what another function makes.
                    if (name := last_name(target)) and dotted(value):
                        passes.setdefault(value[-1], set()).add(name)
                elif kind == "lambda":
                    nameless = functions[value[1]]
                    for called in _called_in(nameless.returned[0].value, nameless.calls):
                        passes.setdefault(called, set()).add(last_name(target) or "")
                elif kind == "call":
                    source = function.calls[value[1]].callee[-1]
                    if source == PARTIAL and (bound := function.calls[value[1]].arguments):
                        passes.setdefault(last_name(bound[0]) or "", set()).add(last_name(target) or "")
                    elif source in makers or source in objects:
                        late.add(last_name(target) or "")
                    elif source in {"get", "pop"} and target[0] == "name":
                        taken.append(target[1])
                elif kind == "subscript" and target[0] == "name":
                    taken.append(target[1])
                if how in {"for", "unpack"} and target[0] == "name":
                    taken.append(target[1])
            if taken:  # `for hook in hooks: hook(plan)`, `run = COMMANDS.get(name)`
                late.update({each.callee[1] for each in function.calls if each.callee[0] == "name"}.intersection(taken))
            for one in function.imports:
                if one.name and one.name != one.bound:
                    passes.setdefault(one.name, set()).add(one.bound)
    waiting = list(late)
    while waiting:
        for name in passes.get(waiting.pop(), ()):
            if name not in late:
                late.add(name)
                waiting.append(name)
    return frozenset(late)


def _late_objects(program: Program) -> frozenset[str]:
    """The names of classes of the program whose objects are called like a coroutine function."""
    return frozenset(
        kind.name
        for module in program.own
        for kind in module.classes
        for each in kind.methods.get("__call__", ())
        if each.facts.sort == ASYNC
    )


def _named_in(annotation: Expression | None) -> str | None:
    """`Step` of `Step`, `Step[int]` and `Step | None`."""
    match annotation:
        case ("subscript", head, key):
            return _named_in(key) if last_name(head) == "Optional" else last_name(head)
        case ("operator", "|", left, right):
            return _named_in(left if right == ("none",) else right)
        case ("name" | "attribute", *_):
            return last_name(annotation)
    return None


def _makers(program: Program) -> frozenset[str]:
    """The names of functions that give a coroutine function which they define: `return call`."""
    found: set[str] = set()
    for module in program.own:
        functions = module.file.functions
        for inner in functions:
            around = functions[inner.parent]
            if inner.sort == ASYNC and inner.owner < 0 and around.sort == PLAIN:
                found.update(around.name for each in around.returned if each.value == ("name", inner.name))
    return frozenset(found)


def _promises_late(returns: Expression | None) -> bool:
    """An annotation says, somewhere in it, that what is given is to be awaited or entered."""
    if returns is None:
        return False
    promised = returns[1] if returns[0] == "name" else str(returns)
    return any(word in promised for word in LATE)


def _called_in(expression: Expression, calls: tuple[Any, ...]) -> list[str]:
    match expression:
        case ("call", int(index)):
            name = last_name(calls[index].callee)
            return [name] if name else []
        case ("choice", parts):
            return [name for part in parts for name in _called_in(part, calls)]
        case ("list", parts):
            return [name for part in parts for name in _called_in(part, calls)]
        case ("comprehension", "ListComp", element):
            return _called_in(element, calls)
    return []
