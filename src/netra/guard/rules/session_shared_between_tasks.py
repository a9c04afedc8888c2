"""D101."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.facts import Expression
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.contexts import written
from netra.guard.program import FunctionSymbol
from netra.guard.rule import rule
from netra.guard.values import Instance, Step

# One unit of work at a time: the drivers and SQLAlchemy refuse, or mix up, two statements at once.
EXCLUSIVE = frozenset(
    {
        "sqlalchemy.ext.asyncio.AsyncSession",
        "sqlalchemy.ext.asyncio.AsyncConnection",
        "sqlalchemy.orm.Session",
        "asyncpg.Connection",
        "psycopg.AsyncConnection",
    }
)
STARTING = frozenset("gather create_task ensure_future wait as_completed start_soon".split())


@rule("D101", "session-shared-between-tasks")
def session_shared_between_tasks(analysis: Analysis) -> Iterator[Sighting]:
    """One database session or connection is used by several tasks at once.

    A session is one unit of work. Two tasks that use it at the same time get each other's errors and rollbacks, or
    `InvalidRequestError: This session is provisioning a new connection`.

    ```python
    await asyncio.gather(load(session, 1), load(session, 2))  # D101
    ```

    Give each task a session of its own, out of the factory.
    """
    for scope, index, call in analysis.calls_of(*STARTING):
        shared = _shared(analysis, scope, index)
        if shared is not None:
            name, kind, line = shared
            message = f"`{name}` is used by several tasks that run at once"
            step = Step(scope.module.path, line, f"`{name}` is a `{kind}`, one unit of work")
            mend = Mend("give each task a session of its own")
            yield Sighting(scope, call.line, call.column, call.end_line, message, (step,), mend)


def _shared(analysis: Analysis, scope: FunctionSymbol, starting: int) -> tuple[str, str, int] | None:
    """A session that several of the calls inside a `gather` are given, or one call of a comprehension."""
    seen: dict[str, tuple[str, int]] = {}
    for call in scope.facts.calls:
        where, repeated = call.where, False
        while where[0] in ("element", "unpack"):
            repeated = repeated or where[0] == "element"
            where = where[1] if len(where) > 1 else ("other",)
        direct = where[0] == "argument" and where[1] == starting
        if not direct and not (repeated and _is_unpacked_into(scope, starting, call.line)):
            continue
        handed: list[Expression] = [*call.arguments, *(value for _, value in call.keywords)]
        if call.callee[0] == "attribute":
            handed.append(call.callee[1])
        for each in handed:
            kind = _exclusive(analysis, scope, each)
            if kind is None:
                continue
            name = written(each, scope)
            if name in seen or (repeated and _stands_outside(scope, each)):
                return name, kind, scope.facts.line
            seen[name] = (kind, call.line)
    return None


def _is_unpacked_into(scope: FunctionSymbol, starting: int, line: int) -> bool:
    """`gather(*[work(session, each) for each in …])`."""
    call = scope.facts.calls[starting]
    unpacks = any(argument[0] == "star" and argument[1][0] == "comprehension" for argument in call.arguments)
    return unpacks and call.line <= line <= call.end_line


def _stands_outside(scope: FunctionSymbol, expression: Expression) -> bool:
    """The name is not what a comprehension or a loop binds anew each time."""
    name = expression[1] if expression[0] == "name" else None
    return name is None or all(each.how not in ("for", "for async") for each in scope.assigned.get(name, ()))


def _exclusive(analysis: Analysis, scope: FunctionSymbol, expression: Expression) -> str | None:
    match expression:
        case ("name", _) | ("attribute", ("name", "self"), _):
            match analysis.receivers.value(expression, scope):
                case Instance(kind=kind):
                    order, _ = analysis.program.order(kind)
                    return next((each.name for each in order if each.full_name in EXCLUSIVE), None)
    return None
