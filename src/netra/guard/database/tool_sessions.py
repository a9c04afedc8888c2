"""Sessions that the tools of an agent work with, and share with each other.

A model may ask for several tools in one turn, and for one of them twice. Libraries that run agents run those at the same time.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.database.connections import Connections
from netra.guard.database.tasks import EXCLUSIVE, SessionOfTask, Tasks, is_locked
from netra.guard.database.transactions import COMMITS, EXECUTES, FLUSHES, Tracked, Transactions
from netra.guard.entries.sorts import LISTENER
from netra.guard.facts import ASYNC, PLAIN, SELF, CallSite, Expression, last_name
from netra.guard.lazily import lazily
from netra.guard.meaning.expressions import written
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Step

# By these decorators, or given to something that makes a tool of it, a function is one that a model asks for.
DECORATING: Final = frozenset("tool tool_plain function_tool".split())
# Libraries that run the tools of one turn at the same time, and those that do when one of these runs them.
AT_ONCE: Final = frozenset({"pydantic_ai", "agents", "llama_index"})
RUN_BY: Final = {"langchain": "ToolNode create_react_agent create_agent AgentExecutor",
                 "langchain_core": "ToolNode create_react_agent create_agent AgentExecutor"}  # fmt: skip
# Calls what is no coroutine in the loop, one after the other.
ONE_BY_ONE: Final = frozenset({"agents"})
# By these somebody asks for one after the other.
IN_TURN: Final = (("parallel_tool_calls", ("constant", "bool", False)), ("sequential", ("constant", "bool", True)))


class ToolSession(NamedTuple):
    """The first call of a tool that works with a session which other calls of tools have as well."""

    scope: FunctionSymbol
    call: CallSite
    session: SessionOfTask
    steps: tuple[Step, ...]
    whose: object
    """The function around the tool, the class of its object, or that of the context of the run."""


class ToolSessions:
    """Answers which tools share a session; one finding for each session."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._connections = analysis.once(Connections)
        self._transactions = analysis.once(Transactions)
        self._tasks = analysis.once(Tasks)

    def of_functions(self) -> Iterator[ToolSession]:
        """The tools that find their session in a function around them."""
        for tool in self._every:
            if isinstance(tool.whose, FunctionSymbol):
                yield tool

    def shared(self) -> Iterator[ToolSession]:
        """The first of the tools that share a session, with some of the others."""
        found: dict[tuple[object, Expression], list[ToolSession]] = {}
        for each in self._every:
            found.setdefault((each.whose, each.session.key), []).append(each)
        for tools in found.values() if found and not self._one_after_the_other else ():
            tools.sort(key=lambda each: (each.scope.module.path, each.call.line))
            first = tools[0]
            others = (Step(each.scope.module.path, each.call.line, f"and so does `{each.scope.name}`") for each in tools[1:4])
            yield first._replace(steps=(*first.steps, *others))

    @lazily
    def _every(self) -> tuple[ToolSession, ...]:
        entries = (each for each in self._analysis.reach.entries if self._is_run_at_once(each))
        return tuple(tool for each in entries for tool in self._of(each))

    @lazily
    def _one_after_the_other(self) -> bool:
        if "sequential_tool_calls" in self._analysis.program.calls_named:
            return True
        return any(way in call.keywords for scope in self._analysis.scopes for call in scope.facts.calls for way in IN_TURN)

    def _is_run_at_once(self, scope: FunctionSymbol) -> bool:
        entry = self._analysis.reach.entries[scope]
        if entry.sort != LISTENER or not entry.label.startswith("agent") or scope.module.in_tests:
            return False
        if "tool" not in entry.label.split() and DECORATING.isdisjoint(scope.decorator_names):
            return False
        packages = {each.module.partition(".")[0] for each in scope.module.top.facts.imports}
        running = packages & AT_ONCE
        for package in packages & RUN_BY.keys():
            if any(name in self._analysis.program.calls_named for name in RUN_BY[package].split()):
                running.add(package)
        return bool(running - (frozenset() if scope.facts.sort == ASYNC else ONE_BY_ONE))

    def _of(self, scope: FunctionSymbol) -> Iterator[ToolSession]:
        """The sessions a tool works with that belong to the function around it, its object, or the context of the run."""
        seen: set[Expression] = set()
        for index, call in enumerate(scope.facts.calls):
            if is_locked(scope, call.line):
                continue
            for whose, session in self._worked_with(scope, index):
                if session.key not in seen:
                    seen.add(session.key)
                    step = Step(
                        scope.module.path,
                        scope.facts.line,
                        f"`{scope.name}` is a tool, and a model may ask for several at once",
                    )
                    yield ToolSession(scope, call, session, (step,), whose)

    def _worked_with(self, scope: FunctionSymbol, index: int) -> Iterator[tuple[object, SessionOfTask]]:
        call = scope.facts.calls[index]
        receiver = call.callee[1] if call.callee[0] == "attribute" else call.callee
        for each in (receiver, *call.given):
            whose = self._whose(each, scope)
            if whose is None:
                continue
            library = self._connections.held(each, whose if isinstance(whose, FunctionSymbol) else scope)
            if library in EXCLUSIVE:
                name = written(each, scope)
                if self._transactions.effects(Tracked(scope, name, library), index) & {EXECUTES, FLUSHES, COMMITS}:
                    yield whose, SessionOfTask(each, library, name)
            elif isinstance(whose, FunctionSymbol) and each is receiver and call.callee[0] == "attribute":
                # `people = People(session)` outside, and `people.rename(…)` in the tool.
                yield from ((whose, session) for session in self._tasks.of_object(whose, call.callee))

    def _whose(self, expression: Expression, scope: FunctionSymbol) -> object | None:
        """What has the session for all tools of a run: the function around this one, its class, or the class of its context."""
        match expression:
            case ("name", str(name)) if name not in scope.bound:
                around = scope.parent
                while around is not None and name not in around.bound:
                    around = around.parent
                return around if around is not None and around.facts.sort in (PLAIN, ASYNC) else None
            case ("attribute", inner, _) if inner == SELF:
                return scope.owner
            case ("attribute", ("attribute", ("name", str(name)), "deps" | "context"), _) if name in scope.parameters:
                annotation = scope.facts.parameters[scope.parameters[name]].annotation
                return None if annotation is None else last_name(annotation[2] if annotation[0] == "subscript" else annotation)
        return None
