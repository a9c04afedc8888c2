"""Runs of agents of other libraries: a model is asked, then the tools that it wants, then the model again, until it is done."""

from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.lazily import lazily
from netra.guard.symbols import External, FunctionSymbol, VariableSymbol
from netra.guard.values import Foreign, Routine, TypeOf

# What makes an agent, and what runs one that it is given.
MAKING: Final = frozenset({"pydantic_ai.Agent", "pydantic_ai.agent.Agent"})
RUNNING: Final = frozenset({"agents.Runner.run"})
RUNS: Final = frozenset({"run", "run_stream", "run_stream_events", "iter"})


class AgentRuns:
    """Answers which calls run an agent."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis

    @lazily
    def are_there(self) -> bool:
        """The program makes an agent somewhere, or has one run."""
        making = any(self._makes(call, scope) for scope, _, call in self._analysis.calls_of("Agent"))
        return making or any(self._is_run_of_runner(call, scope) for scope, _, call in self._analysis.calls_of("run"))

    def is_run(self, call: CallSite, scope: FunctionSymbol) -> bool:
        """`await agent.run(…)`, `await Runner.run(agent, …)`, `async with agent.run_stream(…)`."""
        if last_name(call.callee) not in RUNS or call.callee[0] != "attribute":
            return False
        if call.where[0] not in ("await", "with async", "iterate async"):
            return False
        return self._is_agent(call.callee[1], scope) or self._is_run_of_runner(call, scope)

    def _is_agent(self, expression: Expression, scope: FunctionSymbol) -> bool:
        """It is made once, by the class of a library."""
        match expression:
            case ("call", int(index)):
                return self._makes(scope.facts.calls[index], scope)
            case ("name", str(name)):
                match self._analysis.program.lookup(name, scope):
                    case VariableSymbol(scope=at):
                        assigned = [(at, each.value) for each in at.assigned.get(name, ())]
                    case _:
                        return False
            case ("attribute", ("name", "self"), str(name)) if scope.owner is not None:
                order = self._analysis.program.order(scope.owner)[0]
                assigned = [(at, each.value) for kind in order for at, each in kind.set_on_self.get(name, ())]
            case _:
                return False
        made = [value[0] == "call" and self._makes(at.facts.calls[value[1]], at) for at, value in assigned]
        return bool(made) and all(made)

    def _makes(self, call: CallSite, scope: FunctionSymbol) -> bool:
        callee = call.callee[1] if call.callee[0] == "subscript" else call.callee
        match self._analysis.receivers.value(callee, scope):
            case Foreign(symbol=External(dotted=name)):
                return name in MAKING
            case TypeOf(kind=kind):
                return kind.module.library and kind.full_name in MAKING
        return False

    def _is_run_of_runner(self, call: CallSite, scope: FunctionSymbol) -> bool:
        match self._analysis.receivers.value(call.callee, scope):
            case Foreign(symbol=External(dotted=name)):
                return name in RUNNING
            case Routine(function=function):
                return function.module.library and function.full_name in RUNNING
        return False
