"""Where a coroutine is a fault, and where somebody takes it: every call that gives one is judged by the place it stands in.

A coroutine that is stored is judged by what is done with the name afterwards, one that is passed by what the function does
with its parameter, one that is returned by who calls. What is not understood takes it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from netra.guard.facts import ASYNC, BODY, PLAIN, TOP, CallSite, Expression, Use, Where, dotted, last_name
from netra.guard.meaning.annotations import PLAIN_TYPES, READING
from netra.guard.meaning.collected import gives_coroutines, promises_values
from netra.guard.meaning.consistency import awaited_elsewhere, is_asked_of, tells_kinds_apart
from netra.guard.meaning.receivers import Receivers
from netra.guard.meaning.records import kept_as_value
from netra.guard.meaning.sometimes import sometimes_late
from netra.guard.program import Program, one_of
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol
from netra.guard.values import (
    AwaitableOf,
    ContextOf,
    CoroutineOf,
    Foreign,
    GeneratorOf,
    Instance,
    Plain,
    Routine,
    Step,
    TypeOf,
    Value,
)


class Fate(Enum):
    """What a place makes of what stands there."""

    TAKEN = "taken"
    UNCLEAR = "unclear"
    DROPPED = "dropped"
    RETURNED = "returned"
    USED = "used"
    TESTED = "tested"
    ITERATED = "iterated"
    FORMATTED = "formatted"
    PASSED = "passed"
    MISMATCHED = "mismatched"


@dataclass(frozen=True, slots=True)
class Misuse:
    """A call whose coroutine, generator or context manager is not what its place needs."""

    scope: FunctionSymbol
    call: CallSite
    value: Value
    fate: Fate
    how: str
    """What happens to it there: "its truth is tested"."""
    steps: tuple[Step, ...] = ()
    line: int = 0
    column: int = 0
    certain: bool = True
    sometimes: bool = False
    """The function gives something else on another way, so that an `await` alone would not do."""

    @property
    def name(self) -> str:
        """What is called, as it is written."""
        return written(self.call.callee, self.scope)


COROUTINE_ATTRIBUTES: Final = frozenset(
    "close send throw __await__ cr_frame cr_code cr_running cr_await __name__ __qualname__ __class__".split()
)
ITERATING: Final = frozenset(
    "list tuple set sorted sum any all enumerate zip min max dict frozenset reversed iter next".split()
)
FORMATTING: Final = frozenset("str repr print format ascii".split())
VALUING: Final = frozenset("len int float bool abs round range ord chr divmod pow bytes".split())
SERIALISING: Final = frozenset(
    """json.dumps json.dump orjson.dumps ujson.dumps pickle.dumps msgpack.packb json.loads simplejson.dumps yaml.dump
    yaml.safe_dump fastapi.encoders.jsonable_encoder""".split()
)
RESPONSES: Final = frozenset("JSONResponse ORJSONResponse UJSONResponse HTMLResponse PlainTextResponse jsonify".split())
LOGGING: Final = frozenset("debug info warning error exception critical log".split())


# Modules whose functions are there to run coroutines, and methods under whatever name they are kept.
RUNNING: Final = frozenset({"asyncio", "anyio", "trio", "contextlib"})
STARTING: Final = frozenset(
    "create_task ensure_future gather wait wait_for shield run run_until_complete run_coroutine_threadsafe spawn start_soon "
    "append add put put_nowait".split()
)

# Calls that run a function in a thread, and functions that write a text or bytes.
ASSERTING: Final = frozenset("assertTrue assertFalse assertIsNone assertIsNotNone assertEqual".split())
THREADING: Final = frozenset({"to_thread", "run_in_executor", "run_in_threadpool"})
WRITING: Final = frozenset({"write_text", "write_bytes", "writelines", "loads", "dumps"})

WRONG: Final = frozenset({Fate.USED, Fate.TESTED, Fate.ITERATED, Fate.FORMATTED, Fate.PASSED, Fate.MISMATCHED})
# What raises whoever else gets the coroutine; to show or to test it may be meant.
PLAINLY_WRONG: Final = frozenset({Fate.USED, Fate.ITERATED, Fate.PASSED, Fate.MISMATCHED})


class Contexts:
    """Finds and judges every such call of a program, once."""

    def __init__(self, program: Program, receivers: Receivers, serves: frozenset[FunctionSymbol]) -> None:
        self._program = program
        self._receivers = receivers
        self._serves = serves
        self._parameters: dict[tuple[FunctionSymbol, str], Step | None] = {}
        self._returning: list[tuple[FunctionSymbol, CallSite, CoroutineOf]] = []
        """What plain functions return un-awaited, in the order in which it was judged."""

    def misuses(self) -> Iterator[Misuse]:
        """Every misuse in the program's own files."""
        for scope, index, call in self._program.calls_of(self._receivers.kinds.late_names):
            yield from self._judged(scope, index, call)
        for value, calls in sometimes_late(self._returning, self._program, self._receivers):
            wrong = [[*self._placed(scope, call, value, call.where)] for scope, _, call in calls]
            if all(each and each[0].fate in WRONG | {Fate.RETURNED} for each in wrong):
                yield from (replace(each[0], sometimes=True) for each in wrong)
        for scope in self._program.scopes:
            for call, step in awaited_elsewhere(scope, self._receivers):
                how = "nothing awaits it, so it never runs"
                yield replace(self._misuse(scope, call, Plain("value"), Fate.DROPPED, how, (step,)), certain=False)

    def _judged(self, scope: FunctionSymbol, index: int, call: CallSite) -> Iterator[Misuse]:
        where = call.where
        if where[0] in ("lambda", "default", "decorator"):
            return
        if where[0] == "iterate" and "coroutine" in scope.decorator_names:
            return  # `yield from` is how a coroutine of `@asyncio.coroutine` or `@types.coroutine` waits
        value = self._receivers.value(("call", index), scope)
        if value is None:
            return
        match value:
            case CoroutineOf(result=CoroutineOf() as inner) if where[0] == "await" and len(where) == 2:
                yield from self._placed(scope, call, inner, where[1], twice=True)
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
            case AwaitableOf(function=FunctionSymbol() as function) if function.module.model:
                # `gather` starts at once: to leave it alone may be meant, to read it is not.
                if where[0] in ("assign", "operator", "format", "subscript", "iterate", "unpack"):
                    yield from (each for each in self._placed(scope, call, value, where) if each.fate in PLAINLY_WRONG)
            case GeneratorOf() | ContextOf():
                yield from self._protocol(scope, call, value, where)

    # --- generators and context managers ---------------------------------------------------------------------------------

    def _protocol(
        self, scope: FunctionSymbol, call: CallSite, value: GeneratorOf | ContextOf, where: Where
    ) -> Iterator[Misuse]:
        late = value.asynchronous
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
        if where[0] == "argument" and late and isinstance(value, GeneratorOf):
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

    # --- coroutines ------------------------------------------------------------------------------------------------------

    def _placed(
        self, scope: FunctionSymbol, call: CallSite, value: Value, where: Where, *, twice: bool = False
    ) -> Iterator[Misuse]:
        if where[0] == "assign":
            yield from self._stored(scope, call, value, where[1])
            return
        place, how, steps = self._place_of(value, where, scope)
        if place in (Fate.TAKEN, Fate.UNCLEAR) or is_asked_of(call.callee, scope):
            return
        if place is Fate.DROPPED and is_expected_to_raise(scope, call.line):
            return
        if place is Fate.RETURNED and where[0] != "element":
            if twice or not self._is_wrong_to_return(scope):
                return
            if scope in self._serves:
                how = "the framework awaits once and sends the coroutine instead of what it would give"
        yield self._misuse(scope, call, value, place, how, steps)

    def _misuse(
        self, scope: FunctionSymbol, call: CallSite, value: Value, place: Fate, how: str, steps: tuple[Step, ...] = ()
    ) -> Misuse:
        return Misuse(scope, call, value, place, how, (*_origin(value), *steps), call.line, call.column)

    def _place_of(self, value: Value, where: Where, scope: FunctionSymbol) -> tuple[Fate, str, tuple[Step, ...]]:
        """What a place makes of this value; nothing wrong where it has the attribute itself, as the future of `gather`."""
        match value, where:
            case AwaitableOf(function=FunctionSymbol() as function), ("attribute", str(name)) if (
                function.facts.returns is not None
            ):
                match self._receivers.annotated(function.facts.returns, function):
                    case Instance() as future if self._receivers.attribute(future, name) is not None:
                        return Fate.TAKEN, "", ()
        return self.place(where, scope)

    def place(self, where: Where, scope: FunctionSymbol, depth: int = 0) -> tuple[Fate, str, tuple[Step, ...]]:
        """What a place makes of a coroutine, in words, and what proves it."""
        match where:
            case ("statement",):
                return Fate.DROPPED, "nothing awaits it, so it never runs", ()
            case ("return",):
                return Fate.RETURNED, "it is returned un-awaited", ()
            case ("truth",):
                return Fate.TESTED, "its truth is tested, and a coroutine is always true", ()
            case ("compare",):
                return Fate.TESTED, "it is compared, and a coroutine equals nothing", ()
            case ("operator",):
                return Fate.USED, "it is computed with", ()
            case ("format",):
                return Fate.FORMATTED, "it is formatted into a text", ()
            case ("attribute", name) if name not in COROUTINE_ATTRIBUTES:
                return Fate.USED, f"its attribute `{name}` is read, and a coroutine has none", ()
            case ("subscript", *_):
                return Fate.USED, "it is subscripted", ()
            case ("called",):
                return Fate.USED, "it is called", ()
            case ("iterate",) | ("unpack",):
                return Fate.ITERATED, "it is iterated", ()
            case ("iterate async",):
                return Fate.MISMATCHED, "it is iterated by `async for`, and is a coroutine", ()
            case ("with",) | ("with async",):
                return Fate.MISMATCHED, "it is entered as a context manager, and is a coroutine", ()
            case ("raise",):
                return Fate.USED, "it is raised", ()
            case ("store",):
                return Fate.USED, "an item or attribute of it is set, and a coroutine has none", ()
            case ("argument", int(index), position):
                return self._passed(scope, index, position, depth)
            case ("element", inner):
                return self._contained(inner, scope)
            case ("await", *_) | ("yield",):
                return Fate.TAKEN, "", ()
        return Fate.UNCLEAR, "", ()

    def _contained(self, where: Where, scope: FunctionSymbol) -> tuple[Fate, str, tuple[Step, ...]]:
        inner = where[0] == "element"
        while where[0] == "element":
            where = where[1]
        match where:
            case ("statement",):
                return Fate.DROPPED, "nothing awaits it, so it never runs", ()
            case ("format",):
                return Fate.FORMATTED, "it is formatted into a text", ()
            case ("return",) if scope in self._serves or self._is_sent_on(scope):
                return Fate.FORMATTED, "it is part of a response, and cannot be serialised", ()
            case _ if not inner and promises_values(where, scope, self._receivers, self._program):
                return Fate.RETURNED, "it is among what is returned, which is declared to be values", ()
            case ("argument", int(index), _):
                call = scope.facts.calls[index]
                match self._receivers.value(call.callee, scope):
                    case Foreign(symbol=External(dotted=name)) if name in SERIALISING or name.rpartition(".")[2] in RESPONSES:
                        return Fate.FORMATTED, f"`{name}` cannot serialise it", ()
                    case Foreign(symbol=External(dotted="builtins.any" | "builtins.all" as name)):
                        return Fate.TESTED, f"`{name[9:]}` tests its truth, and a coroutine is always true", ()
        return Fate.UNCLEAR, "", ()

    def _is_sent_on(self, scope: FunctionSymbol) -> bool:
        """A handler of a route returns as it is what the function gives: `return await service.stats(thread)`."""
        if scope.facts.sort not in (ASYNC, PLAIN) or scope.facts.yields or not self._is_understood(scope):
            return False
        passing = ("await", ("return",)) if scope.facts.sort == ASYNC else ("return",)
        for caller, index in self._program.calls_named.get(scope.name, ()):
            call = caller.facts.calls[index]
            if call.where == passing and caller in self._serves:
                match self._receivers.value(call.callee, caller):
                    case Routine(function=function) if function is scope:
                        return True
        return False

    def _passed(self, scope: FunctionSymbol, index: int, position: int | str, depth: int) -> tuple[Fate, str, tuple[Step, ...]]:
        call = scope.facts.calls[index]
        name = last_name(call.callee) or ""
        if name in THREADING and isinstance(position, int):
            return self._threaded(scope, call, position, depth)
        match self._receivers.value(call.callee, scope):
            case Foreign(symbol=External(dotted=full)):
                builtin = full.removeprefix("builtins.")
                if full in SERIALISING or (name in RESPONSES and "." in full):
                    return Fate.FORMATTED, f"`{written(call.callee, scope)}` cannot serialise it", ()
                if builtin in FORMATTING:
                    return Fate.FORMATTED, f"`{builtin}` shows the coroutine, not its result", ()
                if builtin in ITERATING and (position == 0 or builtin == "zip"):
                    return Fate.ITERATED, f"`{builtin}` iterates it", ()
                if builtin in VALUING:
                    return Fate.PASSED, f"`{builtin}` needs a value", ()
                if builtin == "isinstance" and position == 0 and (asked := self._plain_kind(call, scope)):
                    return Fate.TESTED, f"it is asked whether it is a `{asked}`, and a coroutine is none", ()
                if full.partition(".")[0] in READING:
                    return Fate.PASSED, f"`{full}` needs a value", ()
            case Routine(function=function, bound=bound) if depth < 2:
                if function.module.model and function.module.name in RUNNING:
                    return Fate.TAKEN, "", ()
                step = self._taken_as_value(function, position, bound=bound, depth=depth)
                if step is not None:
                    return Fate.PASSED, f"it is passed to `{name}`, which needs a value", (step,)
            case TypeOf(kind=kind) if depth < 2:
                step = self._field(kind, position, depth)
                if step is not None:
                    return Fate.PASSED, f"a `{kind.name}` is made of it, which needs a value", (step,)
        if call.callee[0] == "attribute" and name in ("join", "format"):
            match self._receivers.value(call.callee[1], scope):
                case Plain(name="str"):
                    how = "`join` iterates it" if name == "join" else "it is formatted into a text"
                    return Fate.ITERATED if name == "join" else Fate.FORMATTED, how, ()
        if (
            name in ASSERTING
            and position == 0
            and call.callee == ("attribute", ("name", "self"), name)
            and scope.module.in_tests
        ):
            return Fate.TESTED, f"`{name}` looks at the coroutine, which is always true and equals nothing", ()
        if name in LOGGING and "log" in (dotted(call.callee) or "").lower():
            return Fate.FORMATTED, "the log shows the coroutine, not its result", ()
        return (Fate.TAKEN if name in STARTING else Fate.UNCLEAR), "", ()

    def _plain_kind(self, call: CallSite, scope: FunctionSymbol) -> str:
        """`dict` of `isinstance(body, dict)`: the first of the builtin types that are asked for, where there are no others."""
        asked = call.arguments[1] if len(call.arguments) == 2 else ("none",)
        kinds = asked[1] if asked[0] == "tuple" else (asked,)
        found = [self._receivers.value(each, scope) for each in kinds]
        plain = [each.symbol.last for each in found if isinstance(each, Foreign) and each.symbol.last in PLAIN_TYPES]
        return plain[0] if plain and len(plain) == len(found) else ""

    def _threaded(self, scope: FunctionSymbol, call: CallSite, position: int, depth: int) -> tuple[Fate, str, tuple[Step, ...]]:
        """What `to_thread(path.write_text, data)` makes of `data`: what the function that it runs makes of it."""
        first = 1 if last_name(call.callee) == "run_in_executor" else 0
        if position <= first or len(call.arguments) <= first:
            return Fate.UNCLEAR, "", ()
        run = call.arguments[first]
        if last_name(run) in WRITING:
            return Fate.PASSED, f"`{written(run, scope)}` needs a value, in whatever thread it runs", ()
        match self._receivers.value(run, scope):
            case Routine(function=function, bound=bound) if depth < 2 and not function.module.library:
                step = self._taken_as_value(function, position - first - 1, bound=bound, depth=depth)
                if step is not None:
                    return Fate.PASSED, f"it is passed to `{function.name}`, which needs a value", (step,)
        return Fate.UNCLEAR, "", ()

    def _field(self, kind: ClassSymbol, position: int | str, depth: int) -> Step | None:
        """The place at which a class shows that what it is made of is a value."""
        order, _ = self._program.order(kind)
        for each in order:
            if made := one_of(each.methods.get("__init__", [])):
                return self._taken_as_value(made[0], position, bound=True, depth=depth) if len(made) == 1 else None
            declared = each.body.assigned.get(str(position), ())
            if declared and declared[0].annotation is not None:
                if not self._receivers.annotations.promises_value(declared[0].annotation, each.body):
                    return None
                return Step(each.module.path, declared[0].line, f"`{position}` is declared there, and no coroutine")
        return None

    def _taken_as_value(self, function: FunctionSymbol, position: int | str, *, bound: bool, depth: int) -> Step | None:
        """The place at which a function shows that it takes a parameter for a value; None when it may well await it."""
        parameters = function.facts.parameters
        if isinstance(position, int):
            position += 1 if bound and function.owner is not None else 0
            if position >= len(parameters) or parameters[position].position != "positional":
                return None
            parameter = parameters[position]
        else:
            found = next((each for each in parameters if each.name == position), None)
            if found is None:
                return None
            parameter = found
        key = (function, parameter.name)
        if key not in self._parameters:
            self._parameters[key] = None
            self._parameters[key] = self._value_parameter(function, parameter.name, parameter.annotation, depth)
        return self._parameters[key]

    def _value_parameter(self, function: FunctionSymbol, name: str, annotation: Expression | None, depth: int) -> Step | None:
        if tells_kinds_apart(function) or not self._is_understood(function):
            return None
        if any(last_name(call.callee) == "callable" and ("name", name) in call.arguments for call in function.facts.calls):
            return None  # `work() if callable(work) else work` takes a coroutine as well
        uses = [use for use in function.facts.uses if use.name == name]
        if any(use.where[0] == "await" for use in uses):
            return None
        if annotation is not None and self._receivers.annotations.promises_value(annotation, function.parent or function):
            note = f"`{name}` is declared there, and no coroutine"
            return Step("" if function.module.library else function.module.path, function.facts.line, note)
        if (
            function.facts.abstract
            or function.assigned.get(name)
            or any(name in each.facts.loads for each in function.children)
        ):
            return None
        judged = [(use, self.place(use.where, function, depth + 1)) for use in uses]
        wrong = [(use, how) for use, (place, how, _) in judged if place in WRONG]
        sure = any(place in PLAINLY_WRONG for _, (place, _, _) in judged)
        if not wrong or any(place in (Fate.TAKEN, Fate.RETURNED) for _, (place, _, _) in judged):
            return None
        if len(wrong) != len(judged) and not sure:
            return None
        use, how = wrong[0]
        return Step(function.module.path, use.line, f"`{name}` is taken for a value: {how}")

    def _is_understood(self, function: FunctionSymbol) -> bool:
        """Its decorators, if it has any, hand on what they are given."""
        return not function.facts.decorators or self._receivers.kinds.outcome(function) is not None

    # --- stored coroutines -----------------------------------------------------------------------------------------------

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
        judged = [(use, self._place_of(value, use.where, scope)) for use in uses if _after(use, call)]
        if any(self._takes(place, scope) for _, (place, _, _) in judged):
            return
        if any(use.where[0] == "await" for use in uses):
            return
        end = min((each.line for each in others), default=1 << 30)
        left = [(use, each) for use, each in judged if use.line <= end]
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
        family = {owner, *self._program.order(owner)[0], *self._program.subclasses.get(owner, ())}
        judged = []
        for kind in family:
            for methods in kind.methods.values():
                for method in methods:
                    for inner in (method, *method.children):
                        uses = [use for use in inner.facts.uses if use.name == f"self.{name}"]
                        judged += [(inner, use, self._place_of(value, use.where, inner)) for use in uses]
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
        if scope in self._serves:
            return True
        if scope.facts.sort != ASYNC or scope in asked or not self._is_understood(scope):
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

    def _wants_value(self, caller: FunctionSymbol, where: Where, against: set[Fate], asked: frozenset[FunctionSymbol]) -> bool:
        """Whether the place of an `await` needs what it gives to be a value: nothing that it makes of it is `against` that."""
        match where:
            case ("await", *_):
                return False
            case ("return",):
                return Fate.UNCLEAR not in against or self._is_wrong_to_return(caller, asked)
            case ("assign", ("name", str(name))):
                uses = [use for use in caller.facts.uses if use.name == name]
                return all(self.place(use.where, caller)[0] not in against for use in uses)
            case ("argument" | "element" | "assign" | "yield" | "with async" | "iterate async", *_):
                return self.place(where, caller)[0] not in against
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
        case GeneratorOf(function=FunctionSymbol() as function) | ContextOf(function=FunctionSymbol() as function):
            what = "generator" if isinstance(value, GeneratorOf) else "context manager"
            kind = f"an async {what}" if value.asynchronous else f"a {what}"
            if function.module.library:
                return (Step("", 0, f"`{function.full_name}` gives {kind}"),)
            return (Step(function.module.path, function.facts.line, f"`{function.name}` gives {kind}"),)
    return ()


def written(expression: Expression, scope: FunctionSymbol) -> str:
    """An expression much as it stands in the source, shortened where it is long."""
    match expression:
        case ("name", str(name)):
            return name
        case ("attribute", inner, str(name)):
            return f"{written(inner, scope)}.{name}"
        case ("call", int(index)):
            return f"{written(scope.facts.calls[index].callee, scope)}(…)"
        case ("await", inner):
            return f"(await {written(inner, scope)})"
        case ("subscript", inner, _):
            return f"{written(inner, scope)}[…]"
        case ("string", str(text)):
            return repr(text)
    return "…"
