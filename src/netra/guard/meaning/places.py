"""What a place makes of a coroutine that stands there: an argument, a test, an element of a list, what is returned."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from netra.guard.facts import ASYNC, PLAIN, CallSite, Expression, Where, dotted, last_name
from netra.guard.meaning.annotations import PLAIN_TYPES, READING
from netra.guard.meaning.callbacks import ANY, CALLING, LOOP
from netra.guard.meaning.collected import promises_values
from netra.guard.meaning.consistency import tells_kinds_apart
from netra.guard.meaning.expressions import written
from netra.guard.meaning.latecalls import is_called
from netra.guard.meaning.parameters import parameter_given
from netra.guard.meaning.receivers import Receivers
from netra.guard.program import Program, one_of
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol
from netra.guard.values import AwaitableOf, CoroutineOf, Either, Foreign, Instance, Plain, Routine, Step, TypeOf, Value


class Fate(Enum):
    """What a place makes of what stands there."""

    TAKEN = "taken"
    UNCLEAR = "unclear"
    DROPPED = "dropped"
    ASKED = "asked for what it would yield"
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
# What a function that begins at once gives is a future, and has these as well.
FUTURE_ATTRIBUTES: Final = frozenset(
    "add_done_callback remove_done_callback cancel cancelled done result exception set_result set_exception get_loop".split()
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
# Whatever has a method of this name turns what it is given into JSON.
SENDING: Final = "send_json"
RESPONSES: Final = frozenset(
    "JSONResponse ORJSONResponse UJSONResponse HTMLResponse PlainTextResponse jsonify json_response".split()
)
LOGGING: Final = frozenset("debug info warning error exception critical log".split())


# Modules whose functions are there to run coroutines, and methods under whatever name they are kept.
RUNNING: Final = frozenset({"asyncio", "anyio", "trio", "contextlib"})
STARTING: Final = frozenset(
    "create_task ensure_future gather wait wait_for shield run run_until_complete run_coroutine_threadsafe spawn start_soon "
    "append add put put_nowait".split()
)

# Words in the names of methods that wait for what they are given.
RUNNING_WORDS: Final = frozenset(
    "run task spawn start create submit schedule wait call enter push callback transaction".split()
)

# Calls that run a function in a thread, and functions that write a text or bytes.
ASSERTING: Final = frozenset("assertTrue assertFalse assertIsNone assertIsNotNone assertEqual".split())
THREADING: Final = frozenset({"to_thread", "run_in_executor", "run_in_threadpool"})
WRITING: Final = frozenset({"write_text", "write_bytes", "writelines", "loads", "dumps"})


WRONG: Final = frozenset({Fate.USED, Fate.TESTED, Fate.ITERATED, Fate.FORMATTED, Fate.PASSED, Fate.MISMATCHED})
# What raises whoever else gets the coroutine; to show or to test it may be meant.
PLAINLY_WRONG: Final = frozenset({Fate.USED, Fate.ITERATED, Fate.PASSED, Fate.MISMATCHED})


# Callbacks that are known for such by the name of the method alone.
TELLING_BY_NAME: Final = frozenset({ANY, LOOP})


def _is_callback(call: CallSite, name: str, position: int | str) -> bool:
    """`task.add_done_callback(…)`, `loop.call_later(3, …)`: a method that is known for such by its name alone."""
    if name not in CALLING or call.callee[0] != "attribute" or CALLING[name].owners.isdisjoint(TELLING_BY_NAME):
        return False
    return position in (CALLING[name].position, CALLING[name].keyword or None)


def _called_there(function: FunctionSymbol, position: int | str, *, bound: bool) -> Step | None:
    """The parameter that takes it is declared as something to be called, which a coroutine never is, and not awaited."""
    if (taken := parameter_given(function, position, bound=bound)) is None:
        return None
    parameter = function.facts.parameters[function.parameters[taken]]
    uses = (use.where for use in function.facts.uses if use.name == taken)
    if not is_called(parameter.annotation) or any(_runs(each, function) for each in uses):
        return None
    note = f"`{taken}` is declared there as what is called"
    return Step("" if function.module.library else function.module.path, function.facts.line, note)


def _runs(where: Where, function: FunctionSymbol) -> bool:
    """What stands there is awaited, or made a task of: it is a coroutine, whatever it is declared as."""
    match where:
        case ("await", *_):
            return True
        case ("argument", int(index), _):
            return (last_name(function.facts.calls[index].callee) or "") in STARTING
    return False


def _may_wait(function: FunctionSymbol) -> bool:
    """A method of a library that runs what it is given: by its decorators, or by its name."""
    return bool(function.decorator_names & {"gives_argument", "runs_argument", "enters_argument", "gathers_arguments"}) or bool(
        RUNNING_WORDS.intersection(function.name.split("_"))
    )


def is_started(value: Value) -> bool:
    """What gives a running future, as the model of its library says: its work is done, whether or not somebody waits."""
    return isinstance(value, CoroutineOf) and value.function.module.model and "starts" in value.function.decorator_names


class CoroutinePlaces:
    """Judges places, one by one; `serves`: the functions whose result a framework sends on."""

    def __init__(self, program: Program, receivers: Receivers, serves: frozenset[FunctionSymbol]) -> None:
        self._program = program
        self._receivers = receivers
        self._serves = serves
        self._parameters: dict[tuple[FunctionSymbol, str], Step | None] = {}

    def of(self, value: Value, where: Where, scope: FunctionSymbol) -> tuple[Fate, str, tuple[Step, ...]]:
        """What a place makes of this value; nothing wrong where it has the attribute itself, as the future of `gather`."""
        match value, where:
            case AwaitableOf(function=FunctionSymbol() as function), ("attribute", str(name)) if (
                function.facts.returns is not None
            ):
                match self._receivers.annotated(function.facts.returns, function):
                    case Instance() as future if self._receivers.attribute(future, name) is not None:
                        return Fate.TAKEN, "", ()
            case Instance() as lazy, ("attribute", str(name)) if self._receivers.attribute(lazy, name) is not None:
                return Fate.TAKEN, "", ()
            case _, ("attribute", str(name)) if name in FUTURE_ATTRIBUTES and is_started(value):
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
            case ("index",):
                return Fate.USED, "something is looked up by it, and a coroutine is no key", ()
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
            case ("assign", ("name", str(name))):
                return self._kept_in(name, scope)
            case ("argument", int(index), _):
                call = scope.facts.calls[index]
                match self._receivers.value(call.callee, scope):
                    case Routine(function=function) if function.module.model and function.name in RESPONSES:
                        return Fate.FORMATTED, f"`{function.name}` cannot serialise it", ()
                    case Foreign(symbol=External(dotted=name)) if name in SERIALISING or name.rpartition(".")[2] in RESPONSES:
                        return Fate.FORMATTED, f"`{name}` cannot serialise it", ()
                    case Foreign(symbol=External(dotted="builtins.any" | "builtins.all" as name)):
                        return Fate.TESTED, f"`{name[9:]}` tests its truth, and a coroutine is always true", ()
                    case Routine(function=function) if function.module.model and self._only_reads(function):
                        return Fate.FORMATTED, f"it is in what `{function.name}` sends or stores, which needs values", ()
                    case None | Foreign() if last_name(call.callee) == SENDING:
                        return Fate.FORMATTED, f"`{SENDING}` cannot serialise it", ()
        return Fate.UNCLEAR, "", ()

    def _kept_in(self, name: str, scope: FunctionSymbol) -> tuple[Fate, str, tuple[Step, ...]]:
        """What becomes of a dictionary or list in which it lies, under a name: `result = {"token": token}`, which is sent."""
        kept: Expression = ("name", name)
        taken_out = any(call.callee[0] == "attribute" and call.callee[1] == kept for call in scope.facts.calls)
        if len(scope.assigned[name]) == 1 and not taken_out and not any(name in child.facts.loads for child in scope.children):
            places: list[Where] = [("return",) for each in scope.facts.returned if each.value == kept]
            for index, call in enumerate(scope.facts.calls):
                places += [("argument", index, position) for position, given in call.placed if given == kept]
            found = [self._contained(each, scope) for each in places]
            if found and all(fate is Fate.FORMATTED for fate, _, _ in found):
                return found[0]
        return Fate.UNCLEAR, "", ()

    def _only_reads(self, function: FunctionSymbol) -> bool:
        """A method of a library that sends or stores what it is given, and waits for nothing in it."""
        return function.owner is not None and function.module.name not in RUNNING and not _may_wait(function)

    def _is_sent_on(self, scope: FunctionSymbol) -> bool:
        """A handler of a route returns as it is what the function gives: `return await service.stats(thread)`."""
        if scope.facts.sort not in (ASYNC, PLAIN) or scope.facts.yields or not self.is_understood(scope):
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
        if position == "**":
            return Fate.ITERATED, "it is unpacked as a mapping", ()
        if _is_callback(call, name, position):
            return Fate.PASSED, f"it is passed to `{name}`, which calls a function", ()
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
                if (step := _called_there(function, position, bound=bound)) is not None:
                    return Fate.PASSED, f"it is passed to `{name}`, which calls a function", (step,)
                if function.module.model and function.module.name in RUNNING:
                    return Fate.TAKEN, "", ()
                if function.module.model and function.owner is not None and not _may_wait(function):
                    step = Step("", 0, f"`{function.owner.full_name}.{function.name}` takes no coroutine")
                    return Fate.PASSED, f"it is passed to `{name}`, which needs a value", (step,)
                step = self._taken_as_value(function, position, bound=bound, depth=depth)
                if step is not None:
                    return Fate.PASSED, f"it is passed to `{name}`, which needs a value", (step,)
            case Either(options=options) if depth < 2:
                step = self._taken_by_each(options, position, depth)
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
        if position == first:
            return Fate.PASSED, f"it is passed to `{last_name(call.callee)}`, which calls a function", ()
        if position < first or len(call.arguments) <= first:
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

    def _taken_by_each(self, options: tuple[Value, ...], position: int | str, depth: int) -> Step | None:
        """One of several functions is called, and each that does anything needs a value: those below a method left open."""
        found: list[Step | None] = []
        for each in options:
            if not isinstance(each, Routine) or each.function.module.library:
                return None
            if not each.function.facts.abstract:
                found.append(self._taken_as_value(each.function, position, bound=each.bound, depth=depth))
        return None if None in found else next(iter(found), None)

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
        if tells_kinds_apart(function) or not self.is_understood(function):
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

    def is_understood(self, function: FunctionSymbol) -> bool:
        """Its decorators, if it has any, hand on what they are given."""
        return not function.facts.decorators or self._receivers.kinds.outcome(function) is not None

    # --- stored coroutines -----------------------------------------------------------------------------------------------
