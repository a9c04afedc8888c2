"""Sessions that the tools of an agent find around themselves, in a function that then has the agent run.

    async with factory() as session:
        agent = create_react_agent(model, tools_for(session))
        await agent.ainvoke(question)

With the first tool that asks the session for something it holds a connection, and the model is asked again.
"""

from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.database.connections import SESSIONS, Connections
from netra.guard.database.dependent import LETTING_GO
from netra.guard.database.givers import Givers
from netra.guard.database.lent import Lent
from netra.guard.database.tool_sessions import ToolSession, ToolSessions
from netra.guard.database.transactions import EXECUTES, FURTHEST, Tracked, Transactions
from netra.guard.meaning.parameters import parameter_given
from netra.guard.requests.waiting import A_MODEL, Waits
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine, Step


class LentToTools:
    """Answers which runs of agents hold a connection for tools that were made with the session."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._connections = analysis.once(Connections)
        self._transactions = analysis.once(Transactions)
        self._givers = Givers(analysis)
        self._waits = analysis.once(Waits)

    def lent(self) -> Iterator[Lent]:
        """Each first run of an agent in a function that has such a session open."""
        seen: set[tuple[FunctionSymbol, str]] = set()
        for tool in self._analysis.once(ToolSessions).of_functions():
            if not self._takes_and_keeps(tool):
                continue
            for scope, name, line in (*self._around(tool), *self._callers(tool)):
                library = self._connections.held(("name", name), scope)
                given = self._givers.given(Tracked(scope, name, library)) if library in SESSIONS else None
                if given is None or (scope, name) in seen or not self._is_open(scope, name, line):
                    continue
                seen.add((scope, name))
                for index, call in enumerate(scope.facts.calls):
                    waited = (
                        self._waits.waits(scope, index) if call.line >= line and self._is_open(scope, name, call.line) else None
                    )
                    if waited is not None and waited[0] == A_MODEL:
                        note = f"its tool `{tool.scope.name}` takes a connection, and the model is asked again"
                        yield Lent(scope, call, name, (*given, Step(tool.scope.module.path, tool.call.line, note)))
                        break

    def _takes_and_keeps(self, tool: ToolSession) -> bool:
        """The tool asks the session for something, and does not end the transaction that begins with it."""
        tracked = Tracked(tool.scope, tool.session.shown, tool.session.library)
        does = frozenset[str]().union(
            *(self._transactions.effects(tracked, each, FURTHEST) for each in range(len(tool.scope.facts.calls)))
        )
        return EXECUTES in does and not does & LETTING_GO

    def _around(self, tool: ToolSession) -> Iterator[tuple[FunctionSymbol, str, int]]:
        """The function around the tool, which has the session under the same name."""
        if isinstance(tool.whose, FunctionSymbol) and tool.session.key[0] == "name":
            yield tool.whose, tool.session.key[1], tool.scope.facts.line

    def _callers(self, tool: ToolSession) -> Iterator[tuple[FunctionSymbol, str, int]]:
        """Those who hand their session to the function around the tool, which makes it."""
        around, name = tool.whose, tool.session.key[1]
        if not isinstance(around, FunctionSymbol) or name not in around.parameters or around.assigned.get(name):
            return
        for caller, index in self._analysis.program.calls_named.get(around.name, ()):
            call = caller.facts.calls[index]
            match self._analysis.receivers.value(call.callee, caller):
                case Routine(function=function, bound=bound) if function is around and not caller.module.in_tests:
                    for position, value in call.placed:
                        if value[0] == "name" and parameter_given(function, position, bound=bound) == name:
                            yield caller, value[1], call.line

    def _is_open(self, scope: FunctionSymbol, name: str, line: int) -> bool:
        """The line stands in the block that has opened the session, where a block has."""
        entered = [each for each in scope.assigned.get(name, ()) if each.how.startswith("with")]
        return all(
            any(block.what.startswith("with") and block.head == each.line and block.line <= line <= block.end_line
                for block in scope.facts.blocks)
            for each in entered
        )  # fmt: skip
