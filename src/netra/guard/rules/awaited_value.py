"""A109."""

import re
from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import ASYNC, NOTHING, PLAIN, CallSite, Expression, last_name
from netra.guard.faults import CERTAIN, LIKELY, Edit, Mend, Sighting
from netra.guard.meaning.annotations import READING
from netra.guard.meaning.callbacks import is_loop
from netra.guard.meaning.consistency import tells_kinds_apart
from netra.guard.meaning.contexts import is_expected_to_raise
from netra.guard.meaning.expressions import written
from netra.guard.meaning.handed_to_run import Handed, handed_to_run
from netra.guard.meaning.parameters import promise_of
from netra.guard.meaning.read_through import BUILTIN_TYPES, is_read_to_the_end, is_what_stands_there
from netra.guard.members.making import Making
from netra.guard.members.members import is_bound_once
from netra.guard.reading import is_waived
from netra.guard.rule import rule
from netra.guard.source.waivers import AWAIT
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol
from netra.guard.values import Foreign, Instance, Plain, Routine, Step, TypeOf, Value

_BUILTIN: Final = frozenset(
    """str int float bool bytes bytearray list dict set frozenset tuple len sorted sum repr abs round print range enumerate
    zip ord chr hex format isinstance issubclass hasattr callable id hash any all divmod pow input setattr delattr""".split()
)
_STANDARD: Final = frozenset(
    """time.time time.sleep time.monotonic time.perf_counter os.getenv os.environ.get subprocess.run subprocess.check_output
    random.random random.randint logging.getLogger asyncio.get_running_loop asyncio.get_event_loop""".split()
)
ASYNCHRONOUS: Final = re.compile(r"[Aa]sync|\baio|anyio|motor")
# Methods of containers that give nothing.
GIVING_NONE: Final = {
    "list": frozenset("append extend insert remove clear sort reverse".split()),
    "dict": frozenset("clear update".split()),
    "set": frozenset("add discard remove clear update".split()),
}
# What a handler catches that passes over whatever an `await` raises.
PASSED_OVER: Final = frozenset({"TypeError", "Exception", "BaseException"})
# With so many methods of a class of a library, a class of the program stands in for it.
SEVERAL: Final = 3
_DISPLAYS: Final = {"ListComp": "list", "SetComp": "set", "DictComp": "dict"}


@rule("A109", "awaited-value", hesitant=True)
def awaited_value(analysis: Analysis) -> Iterator[Sighting]:
    """Something is awaited that cannot be: the result of a synchronous call, a function that was not called, None.

    It raises `TypeError: object … can't be used in 'await' expression` after the call itself has done its work.

    ```python
    async def newest(session: AsyncSession) -> Row | None:
        result = await session.execute(QUERY)
        return await result.first()  # A109: a result is read without waiting
    ```

    Guard reports a call only when it has read the function, and every method that may take its place, to the end. A line under
    `pytest.raises(…)`, or on which a type checker is told to be silent about it (`# ty: ignore[invalid-await]`), is left alone.
    Guard is not certain where it knows by the annotation of a parameter alone what is called: who awaits has seen more of it,
    and where the `await` is the last thing in a `try` whose handler passes over any error: the work is done by then. Nor is it
    where a function of the program gives a session or the like, and a class of the program may stand in for that, whose method
    is a coroutine.

    What `asyncio.gather`, `wait_for`, `shield`, `create_task`, `ensure_future`, `as_completed`, `run` and their like are given
    is awaited there. They refuse a function that nobody called (`create_task(work)`), a value, and a whole list where each of
    them has a place of its own: `asyncio.gather(*[load(each) for each in ids])`. Those that start a coroutine refuse a future,
    as what `gather` and `run_in_executor` give.
    """
    for scope in analysis.scopes:
        if scope.facts.awaits and not tells_kinds_apart(scope):
            for expression, line, column, end_line in scope.facts.awaits:
                if is_expected_to_raise(scope, line) or is_waived(scope, AWAIT, line, end_line):
                    continue
                if (found := _seen(analysis, scope, expression)) is not None and not _is_for_both(scope, expression):
                    message, steps = found
                    edits = (Edit(line, column, line, column + len("await "), ""),) if end_line == line else ()
                    doubted = (
                        _rests_on_an_annotation(analysis, scope, expression)
                        or _is_passed_over(scope, expression, end_line)
                        or _may_be_stand_in(analysis, scope, expression)
                    )
                    sure = LIKELY if doubted else CERTAIN
                    yield Sighting(scope, line, column, end_line, message, steps, Mend("drop the `await`", edits), sure)
    for each in handed_to_run(analysis.program, analysis.receivers):
        scope, call, expression = each.scope, each.call, each.expression
        if (
            tells_kinds_apart(scope)
            or is_expected_to_raise(scope, call.line)
            or _is_passed_over(scope, expression, call.end_line)
        ):
            continue
        if (found := _handed(analysis, each)) is None or _is_for_both(scope, expression):
            continue
        message, steps = found
        doubted = _rests_on_an_annotation(analysis, scope, expression) or _may_be_stand_in(analysis, scope, expression)
        mend = Mend("hand over what can be awaited: a coroutine, a task or a future")
        sure = LIKELY if doubted else CERTAIN
        yield Sighting(scope, call.line, call.column, call.end_line, message, steps, mend, sure)


def _handed(analysis: Analysis, each: Handed) -> tuple[str, tuple[Step, ...]] | None:
    """What is handed to a function of asyncio that awaits it and can do so of none such."""
    scope, expression = each.scope, each.expression
    by = f"is given to `{written(each.call.callee, scope)}`, which would await it,"
    if last_name(each.call.callee) == "gather" and each.alone:
        kept = _kept(analysis, scope, expression[1]) if expression[0] == "name" else None
        if expression[0] in GATHERED or (kept is not None and kept[0] in ("a `list`", "a `tuple`", "a `set`")):
            return f"a whole list {by} and is not unpacked: write `*` before it", () if kept is None else kept[1]
    match expression:
        case ("lambda", _):
            return f"a lambda {by} without being called", ()
        case ("name" | "attribute", *_):
            match analysis.receivers.value(expression, scope):
                case Routine(function=function, bound=bound) if not function.facts.decorators and (bound or not function.owner):
                    if not function.module.library and is_bound_once(function):
                        return f"`{written(expression, scope)}` {by} without being called", (_declared(function),)
                    if not function.module.model:
                        return None
    if each.coroutines_only and (future := _future(analysis, scope, expression)):
        return f"{future} {by} and takes a coroutine only", ()
    return _seen(analysis, scope, expression, by)


# What `gather` would have to be given piece by piece.
GATHERED: Final = frozenset({"list", "tuple", "set", "comprehension"})
# Of asyncio, what gives a future and no coroutine.
GIVING_FUTURES: Final = frozenset("asyncio.gather asyncio.shield asyncio.create_task asyncio.ensure_future".split())


def _future(analysis: Analysis, scope: FunctionSymbol, expression: Expression) -> str:
    """`asyncio.gather(…)`, or what `loop.run_in_executor` gives."""
    if expression[0] != "call":
        return ""
    call = scope.facts.calls[expression[1]]
    match analysis.receivers.value(call.callee, scope):
        case Routine(function=function) if function.module.model and function.full_name in GIVING_FUTURES:
            return f"the future of `{written(call.callee, scope)}(…)`"
    of_thread = last_name(call.callee) == "run_in_executor" and call.callee[0] == "attribute"
    if of_thread and is_loop(call.callee[1], scope, analysis.receivers):
        return f"the future of `{written(call.callee, scope)}(…)`"
    return ""


def _is_for_both(scope: FunctionSymbol, expression: Expression) -> bool:
    """Another method of the class calls the same and does not wait, as `__exit__` does beside `__aexit__`: it is for two kinds
    of object, whatever its annotations say.
    """
    if expression[0] != "call" or scope.owner is None:
        return False
    callee = scope.facts.calls[expression[1]].callee
    if callee[0] != "attribute" or callee[1][:2] != ("attribute", ("name", "self")):
        return False
    return any(
        call.callee == callee and call.where[0] != "await"
        for methods in scope.owner.methods.values()
        for method in methods
        if method.facts.sort == PLAIN
        for call in method.facts.calls
    )


def _rests_on_an_annotation(analysis: Analysis, scope: FunctionSymbol, expression: Expression) -> bool:
    """What is called is a method of a parameter that is known by its annotation alone, here or in what is called."""
    if expression[0] == "attribute":
        return promise_of(expression, scope) is not None and isinstance(analysis.receivers.value(expression, scope), Plain)
    if expression[0] != "call":
        return False
    callee = scope.facts.calls[expression[1]].callee
    if _is_of_parameter(analysis, callee, scope):
        return not _is_made_so(analysis, callee, scope)
    match analysis.receivers.value(callee, scope):
        case Routine(function=function) if not function.module.library:
            given = [each.value for each in function.facts.returned if each.value[0] == "call"]
            return any(_is_of_parameter(analysis, function.facts.calls[each[1]].callee, function) for each in given)
    return False


def _is_made_so(analysis: Analysis, callee: Expression, scope: FunctionSymbol) -> bool:
    """What the parameter is given is made of the class that its annotation names, by whoever is known to call."""
    match analysis.receivers.value(callee[1], scope):
        case Instance(kind=kind) if not kind.module.library:
            return analysis.once(Making).is_one_of(callee[1], scope, (kind,))
        case Instance() if callee[1][0] == "attribute":
            return _is_made_so(analysis, callee[1], scope)  # `peer.writer` of a `Peer` that is made with a stream
    return False


def _may_be_stand_in(analysis: Analysis, scope: FunctionSymbol, expression: Expression) -> bool:
    """What is called is a method of what a function of the program gives, which is annotated as a class of a library; and the
    program has a class with several of its methods, where this one is a coroutine.
    """
    callee = scope.facts.calls[expression[1]].callee if expression[0] == "call" else expression
    if callee[0] != "attribute" or callee[1][0] != "name":
        return False
    given = scope.assigned.get(callee[1][1], ())
    if not given or not all(each.value[0] == "call" and _is_of_program(analysis, each.value[1], scope) for each in given):
        return False
    match analysis.receivers.value(callee, scope):
        case Routine(function=function) if function.module.model and function.owner is not None:
            kinds = (kind for module in analysis.modules if not module.in_tests for kind in module.classes)
            return any(_stands_in(kind, function.owner, function.name) for kind in kinds)
    return False


def _is_of_program(analysis: Analysis, index: int, scope: FunctionSymbol) -> bool:
    match analysis.receivers.value(scope.facts.calls[index].callee, scope):
        case Routine(function=function):
            return not function.module.library
    return False


def _stands_in(kind: ClassSymbol, for_kind: ClassSymbol, name: str) -> bool:
    """A class has a coroutine of that name, and several methods of another class."""
    if not any(each.facts.sort == ASYNC for each in kind.methods.get(name, ())):
        return False
    shared = [each for each in kind.methods if each in for_kind.methods and not each.startswith("_")]
    return len(shared) >= SEVERAL


def _is_passed_over(scope: FunctionSymbol, expression: Expression, end_line: int) -> bool:
    """The work is done when the `await` fails, nothing follows it in its `try`, and the handler does nothing."""
    if expression[0] != "call" or scope.facts.calls[expression[1]].where != ("await", ("statement",)):
        return False
    blocks = scope.facts.blocks
    around = [each for each in blocks if each.what == "try" and each.line <= end_line <= each.end_line]
    tried = max(around, key=lambda each: each.line, default=None)
    if tried is None or tried.end_line != end_line:
        return False
    handler = min(
        (each for each in blocks if each.what == "handler" and each.line > end_line), key=lambda each: each.line, default=None
    )
    if handler is None or (handler.expressions and last_name(handler.expressions[0]) not in PASSED_OVER):
        return False
    if any(each.what == "otherwise" and each.head == handler.end_line for each in blocks):
        return False
    facts = scope.facts
    lines = [*facts.raises, *(at for _, at in facts.jumps), *(each.line for each in facts.returned)]
    lines += [*(each.line for each in facts.calls), *(each.line for each in facts.assignments)]
    return not any(handler.line <= line <= handler.end_line for line in lines)


def _is_of_parameter(analysis: Analysis, callee: Expression, scope: FunctionSymbol) -> bool:
    if (annotation := promise_of(callee, scope)) is None:
        return False
    match analysis.receivers.annotated(annotation, scope.parent or scope):
        case Instance(kind=kind) if kind.module.model:
            # Who says `AsyncSession` knows which of its methods to wait for; who says `Session` may have meant another.
            return not ASYNCHRONOUS.search(kind.full_name)
    return True


def _seen(
    analysis: Analysis, scope: FunctionSymbol, expression: Expression, awaited: str = "is awaited"
) -> tuple[str, tuple[Step, ...]] | None:
    also = " and" if awaited.endswith(",") else ", and"
    match expression:
        case ("name", str(name)) if (kept := _kept(analysis, scope, name)) is not None:
            what, steps = kept
            return f"`{name}` {awaited}{also} is {what}", steps
        case ("name" | "attribute", *_):
            match analysis.receivers.value(expression, scope):
                case Routine(function=function, bound=bound) if function.facts.sort == ASYNC and (bound or not function.owner):
                    if not function.facts.decorators and not function.module.library:
                        text = written(expression, scope)
                        return f"`{text}` {awaited} without being called", (_declared(function),)
                    if function.module.model:
                        return f"`{written(expression, scope)}` {awaited} without being called", ()
                case Plain(name=name) if expression[0] == "attribute" and name in BUILTIN_TYPES:
                    return f"`{written(expression, scope)}` {awaited}{also} is a `{name}`", ()
            return None
        case ("call", int(index)) if (last_name(scope.facts.calls[index].callee) or "_") == "_":
            return None
        case ("none",):
            return f"None {awaited}".rstrip(","), ()
    if (found := _value_of(analysis, scope, expression)) is None:
        return None
    what, steps = found
    if expression[0] != "call":
        return f"{what} {awaited}".rstrip(","), steps
    text = written(expression, scope)
    return f"`{text}` {awaited}{also} {'makes' if what.startswith('an object') else 'gives'} {what}", steps


def _kept(analysis: Analysis, scope: FunctionSymbol, name: str) -> tuple[str, tuple[Step, ...]] | None:
    """What a local name holds, when all that it is ever given is a value."""
    given = scope.assigned.get(name, ())
    nested = any(name in child.facts.globals for child in scope.children)
    if not given or nested or name in scope.parameters or name in scope.facts.globals or scope.facts.sort != ASYNC:
        return None
    found = []
    for each in given:
        if each.how != "=" or (value := _value_of(analysis, scope, each.value)) is None:
            return None
        found.append((value, each.line))
    (what, steps), line = found[0]
    return what, (Step(scope.module.path, line, f"`{name}` is given {what}"), *steps)


def _value_of(analysis: Analysis, scope: FunctionSymbol, expression: Expression) -> tuple[str, tuple[Step, ...]] | None:
    """What an expression gives, in words, when that can never be awaited, and what proves it."""
    match expression:
        case ("call", int(index)):
            call = scope.facts.calls[index]
            return _given(analysis, scope, call) or _taken_out(analysis, scope, expression, call)
        case ("string" | "formatted", *_):
            return "a `str`", ()
        case ("constant", str(name), *_):
            return f"a `{name}`", ()
        case ("list" | "tuple" | "set" | "dict" as name, *_):
            return f"a `{name}`", ()
        case ("comprehension", str(name), _) if name != "GeneratorExp":
            return f"a `{_DISPLAYS[name]}`", ()
    return None


def _given(analysis: Analysis, scope: FunctionSymbol, call: CallSite) -> tuple[str, tuple[Step, ...]] | None:
    match analysis.receivers.value(call.callee, scope):
        case Routine(function=function) if not function.module.library and not is_bound_once(function):
            pass  # another branch gives the name to something else
        case Routine(function=function) as routine:
            value = analysis.receivers.outcome(routine)
            if _is_value(value) and is_read_to_the_end(routine, value, analysis.receivers):
                return _what(value), (_declared(function),)
            if (value is None or isinstance(value, Instance)) and _is_always_a_value(analysis, routine):
                return "a value", (_declared(function),)
        case TypeOf(kind=kind) if kind.module.model:
            order, closed = analysis.program.order(kind)
            if closed and not any("__await__" in each.methods for each in order):
                return f"an object of `{kind.name}`", (Step("", 0, f"`{kind.full_name}` is made without waiting"),)
        case TypeOf(kind=kind) if not kind.module.library:
            order, closed = analysis.program.order(kind)
            magic = {"__await__", "__new__", "__getattr__"}
            # A model says what a class of a library gives, and not all that it has.
            known = closed and not any(each.module.library for each in order)
            if known and not kind.facts.keywords and not any(magic & each.methods.keys() for each in order):
                step = Step(kind.module.path, kind.facts.line, f"`{kind.name}` has no `__await__`")
                return f"an object of `{kind.name}`", (step,)
        case Foreign(symbol=External(dotted=dotted)) if _gives_values(dotted):
            name = dotted.removeprefix("builtins.")
            return "a value", (Step("", 0, f"`{name}` is no coroutine function"),)
    if call.callee[0] == "attribute":
        match analysis.receivers.value(call.callee[1], scope):
            case Plain(name=name) if call.callee[2] in GIVING_NONE.get(name, ()) and not _is_of_parameter(
                analysis, call.callee, scope
            ):
                return "None", (Step("", 0, f"`{name}.{call.callee[2]}` gives None"),)
        match _text(analysis, scope, call.callee[1]):
            case str(name) if hasattr(str, call.callee[2]):
                return "a value", (Step("", 0, f"`{name}.{call.callee[2]}` is no coroutine function"),)
    return None


def _taken_out(
    analysis: Analysis, scope: FunctionSymbol, expression: Expression, call: CallSite
) -> tuple[str, tuple[Step, ...]] | None:
    """What lies in a container of a library that says what it holds: `questions.get_nowait()` of a `Queue[Question]`."""
    match analysis.receivers.value(call.callee, scope):
        case Routine(function=function) if function.module.model and function.facts.sort == PLAIN:
            match analysis.receivers.value(expression, scope):
                case Instance(kind=kind) if not kind.module.library and _is_never_awaited(analysis, expression, scope):
                    return f"an object of `{kind.name}`", (_declared(function),)
    return None


def _text(analysis: Analysis, scope: FunctionSymbol, expression: Expression) -> str | None:
    """`str`, where an expression is a text whatever annotations say."""
    found = _value_of(analysis, scope, expression)
    return "str" if found is not None and found[0] == "a `str`" else None


def _gives_values(dotted: str) -> bool:
    """A function of the standard library or a builtin that waits for nothing and gives nothing to wait for."""
    top, _, name = dotted.partition(".")
    return name in _BUILTIN if top == "builtins" else top in READING or dotted in _STANDARD


def _is_value(value: Value | None) -> bool:
    return isinstance(value, Plain) or (isinstance(value, Instance) and value.kind.module.model)


def _is_always_a_value(analysis: Analysis, routine: Routine) -> bool:
    """A plain function gives now this value and now that one, and each of them is known for one."""
    function = routine.function
    if not is_what_stands_there(routine, analysis.receivers):
        return False
    return all(each.value == NOTHING or _is_never_awaited(analysis, each.value, function) for each in function.facts.returned)


def _is_never_awaited(analysis: Analysis, expression: Expression, scope: FunctionSymbol) -> bool:
    match analysis.receivers.value(expression, scope):
        case Plain():
            return True
        case Instance(kind=kind):
            below = analysis.program.subclasses.get(kind, ())
            late = any("__await__" in each.methods for each in below)
            return not late and not kind.module.library and analysis.receivers.annotations.is_never_awaited(kind)
    return False


def _declared(function: FunctionSymbol) -> Step:
    if function.module.library:
        owner = function.owner
        return Step("", 0, f"`{owner.full_name if owner else function.module.name}.{function.name}` is no coroutine function")
    kind = "an `async def`" if function.facts.sort == ASYNC else "a plain `def`"
    return Step(function.module.path, function.facts.line, f"`{function.name}` is {kind}")


def _what(value: Value | None) -> str:
    match value:
        case Plain(name=name):
            return {"None": "None", "value": "a value"}.get(name, f"a `{name}`")
        case Instance(kind=kind):
            return f"a `{kind.name}`"
    return "a value"
