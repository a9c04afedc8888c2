"""Sessions that an agent of a library is lent for its run, as its `deps`, or in one of them, and that its tools work with.

    async with factory() as session:
        await agent.run(question, deps=Deps(session=session))

With the first tool that asks the session for something it holds a connection, and the model is asked again.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.database.carriers import Carriers
from netra.guard.database.connections import SESSIONS, Connections
from netra.guard.database.dependent import LETTING_GO, DependentSessions
from netra.guard.database.givers import Givers
from netra.guard.database.transactions import EXECUTES, FURTHEST, Tracked, Transactions
from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.lazily import lazily
from netra.guard.meaning.expressions import written
from netra.guard.meaning.parameters import parameter_given
from netra.guard.requests.agents import RUNS, AgentRuns
from netra.guard.symbols import ClassSymbol, FunctionSymbol, VariableSymbol
from netra.guard.values import Instance, Routine, Step, TypeOf

TOOL: Final = "tool"


class Lent(NamedTuple):
    """A run of an agent, with the session that it is lent and how that gets there and is used."""

    scope: FunctionSymbol
    call: CallSite
    shown: str
    steps: tuple[Step, ...]


class Had(NamedTuple):
    """A session that a function has, as such or in an object, of which then `kind` is the class, and `attribute` its name."""

    library: str
    steps: tuple[Step, ...]
    kind: ClassSymbol | None = None
    attribute: str = ""


class DepsCall(NamedTuple):
    """A tool calls a method of one of the deps; `field` is empty for the deps themselves."""

    tool: FunctionSymbol
    field: str
    method: str
    line: int


class LentSessions:
    """Answers which runs of agents hold a connection while their model is asked."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._agents = analysis.once(AgentRuns)
        self._connections = analysis.once(Connections)
        self._carriers = analysis.once(Carriers)
        self._transactions = analysis.once(Transactions)
        self._dependent = analysis.once(DependentSessions)
        self._givers = Givers(analysis)

    def lent(self) -> Iterator[Lent]:
        """Each run of an agent with such a session among its deps."""
        if not self._tools:
            return
        for scope, _, call in self._analysis.calls_of(*RUNS):
            deps = dict(call.keywords).get("deps")
            if deps is None or scope.module.in_tests or not self._agents.is_run(call, scope):
                continue
            fields = dict(self._fields(deps, scope))
            for asking in self._tools.get(self._agent(call.callee[1], scope), ()):
                value = fields.get(asking.field)
                had = None if value is None else self._had(value, scope)
                if value is None or had is None or not self._executes(had, asking):
                    continue
                note = f"its tool `{asking.tool.name}` takes a connection, and the model is asked again"
                step = Step(asking.tool.module.path, asking.line, note)
                shown = written(value, scope) + (f".{had.attribute}" if had.attribute else "")
                yield Lent(scope, call, shown, (*had.steps, step))
                break

    # --- tools -----------------------------------------------------------------------------------------------------------

    def _agent(self, expression: Expression, scope: FunctionSymbol) -> VariableSymbol | None:
        match self._analysis.program.evaluate(expression, scope):
            case VariableSymbol() as agent:
                return agent
        return None

    @lazily
    def _tools(self) -> dict[VariableSymbol | None, list[DepsCall]]:
        """What the tools of each agent call on their deps, where they do not end the transaction themselves."""
        found: dict[VariableSymbol | None, list[DepsCall]] = {}
        for scope in self._analysis.scopes if self._agents.are_there else ():
            for each in scope.facts.decorators:
                if last_name(each.callee) != TOOL or each.callee[0] != "attribute" or not scope.facts.parameters:
                    continue
                agent = self._agent(each.callee[1], scope.parent or scope)
                if agent is not None and not scope.module.in_tests:
                    found.setdefault(agent, []).extend(_asking(scope))
        return found

    # --- deps ------------------------------------------------------------------------------------------------------------

    def _fields(self, deps: Expression, scope: FunctionSymbol) -> Iterator[tuple[str, Expression]]:
        """What is given as deps, under "", or what the fields of an object are that is made for it."""
        yield "", deps
        if deps[0] == "name":
            assigned = scope.assigned.get(deps[1], ())
            if len(assigned) != 1 or assigned[0].how not in ("=", "annotated"):
                return
            deps = assigned[0].value
        if deps[0] != "call":
            return
        call = scope.facts.calls[deps[1]]
        match self._analysis.receivers.value(call.callee, scope):
            case TypeOf(kind=kind) if not kind.module.library:
                named = [each.target[1] for each in kind.body.facts.assignments if each.annotation and each.target[0] == "name"]
                yield from zip(named, call.arguments, strict=False)
                yield from call.keywords

    def _had(self, value: Expression, scope: FunctionSymbol) -> Had | None:
        """A session that is open for as long as the agent runs, or an object that was made of one."""
        library = self._connections.held(value, scope)
        if library is not None:
            name = value[1] if value[0] == "name" else ""
            given = self._givers.given(Tracked(scope, name, library)) if name and library in SESSIONS else None
            return None if given is None else Had(library, given)
        if value[0] == "name" and value[1] in scope.parameters:
            return self._of_dependency(scope, value[1]) or self._of_caller(scope, value[1])
        return None

    def _of_dependency(self, scope: FunctionSymbol, name: str) -> Had | None:
        """An object that a dependency has made of the session of a request."""
        for giver, tracked in self._dependent.having(scope):
            holder, _, attribute = tracked.name.partition(".")
            match self._analysis.receivers.value(("name", name), scope) if holder == name and attribute else None:
                case Instance(kind=kind) if not kind.module.library:
                    pass
                case _:
                    continue
            note = f"`{name}` works with the session of `{giver.name}`, which is open for as long as `{scope.name}` runs"
            return Had(tracked.library, (Step(scope.module.path, scope.facts.line, note),), kind, attribute)
        return None

    def _of_caller(self, scope: FunctionSymbol, name: str) -> Had | None:
        for caller, index in self._analysis.program.calls_named.get(scope.name, ()):
            call = caller.facts.calls[index]
            match self._analysis.receivers.value(call.callee, caller):
                case Routine(function=function, bound=bound) if function is scope and not caller.module.in_tests:
                    for position, value in call.placed:
                        if value[0] != "name" or parameter_given(function, position, bound=bound) != name:
                            continue
                        had = self._of_dependency(caller, value[1])
                        if had is not None:
                            note = f"`{caller.name}` hands it on"
                            return had._replace(steps=(*had.steps, Step(caller.module.path, call.line, note)))
        return None

    def _executes(self, had: Had, asking: DepsCall) -> bool:
        """The method that a tool calls takes a connection, and keeps it."""
        if had.kind is None:
            does = self._transactions.of_method(asking.method)
            return EXECUTES in does and not does & LETTING_GO
        for each in self._analysis.program.order(had.kind)[0]:
            for method in each.methods.get(asking.method, ())[:1]:
                does = self._transactions.of_parameter(method, f"self.{had.attribute}", had.library, FURTHEST)
                return EXECUTES in does and not does & LETTING_GO
        return False


def _asking(tool: FunctionSymbol) -> Iterator[DepsCall]:
    """The methods of its deps that a tool calls: `ctx.deps.session.get(…)`, also by a name for one of them."""
    context = ("attribute", ("name", tool.facts.parameters[0].name), "deps")
    meant: dict[Expression, Expression] = {
        each.target: each.value for each in tool.facts.assignments if each.target[0] == "name" and each.how == "="
    }
    found: list[DepsCall] = []
    ended: set[str] = set()
    for call in tool.facts.calls:
        if call.callee[0] != "attribute":
            continue
        of: Expression = call.callee[1]
        receiver: Expression = meant.get(of, of)
        if receiver[0] == "attribute":
            receiver = ("attribute", meant.get(receiver[1], receiver[1]), receiver[2])
        field = "" if receiver == context else receiver[2] if receiver[0] == "attribute" and receiver[1] == context else None
        if field is not None:
            found.append(DepsCall(tool, field, call.callee[2], call.line))
            if call.callee[2] in ("commit", "rollback", "close"):
                ended.add(field)
    yield from (each for each in found if each.field not in ended)
