"""A109."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.facts import ASYNC, NOTHING, Expression, last_name
from netra.guard.faults import Edit, Mend, Sighting
from netra.guard.meaning.consistency import tells_kinds_apart
from netra.guard.meaning.contexts import written
from netra.guard.program import FunctionSymbol
from netra.guard.rule import rule
from netra.guard.values import Instance, Plain, Routine, Step, TypeOf, Value


@rule("A109", "awaited-value")
def awaited_value(analysis: Analysis) -> Iterator[Sighting]:
    """Something is awaited that cannot be: the result of a synchronous call, a function that was not called, None.

    It raises `TypeError: object … can't be used in 'await' expression` after the call itself has done its work.

    ```python
    async def newest(session: AsyncSession) -> Row | None:
        result = await session.execute(QUERY)
        return await result.first()  # A109: a result is read without waiting
    ```

    Guard reports a call only when it has read the function, and every method that may take its place, to the end.
    """
    for scope in analysis.scopes:
        if scope.facts.awaits and not tells_kinds_apart(scope):
            for expression, line, column, end_line in scope.facts.awaits:
                if (found := _seen(analysis, scope, expression)) is not None:
                    message, steps = found
                    edits = (Edit(line, column, line, column + len("await "), ""),) if end_line == line else ()
                    yield Sighting(scope, line, column, end_line, message, steps, Mend("drop the `await`", edits))


def _seen(analysis: Analysis, scope: FunctionSymbol, expression: Expression) -> tuple[str, tuple[Step, ...]] | None:
    text = written(expression, scope)
    match expression:
        case ("call", int(index)):
            call = scope.facts.calls[index]
            if (last_name(call.callee) or "_") == "_":
                return None
            match analysis.receivers.value(call.callee, scope):
                case Routine(function=function) as routine:
                    value = analysis.receivers.outcome(routine)
                    if _is_value(value) and _is_read_to_the_end(analysis, routine, value):
                        return f"`{text}` is awaited, and gives {_what(value)}", (_declared(function),)
                case TypeOf(kind=kind) if not kind.module.library:
                    order, closed = analysis.program.order(kind)
                    magic = {"__await__", "__new__", "__getattr__"}
                    if closed and not kind.facts.keywords and not any(magic & each.methods.keys() for each in order):
                        step = Step(kind.module.path, kind.facts.line, f"`{kind.name}` has no `__await__`")
                        return f"`{text}` is awaited, and makes a `{kind.name}`", (step,)
        case ("none",):
            return "None is awaited", ()
        case ("name" | "attribute", *_):
            match analysis.receivers.value(expression, scope):
                case Routine(function=function, bound=bound) if function.facts.sort == ASYNC and (bound or not function.owner):
                    if not function.facts.decorators and not function.module.library:
                        return f"`{text}` is awaited without being called", (_declared(function),)
    return None


def _is_value(value: Value | None) -> bool:
    return isinstance(value, Plain) or (isinstance(value, Instance) and value.kind.module.model)


def _is_read_to_the_end(analysis: Analysis, routine: Routine, value: Value | None) -> bool:
    """Nothing unknown can come out of the function: no annotation is believed that its code may not keep."""
    function = routine.function
    if function.module.installed:
        return False  # its annotations are somebody else's, and nothing else of it is read
    if function.module.library:
        if "blocks" in function.decorator_names:
            return False  # it has an asynchronous twin, and an annotation that names the wrong one is no fault of the await
        return "__await__" not in (value.kind.methods if isinstance(value, Instance) else ())
    if function.facts.decorators and not function.decorator_names <= {"staticmethod", "classmethod"}:
        return False
    if function.facts.abstract or function.facts.sort == ASYNC or isinstance(value, Instance):
        return False
    if routine.receiver is not None and not analysis.program.order(routine.receiver)[1]:
        # An unknown base may have set an asynchronous function in its place.
        return function.owner is routine.receiver and bool(function.facts.returned)
    values = [each.value for each in function.facts.returned]
    return all(each == NOTHING or isinstance(analysis.receivers.value(each, function), Plain) for each in values)


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
