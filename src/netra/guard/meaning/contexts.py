"""Where a coroutine is a fault, and where somebody takes it: every call that gives one is judged by the place it stands in.

A coroutine that is stored is judged by what is done with the name afterwards, one that is passed by what the function does
with its parameter, one that is returned by who calls. What is not understood takes it.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from netra.guard.facts import ASYNC, BODY, PLAIN, TOP, CallSite, Expression, Use, Where, last_name
from netra.guard.meaning.collected import gives_coroutines
from netra.guard.meaning.consistency import AwaitedAttributes, awaited_elsewhere, is_asked_of, tells_kinds_apart
from netra.guard.meaning.for_its_item import taken_for_item
from netra.guard.meaning.kinds import MADE_LATE
from netra.guard.meaning.known_by_asking import given_after_asking
from netra.guard.meaning.lazies import is_lazy
from netra.guard.meaning.places import ITERATING, PLAINLY_WRONG, WRONG, CoroutinePlaces, Fate, Misuse
from netra.guard.meaning.receivers import Receivers
from netra.guard.meaning.records import kept_as_value
from netra.guard.meaning.sometimes import sometimes_late
from netra.guard.meaning.wrapping import wrapped_calls
from netra.guard.program import Program
from netra.guard.symbols import External, FunctionSymbol
from netra.guard.values import (
    AwaitableOf,
    Callback,
    ContextOf,
    CoroutineOf,
    Foreign,
    GeneratorOf,
    Instance,
    Plain,
    Routine,
    Step,
    Value,
)


class Contexts:
    """Finds and judges every such call of a program, once."""

    def __init__(
        self,
        program: Program,
        receivers: Receivers,
        serves: frozenset[FunctionSymbol],
        resolves: Callable[[FunctionSymbol], str] = lambda _: "",
    ) -> None:
        self._program = program
        self._receivers = receivers
        self._serves = serves
        self._resolves = resolves
        """Who takes what a function gives for a value, where a library calls it; empty where nobody is known to."""
        self._attributes = AwaitedAttributes(program)
        self._places = CoroutinePlaces(program, receivers, serves)
        self._returning: list[tuple[FunctionSymbol, CallSite, CoroutineOf]] = []
        """What plain functions return un-awaited, in the order in which it was judged."""

    def misuses(self) -> Iterator[Misuse]:
        """Every misuse in the program's own files."""
        for scope, index, call in self._program.calls_of(self._receivers.kinds.late_names):
            yield from self._judged(scope, index, call)
        for value, calls, alone in sometimes_late(self._returning, self._program, self._receivers):
            wrong = [[*self._placed(scope, call, value, call.where)] for scope, _, call in calls]
            told = WRONG | {Fate.RETURNED} | ({Fate.DROPPED} if alone else set())
            if all(each and each[0].fate in told for each in wrong):
                yield from (replace(each[0], sometimes=True) for each in wrong)
        for scope, index, _ in self._program.calls_of(MADE_LATE):
            # `sync_to_async(save)(row)`: what is called there has no name to be looked for by.
            for outer, call in enumerate(scope.facts.calls):
                if call.callee == ("call", index):
                    yield from self._judged(scope, outer, call)
        for wrapper, call, value, functions in wrapped_calls(self._program, self._receivers):
            if call.where[0] != "await" and not any(self._is_awaited_twice(each) for each in functions):
                yield from self._placed(wrapper, call, value, call.where)
        for scope in self._program.scopes:
            for call, step in awaited_elsewhere(scope, self._receivers):
                how = "nothing awaits it, so it never runs"
                yield replace(self._misuse(scope, call, Plain("value"), Fate.DROPPED, how, (step,)), certain=False)

    def placed(self, scope: FunctionSymbol, call: CallSite, value: CoroutineOf) -> Iterator[Misuse]:
        """What would be wrong with a call that gives this coroutine."""
        return self._placed(scope, call, value, call.where)

    def _judged(self, scope: FunctionSymbol, index: int, call: CallSite) -> Iterator[Misuse]:
        where = call.where
        if where[0] in ("lambda", "default", "decorator"):
            return
        if where[0] == "iterate" and "coroutine" in scope.decorator_names:
            return  # `yield from` is how a coroutine of `@asyncio.coroutine` or `@types.coroutine` waits
        value = self._receivers.value(("call", index), scope) or given_after_asking(call, scope, self._receivers)
        if value is None:
            if where[0] not in ("await", "assign", "return") and (step := self._attributes.proof(scope, call)):
                for each in self._placed(scope, call, Plain("value"), where):
                    if each.fate in PLAINLY_WRONG or each.fate is Fate.DROPPED:
                        yield replace(each, steps=(step, *each.steps), certain=False)
            return
        match value:
            case CoroutineOf(result=CoroutineOf() as inner) if where[0] == "await" and len(where) == 2:
                yield from self._placed(scope, call, inner, where[1], twice=True)
            case CoroutineOf() if is_asked_of(call.callee, scope):
                return
            case CoroutineOf():
                if where == ("return",) and scope.facts.sort == PLAIN:
                    self._returning.append((scope, call, value))
                told = [*self._placed(scope, call, value, where)]
                yield from told
                if not told and (kept := kept_as_value(scope, index, call, self._program)) is not None:
                    yield Misuse(scope, call, value, Fate.USED, kept.how, _origin(value), kept.line, kept.column)
            case Plain() if where == ("statement",) and gives_coroutines(value, call, scope, self._receivers):
                yield self._misuse(scope, call, value, Fate.DROPPED, "nothing awaits what is in the list, so none of it runs")
            case AwaitableOf(context=True):
                if where[0] in ("statement", "truth", "compare", "operator", "format", "subscript", "iterate"):
                    yield from self._placed(scope, call, value, where)
                elif where[0] == "assign":
                    # Under its name it may be entered as well as awaited.
                    wrong = PLAINLY_WRONG - {Fate.MISMATCHED}
                    yield from (each for each in self._placed(scope, call, value, where) if each.fate in wrong)
            case AwaitableOf(function=FunctionSymbol() as function) if function.module.model:
                # `gather` starts at once: to leave it alone may be meant, to read it is not.
                if where[0] in ("assign", "operator", "format", "subscript", "iterate", "unpack"):
                    yield from (each for each in self._placed(scope, call, value, where) if each.fate in PLAINLY_WRONG)
            case AwaitableOf(function=None) if where[0] not in ("assign", "return"):
                if isinstance(self._receivers.value(call.callee, scope), Callback):
                    yield from self._placed(scope, call, value, where)
            case Instance() if is_lazy(value):
                if where[0] in ("statement", "compare", "operator", "format", "subscript", "iterate", "unpack", "assign"):
                    lazy = self._placed(scope, call, value, where)
                    yield from (each for each in lazy if each.fate in PLAINLY_WRONG or where[0] != "assign")
            case GeneratorOf() | ContextOf():
                yield from self._protocol(scope, call, value, where)

    # --- generators and context managers ---------------------------------------------------------------------------------

    def _protocol(
        self, scope: FunctionSymbol, call: CallSite, value: GeneratorOf | ContextOf, where: Where
    ) -> Iterator[Misuse]:
        late = value.asynchronous
        if (asked := self._asked_for_item(scope, call, value, where)) is not None:
            yield asked
            return
        if isinstance(value, ContextOf):
            what = "an async context manager" if late else "a context manager"
            wrong = {
                "await": f"it is awaited, and gives {what}",
                "iterate": f"it is iterated, and gives {what}",
                "iterate async": f"it is iterated, and gives {what}",
                "with" if late else "with async": f"it gives {what} and is entered by `{'with' if late else 'async with'}`",
            }
        else:
            what = "an async generator" if late else "a generator"
            wrong = {
                "await": f"it is awaited, and gives {what}",
                "with": f"it is entered by `with`, and gives {what}",
                "with async": f"it is entered by `async with`, and gives {what}",
                "iterate"
                if late
                else "iterate async": f"it gives {what} and is iterated by `{'for' if late else 'async for'}`",
            }
        if where == ("unpack",) and late and isinstance(value, GeneratorOf):
            yield self._misuse(scope, call, value, Fate.MISMATCHED, f"it gives {what} and is unpacked, which cannot wait")
            return
        if where[0] == "argument" and late and isinstance(value, GeneratorOf):
            into = scope.facts.calls[where[1]].callee
            if last_name(into) == "join" and into[0] == "attribute":
                match self._receivers.value(into[1], scope):
                    case Plain(name="str"):
                        yield self._misuse(scope, call, value, Fate.MISMATCHED, f"`join` cannot wait for {what}")
                        return
            # `list(stream())`: a builtin that iterates cannot wait.
            match self._receivers.value(scope.facts.calls[where[1]].callee, scope):
                case Foreign(symbol=External(dotted=name)) if name.removeprefix("builtins.") in ITERATING - {"iter", "next"}:
                    yield self._misuse(scope, call, value, Fate.MISMATCHED, f"`{name[9:]}` cannot wait for {what}")
            return
        if (how := wrong.get(where[0])) is not None:
            yield self._misuse(scope, call, value, Fate.MISMATCHED, how)
        elif where[0] == "statement" and value.function is not None and not is_expected_to_raise(scope, call.line):
            match self._receivers.value(call.callee, scope):
                case Routine(function=called) if called.facts.sort == PLAIN and not called.facts.yields and _does_more(called):
                    return  # it runs, and only what it hands out is left
            how = "it is never entered" if isinstance(value, ContextOf) else "nothing iterates it, so none of its body runs"
            yield self._misuse(scope, call, value, Fate.DROPPED, how)

    def _asked_for_item(
        self, scope: FunctionSymbol, call: CallSite, value: GeneratorOf | ContextOf, where: Where
    ) -> Misuse | None:
        taken = taken_for_item(value, where, call, scope, self._receivers)
        if taken is None or is_expected_to_raise(scope, call.line):
            return None
        kind = "a context manager" if isinstance(value, ContextOf) else "a generator"
        what = f"which has no `{taken.attribute}`" if taken.attribute else "and is subscripted"
        steps = (*_origin(value), *taken.steps)
        return Misuse(scope, call, value, Fate.ASKED, f"it gives {kind}, {what}", steps, taken.line, taken.column)

    # --- coroutines ------------------------------------------------------------------------------------------------------

    def _placed(
        self, scope: FunctionSymbol, call: CallSite, value: Value, where: Where, *, twice: bool = False
    ) -> Iterator[Misuse]:
        if where[0] == "assign":
            yield from self._stored(scope, call, value, where[1])
            return
        place, how, steps = self._places.of(value, where, scope)
        if place in (Fate.TAKEN, Fate.UNCLEAR) or is_asked_of(call.callee, scope):
            return
        if place is Fate.DROPPED and is_expected_to_raise(scope, call.line):
            return
        if place is Fate.RETURNED and where[0] != "element":
            if twice or not self._is_wrong_to_return(scope):
                return
            if scope.facts.sort == PLAIN and (taken := self._resolves(scope)):
                how = taken
            elif scope in self._serves:
                how = "the framework awaits once and sends the coroutine instead of what it would give"
        yield self._misuse(scope, call, value, place, how, steps)

    def _misuse(
        self, scope: FunctionSymbol, call: CallSite, value: Value, place: Fate, how: str, steps: tuple[Step, ...] = ()
    ) -> Misuse:
        return Misuse(scope, call, value, place, how, (*_origin(value), *steps), call.line, call.column)

    def _stored(self, scope: FunctionSymbol, call: CallSite, value: Value, target: Expression) -> Iterator[Misuse]:
        match target:
            case ("name", str(name)) if scope.facts.sort not in (TOP, BODY) and name not in scope.facts.globals:
                yield from self._stored_in_name(scope, call, value, name)
            case ("attribute", ("name", "self"), str(name)) if scope.owner is not None:
                yield from self._stored_on_self(scope, call, value, name)
            case ("tuple", _):
                yield self._misuse(scope, call, value, Fate.ITERATED, "it is unpacked")

    def _stored_in_name(self, scope: FunctionSymbol, call: CallSite, value: Value, name: str) -> Iterator[Misuse]:
        if any(name in child.facts.loads for child in scope.children) or tells_kinds_apart(scope):
            return
        uses = [use for use in scope.facts.uses if use.name == name]
        others = [each for each in scope.assigned[name] if (each.line, each.column) > (call.line, 0) and each.line != call.line]
        judged = [(use, self._places.of(value, use.where, scope)) for use in uses if _after(use, call)]
        if any(self._takes(place, scope) for _, (place, _, _) in judged):
            return
        if any(use.where[0] == "await" for use in uses):
            return
        end = min((each.line for each in others), default=1 << 30)
        left = [(use, each) for use, each in judged if use.line <= end]
        if isinstance(value, AwaitableOf) and value.context and any(use.where == ("with async",) for use in uses):
            # What is entered afterwards is passed on as the object that it is: `prepare(connection)`.
            left = [(use, each) for use, each in left if each[0] is not Fate.PASSED]
        if any(place is Fate.UNCLEAR for _, (place, _, _) in judged):
            # Somebody else may want the coroutine; what no coroutine can do is wrong all the same.
            left = [(use, each) for use, each in left if each[0] in PLAINLY_WRONG]
            if not left:
                return
        if not left:
            if len(scope.assigned[name]) == 1 and not judged and not uses:
                yield self._misuse(scope, call, value, Fate.DROPPED, f"it is kept in `{name}`, and nothing ever awaits it")
            return
        use, (place, how, steps) = left[0]
        step = Step(scope.module.path, call.line, f"`{name}` holds the coroutine from here on")
        yield Misuse(scope, call, value, place, how, (*_origin(value), step, *steps), use.line, use.column)

    def _takes(self, place: Fate, scope: FunctionSymbol) -> bool:
        if place is Fate.RETURNED:
            return scope.facts.sort != ASYNC or not self._is_wrong_to_return(scope)
        return place in (Fate.TAKEN, Fate.DROPPED)

    def _stored_on_self(self, scope: FunctionSymbol, call: CallSite, value: Value, name: str) -> Iterator[Misuse]:
        owner = scope.owner
        assert owner is not None
        others = [
            (method, each) for method, each in owner.set_on_self.get(name, ()) if each.value != ("call", _index(call, scope))
        ]
        valued = bool(others) and all(isinstance(self._receivers.value(each.value, at), Plain) for at, each in others)
        if name.startswith("__") or (len(others) > 1 and not valued):
            return
        family = dict.fromkeys((owner, *self._program.order(owner)[0], *self._program.subclasses.get(owner, ())))
        judged = []
        for kind in family:
            for methods in kind.methods.values():
                for method in methods:
                    for inner in (method, *method.children):
                        uses = [use for use in inner.facts.uses if use.name == f"self.{name}"]
                        judged += [(inner, use, self._places.of(value, use.where, inner)) for use in uses]
        if not judged or any(place is Fate.TAKEN or place is Fate.RETURNED for _, _, (place, _, _) in judged):
            return
        # Where all that is put there beside it is a value, whoever tests it or shows it means a value, too.
        wrong = [each for each in judged if each[2][0] in (WRONG if valued else PLAINLY_WRONG)]
        if wrong:
            inner, use, (place, how, steps) = min(wrong, key=lambda each: (each[1].line, each[1].column))
            step = Step(scope.module.path, call.line, f"`self.{name}` holds the coroutine from here on")
            yield Misuse(inner, call, value, place, how, (*_origin(value), step, *steps), use.line, use.column)

    # --- returned coroutines ---------------------------------------------------------------------------------------------

    def _is_wrong_to_return(self, scope: FunctionSymbol, asked: frozenset[FunctionSymbol] = frozenset()) -> bool:
        """Whether whoever awaits this function takes what it gives for a value, as far as its callers are known."""
        if scope in self._serves or self._resolves(scope):
            return True
        if scope.facts.sort != ASYNC or scope in asked or not self._places.is_understood(scope):
            return False  # a `def` hands it on, and its callers are judged in its place
        returns = scope.facts.returns
        # Where the function itself says that what it gives is a value, it takes a caller who awaits twice to doubt it.
        against = {Fate.TAKEN}
        if returns is None or not self._receivers.annotations.promises_value(returns, scope.parent or scope):
            if any(word in str(returns) for word in ("wait", "outine", "Future", "Task", "'Any'", "'object'", "Callable")):
                return False
            against.add(Fate.UNCLEAR)
        for caller, index in self._program.calls_named.get(scope.name, ()):
            where = caller.facts.calls[index].where
            awaited = where[0] == "await" and len(where) == 2
            if awaited and not self._wants_value(caller, where[1], against, asked | {scope}):
                return False
        return True

    def _is_awaited_twice(self, function: FunctionSymbol) -> bool:
        """Some caller awaits what awaiting the function gives."""
        calls = ((caller, caller.facts.calls[index]) for caller, index in self._program.calls_named.get(function.name, ()))
        return any(call.where[0] == "await" and call.where[1:] and call.where[1][0] == "await" for _, call in calls)

    def _wants_value(self, caller: FunctionSymbol, where: Where, against: set[Fate], asked: frozenset[FunctionSymbol]) -> bool:
        """Whether the place of an `await` needs what it gives to be a value: nothing that it makes of it is `against` that."""
        match where:
            case ("await", *_):
                return False
            case ("return",):
                return Fate.UNCLEAR not in against or self._is_wrong_to_return(caller, asked)
            case ("assign", ("name", str(name))):
                uses = [use for use in caller.facts.uses if use.name == name]
                return all(self._places.place(use.where, caller)[0] not in against for use in uses)
            case ("argument" | "element" | "assign" | "yield" | "with async" | "iterate async", *_):
                return self._places.place(where, caller)[0] not in against
        return True


def _does_more(function: FunctionSymbol) -> bool:
    """It calls, sets or checks something beside what it returns."""
    facts = function.facts
    returned = {each.value[1] for each in facts.returned if each.value[0] == "call"}
    called = any(number not in returned for number in range(len(facts.calls)))
    return called or bool(facts.assignments or facts.raises or facts.asserts)


def _index(call: CallSite, scope: FunctionSymbol) -> int:
    return scope.facts.calls.index(call)


def _after(use: Use, call: CallSite) -> bool:
    return (use.line, use.column) > (call.end_line, call.end_column)


def is_expected_to_raise(scope: FunctionSymbol, line: int) -> bool:
    """Under `with pytest.raises(…)` and its like, a call is made for the error that it raises before there is a coroutine."""
    entered = [each.expressions[0] for each in scope.facts.blocks if each.what == "with" and each.line <= line <= each.end_line]
    calls = [scope.facts.calls[each[1]] for each in entered if each[0] == "call"]
    return any(
        (last_name(call.callee) or "").lower().startswith(("raises", "warns", "assertraises", "assertwarns")) for call in calls
    )


def _origin(value: Value) -> tuple[Step, ...]:
    match value:
        case CoroutineOf(chain=chain, function=function):
            if function.module.library:
                owner = function.owner
                whose = f"{owner.full_name}.{function.name}" if owner else function.full_name
                return (Step("", 0, f"`{whose}` is a coroutine function"), *chain[1:])
            return chain
        case AwaitableOf(function=FunctionSymbol() as function):
            owner = function.owner
            whose = f"{owner.full_name}.{function.name}" if owner else function.full_name
            where = (Step("", 0, ""),) if function.module.library else (Step(function.module.path, function.facts.line, ""),)
            return tuple(Step(each.path, each.line, f"`{whose}` gives something to await or to enter") for each in where)
        case Instance(kind=lazy):
            return (Step("", 0, f"`{lazy.full_name}` does nothing until it is awaited"),)
        case GeneratorOf(function=FunctionSymbol() as function) | ContextOf(function=FunctionSymbol() as function):
            what = "generator" if isinstance(value, GeneratorOf) else "context manager"
            kind = f"an async {what}" if value.asynchronous else f"a {what}"
            if function.module.library:
                return (Step("", 0, f"`{function.full_name}` gives {kind}"),)
            return (Step(function.module.path, function.facts.line, f"`{function.name}` gives {kind}"),)
    return ()
