"""D101."""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.database.givers import Givers
from netra.guard.database.resolved import ContextSessions, Resolving
from netra.guard.database.tasks import JOINING, Launch, SessionOfTask, Tasks
from netra.guard.database.tool_sessions import ToolSessions
from netra.guard.database.transactions import Tracked
from netra.guard.facts import OTHER, SELF, CallSite, Expression, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Step

# Further fields that are shown with the first.
MOST_SHOWN = 5
OWN = Mend("give each task a session of its own")


@rule("D101", "session-shared-between-tasks")
def session_shared_between_tasks(analysis: Analysis) -> Iterator[Sighting]:
    """One database session or connection is used by several tasks at once.

    A session is one unit of work. Two tasks that use it at the same time get each other's errors and rollbacks, or
    `InvalidRequestError: This session is provisioning a new connection`.

    ```python
    await asyncio.gather(load(session, 1), load(session, 2))  # D101
    ```

    So does a task that goes on when the function that has the session is done: by then it is closed, or somebody else's. That
    goes for `tasks.add_task(work, session)` too: by its version, FastAPI has ended the dependency before, or keeps the
    connection for as long as the work takes. And a task inherits the context of whoever starts it, with the session in a
    `ContextVar`. The tools of an agent are such tasks: a model asks for several in one turn, and LangGraph, Pydantic AI, the
    agents of OpenAI and LlamaIndex run those at the same time, unless they are told not to. The fields of a query of GraphQL
    are resolved at once as well, all with the one session that its context has. Give each task a session of its own, out of
    the factory.
    """
    tasks, givers = analysis.once(Tasks), Givers(analysis)
    for scope, index, call in analysis.calls_of(*JOINING):
        if not scope.module.in_tests and (shared := _shared(tasks.joined(scope, index))) is not None:
            yield _at_once(scope, call, shared)
    for scope in tasks.starting():
        launches = tasks.started(scope)
        shared = _shared([each for number, (_, each) in enumerate(launches) if not _is_over(scope, launches, number)])
        if shared is not None:
            last = next(number for number, each in reversed(launches) if shared in each.sessions)
            yield _at_once(scope, scope.facts.calls[last], shared)
            continue
        for number, each in launches:
            by_name = last_name(scope.facts.calls[number].callee) in ("create_task", "ensure_future")
            if by_name or tasks.given_to_helper(scope, scope.facts.calls[number]) is not None:
                yield from _left_behind(givers, scope, scope.facts.calls[number], each)
    for tool in analysis.once(ToolSessions).shared():
        message = f"`{tool.session.shown}` is one session for all tools of a run, which may be run at once"
        mend = Mend("open a session in each tool, out of the factory")
        yield Sighting(tool.scope, tool.call.line, tool.call.column, tool.call.end_line, message, tool.steps, mend)
    yield from _resolved_at_once(analysis)
    for scope, call, session, steps in tasks.afterwards():
        message = f"`{session.shown}` is handed to a task that runs when `{scope.name}` is done with it"
        yield Sighting(scope, call.line, call.column, call.end_line, message, steps, OWN)


def _resolved_at_once(analysis: Analysis) -> Iterator[Sighting]:
    """Fields of GraphQL that wait for the session in the context of their query: one finding for each place that gives it."""
    found: dict[Step, list[Resolving]] = {}
    for each in ContextSessions(analysis).resolving():
        found.setdefault(each.given, []).append(each)
    for given, (first, *others) in found.items():
        message = f"`{first.key}` of the context is one session for all fields of a query, which are resolved at once"
        again = [
            Step(each.scope.module.path, each.call.line, f"`{each.scope.name}` waits for it, too")
            for each in others[:MOST_SHOWN]
        ]
        place = (first.scope, first.call.line, first.call.column, first.call.end_line)
        yield Sighting(
            *place, message, (given, *again), Mend("put the factory into the context, and open a session for each field")
        )


def _at_once(scope: FunctionSymbol, call: CallSite, shared: SessionOfTask) -> Sighting:
    kind = shared.library.rpartition(".")[2]
    message = f"`{shared.shown}` is used by several tasks that run at once"
    step = Step(scope.module.path, scope.facts.line, f"`{shared.shown}` is a `{kind}`, one unit of work")
    return Sighting(scope, call.line, call.column, call.end_line, message, (step,), OWN)


def _shared(launches: list[Launch]) -> SessionOfTask | None:
    """A session that several of them work with, or one that is started many times."""
    seen: set[Expression] = set()
    for each in launches:
        for session in each.sessions:
            if each.repeated or session.key in seen:
                return session
            seen.add(session.key)
    return None


def _is_over(scope: FunctionSymbol, launches: list[tuple[int, Launch]], number: int) -> bool:
    """Its task is waited for before the next is started."""
    launch = launches[number][1]
    following = launches[number + 1][1].call.line if number + 1 < len(launches) else 0
    return any(what == launch.kept and launch.call.line < line < following for what, line, *_ in scope.facts.awaits)


def _left_behind(givers: Givers, scope: FunctionSymbol, call: CallSite, launch: Launch) -> Iterator[Sighting]:
    """A task that nobody waits for here, with a session that is closed when the function, or its caller, is done."""
    if "element" in call.where or _is_joined(scope, call, launch.kept):
        return
    for session in launch.sessions:
        name = session.shown
        root = session.key
        if session.in_context:
            message = f"the session of `{name}` is that of whoever calls `{scope.name}`, and this task goes on with it"
            step = Step(scope.module.path, call.line, "nobody waits for the task, which inherits the context with the session")
            yield Sighting(scope, call.line, call.column, call.end_line, message, (step,), OWN)
            return
        if root[0] == "attribute" and root[1] != ("name", "self"):
            continue
        steps = givers.given(Tracked(scope, name, session.library))
        if steps is not None:
            kind = session.library.rpartition(".")[2]
            message = f"`{name}` is closed when `{scope.name}` is done, and this task goes on with it"
            step = Step(scope.module.path, call.line, f"nobody waits for the task, which works with the `{kind}`")
            yield Sighting(scope, call.line, call.column, call.end_line, message, (*steps, step), OWN)
            return


def _is_joined(scope: FunctionSymbol, call: CallSite, kept: Expression | None) -> bool:
    """The function waits for the task, or hands it to somebody who may: a group, a caller, a list."""
    receiver: Expression = call.callee[1] if call.callee[0] == "attribute" else OTHER
    entered = [each for each in scope.facts.assignments if each.how == "with async" and each.target == receiver]
    if entered or (receiver[0] == "name" and receiver[1] in scope.parameters and receiver != SELF):
        return True
    if kept is None:
        return bool(call.where[0] != "statement")
    if any(what == kept for what, *_ in scope.facts.awaits):
        return True
    if kept[0] != "name":
        return False
    uses = [use.where for use in scope.facts.uses if use.name == kept[1]]
    return any(
        where[0] in ("return", "yield", "await", "element", "iterate")
        or (
            where[0] == "argument"
            and last_name(scope.facts.calls[where[1]].callee) in (*JOINING, "wait_for", "shield", "append")
        )
        for where in uses
    )
