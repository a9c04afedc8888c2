"""A121."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import NOTHING, CallSite, Expression, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.contexts import is_expected_to_raise
from netra.guard.meaning.expressions import written
from netra.guard.meaning.functions_wanted import functions_wanted
from netra.guard.meaning.narrowing import is_caught
from netra.guard.meaning.never_called import is_never_called
from netra.guard.meaning.read_through import BUILTIN_TYPES, is_read_to_the_end, is_what_stands_there
from netra.guard.members.members import is_bound_once
from netra.guard.rule import rule
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol
from netra.guard.values import CoroutineOf, Foreign, GeneratorOf, Instance, Plain, Routine, Step, TypeOf

# Functions that give nothing.
GIVING_NOTHING: Final = frozenset(
    "builtins.print time.sleep os.remove os.unlink os.makedirs os.mkdir os.kill shutil.rmtree logging.basicConfig".split()
)
# Expressions that never give a function.
COMPUTED: Final = frozenset("operator compare not formatted string constant none list tuple set dict comprehension".split())
# What takes None for an answer: the order of what is sorted, a test, a conversion.
MAY_BE_NONE: Final = frozenset(
    "sorted min max sort nsmallest nlargest merge groupby filter filterfalse dumps dump field Field Depends".split()
)


@rule("A121", "called-too-early")
def called_too_early(analysis: Analysis) -> Iterator[Sighting]:
    """A function is called where it should be handed over, and what it gives cannot be called.

    The work is done at once, in the thread and the moment from which it was to be kept away: the event loop stands still for
    it, the answer waits. What was to run it gets the result, and fails, or runs nothing.

    ```python
    await asyncio.to_thread(render(report))  # A121: renders here, and then calls what that gave
    threading.Thread(target=watch()).start()  # A121: never gets past `watch()`
    tasks.add_task(send_mail(user))  # A121: sends before the answer
    ```

    Hand over the function, and what it takes behind it: `asyncio.to_thread(render, report)`, or `lambda: render(report)`.
    Nothing is reported of a function that gives another one, or of which guard does not know what it gives.
    """
    for scope, call, given, known in functions_wanted(analysis.program, analysis.receivers):
        if scope.module.in_tests and is_expected_to_raise(scope, call.line):
            continue
        if (early := _early(given, scope)) is None or is_caught(call.line, scope, "TypeError"):
            continue
        if (found := _gives(analysis, early, scope, known)) is None:
            continue
        what, steps = found
        if what == "None" and last_name(call.callee) in MAY_BE_NONE:
            continue
        shown = written(early.callee, scope)
        message = f"`{shown}(…)` is called at once, and `{written(call.callee, scope)}` is given {what} to call"
        mend = Mend(f"give it `{shown}` itself, and what it is called with behind it")
        yield Sighting(scope, early.line, early.column, early.end_line, message, steps, mend)


def _early(given: Expression, scope: FunctionSymbol) -> CallSite | None:
    """The call whose result is given, at once or under a name that has no other value."""
    match given:
        case ("call", int(index)):
            return scope.facts.calls[index]
        case ("name", str(name)) if name not in scope.parameters and name not in scope.facts.globals:
            made = scope.assigned.get(name, [])
            if len(made) == 1 and made[0].how == "=" and made[0].value[0] == "call":
                return scope.facts.calls[made[0].value[1]]
    return None


def _gives(analysis: Analysis, call: CallSite, scope: FunctionSymbol, known: bool) -> tuple[str, tuple[Step, ...]] | None:
    """What a call gives, in words, where it can never be called, and what proves it."""
    receivers = analysis.receivers
    match receivers.value(call.callee, scope):
        case Routine(function=function) as routine if is_bound_once(function) or function.module.model:
            value = receivers.outcome(routine)
            step = _declared(function)
            match value:
                case CoroutineOf() if not known:
                    return "a coroutine", (step,)
                case GeneratorOf(function=FunctionSymbol()) if not function.facts.decorators:
                    return "a generator", (step,)
                case Plain(name=name) if name in BUILTIN_TYPES or (name == "None" and _gives_nothing(function)):
                    if is_read_to_the_end(routine, value, receivers):
                        return "None" if name == "None" else f"a `{name}`", (step,)
                case Instance(kind=kind) if is_read_to_the_end(routine, value, receivers) or _is_made_there(routine, kind):
                    if is_never_called(kind, analysis.program):
                        return f"an object of `{kind.name}`", (step,)
                case None if _gives_values_only(analysis, routine):
                    return "a value", (step,)
        case TypeOf(kind=kind) if not kind.module.library and is_never_called(kind, analysis.program):
            return f"an object of `{kind.name}`", (Step(kind.module.path, kind.facts.line, f"`{kind.name}` has no `__call__`"),)
        case Foreign(symbol=External(dotted=dotted)) if dotted in GIVING_NOTHING:
            return "None", ()
    return None


def _gives_nothing(function: FunctionSymbol) -> bool:
    """Whatever `Callback | None` is declared to give, it may be a callback where more than nothing is returned."""
    return all(each.value == NOTHING for each in function.facts.returned)


def _gives_values_only(analysis: Analysis, routine: Routine) -> bool:
    """A function of the program gives now this and now that, each of which is a text, a number, a list or an object."""
    function = routine.function
    if not is_what_stands_there(routine, analysis.receivers):
        return False
    return bool(function.facts.returned) and all(_is_value(analysis, each.value, function) for each in function.facts.returned)


def _is_value(analysis: Analysis, expression: Expression, scope: FunctionSymbol) -> bool:
    if expression[0] in COMPUTED:
        return True
    if expression[0] == "choice":
        return all(_is_value(analysis, each, scope) for each in expression[1])
    match analysis.receivers.value(expression, scope):
        case Plain(name=name):
            return name in BUILTIN_TYPES
        case Instance(kind=kind):
            return not kind.module.library and is_never_called(kind, analysis.program)
    return False


def _is_made_there(routine: Routine, kind: ClassSymbol) -> bool:
    """The function is a plain one of the program, and its code makes the object that it gives."""
    function = routine.function
    made = [each.value for each in function.facts.returned]
    return (
        not function.module.library
        and not function.facts.decorators
        and routine.receiver is None
        and bool(made)
        and all(each[0] == "call" and last_name(function.facts.calls[each[1]].callee) == kind.name for each in made)
    )


def _declared(function: FunctionSymbol) -> Step:
    if function.module.library:
        return Step("", 0, f"`{function.full_name}` gives no function")
    return Step(function.module.path, function.facts.line, f"`{function.name}` gives no function")
