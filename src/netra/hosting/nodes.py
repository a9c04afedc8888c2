"""The nodes of a graph, and the tools in its tool nodes, as journaled steps of one run.

A node is done once: on a restart it gives what is in the log. Its tries are steps of their own, so that a question that it
asks (`interrupt`) and a failure that the graph wants to try again are where they were.
"""

import base64
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from copy import copy
from typing import Any, Final

from netra.agents.context import Context
from netra.agents.definition import InvalidAgent
from netra.agents.shape import jsonable
from netra.errors import NetraError
from netra.hosting.ear import listening
from netra.hosting.frameworks import HostedAgentFailed, needing
from netra.hosting.hosted import HostedRun

with needing("langgraph"):
    from langchain_core.runnables import Runnable, RunnableConfig
    from langchain_core.runnables.config import merge_configs, set_config_context
    from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
    from langgraph.errors import GraphInterrupt, ParentCommand
    from langgraph.prebuilt import ToolNode
    from langgraph.prebuilt.tool_node import ToolCallRequest
    from langgraph.pregel import Pregel
    from langgraph.types import interrupt

SHOWN: Final = 16 * 1024
"""Characters of what a node gave that its event shows beside what a restart reads."""

_SERIALIZER: Final = JsonPlusSerializer()
"""What is read with it was written by it, into the log of the same run."""

_place: ContextVar[str] = ContextVar("netra_graph_place", default="")
"""Within which nodes the present graph is a subgraph."""


def journaled(graph: Pregel[Any, Any, Any, Any], run: HostedRun) -> Pregel[Any, Any, Any, Any]:
    """A copy of a graph, and of the graphs in it, for one run."""
    nodes = {name: node.copy({"bound": _node(name, node, run)}) for name, node in graph.nodes.items()}
    return graph.copy({"nodes": nodes})


def _node(name: str, node: Any, run: HostedRun) -> Runnable[Any, Any]:
    bound = node.bound
    if name == "__start__":
        return bound  # type: ignore[no-any-return]  # it only passes the input on
    if isinstance(bound, Pregel):
        return Nested(journaled(bound, run), name)
    if isinstance(bound, ToolNode):
        return _tools(bound, run)
    return JournaledNode(bound, name, run, tries_again=bool(node.retry_policy))


class Nested(Runnable[Any, Any]):
    """A graph as a node of another. It is no step itself: its own nodes are."""

    def __init__(self, graph: Pregel[Any, Any, Any, Any], name: str) -> None:
        self._graph = graph
        self.name = name

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        raise NotImplementedError("a hosted graph runs asynchronously")

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        token = _place.set(f"{_key(config)}/")
        try:
            return await self._graph.ainvoke(input, config, **kwargs)
        finally:
            _place.reset(token)


class JournaledNode(Runnable[Any, Any]):
    """A node that is a step: what it gave is in the log."""

    def __init__(self, bound: Runnable[Any, Any], name: str, run: HostedRun, *, tries_again: bool) -> None:
        self._bound = bound
        self._run = run
        self._tries_again = tries_again
        """Whether the graph tries the node again when it fails. Its error is then the graph's to see."""
        self.name = name

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        raise NotImplementedError("a hosted graph runs asynchronously")

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        key = _key(config)

        async def work() -> Any:
            async with listening(self._run, f"{self.name}.{key}", input) as ear:
                heard = merge_configs(config, {"callbacks": [ear]})
                result = await self._bound.ainvoke(input, heard, **kwargs)
                ear.read(result)
                return result

        return await _once(self._run, self.name or "node", key, {}, work, config, tries_again=self._tries_again)


def _tools(node: ToolNode, run: HostedRun) -> ToolNode:
    """A copy of a node of tools, each call of which is a step.

    The node is none itself: a call that ended is not to be repeated for another that asks the user. Its own wrapper of
    calls, if it has one, is within the step.
    """
    inner = node._awrap_tool_call  # noqa: SLF001 - where a copy's wrapper goes
    if inner is None and node._wrap_tool_call is not None:  # noqa: SLF001
        raise InvalidAgent(f"the tool node {node.name} has a synchronous wrap_tool_call; give it awrap_tool_call instead.")

    async def wrap(request: ToolCallRequest, execute: Callable[[ToolCallRequest], Awaitable[Any]]) -> Any:
        call, config = request.tool_call, request.runtime.config

        async def work() -> Any:
            return await (execute(request) if inner is None else inner(request, execute))

        return await _once(run, call["name"], f"{_key(config)}.{call['id']}", call["args"], work, config, tries_again=False)

    made = copy(node)
    made._awrap_tool_call = wrap  # noqa: SLF001
    made.afunc = made._afunc  # noqa: SLF001 - it was the original's, bound to the original
    return made


async def _once(
    run: HostedRun,
    name: str,
    key: str,
    arguments: Any,
    work: Callable[[], Awaitable[Any]],
    config: RunnableConfig | None,
    *,
    tries_again: bool,
) -> Any:
    """Do `work`, or take from the log what it gave.

    Each try is a step of its own. One that was interrupted is passed over when its question has been answered, and asks it
    again when not; one that failed and may be tried again is passed over, too.
    """
    questions: list[Any] = []
    number = 0

    async def counted() -> Any:
        try:
            return await work()
        finally:
            # Before the log says that the node has ended: what it took could not be counted afterwards.
            await run.requests.settled()

    while True:
        number += 1
        live: list[BaseException] = []

        async def attempt(live: list[BaseException] = live) -> Any:
            try:
                return _keep(run.ctx, "gave", await counted())
            except GraphInterrupt as error:
                live.append(error)
                return _keep(run.ctx, "interrupt", error.args[0][0].value)
            except ParentCommand as error:
                live.append(error)
                return _keep(run.ctx, "parent", error.args[0])
            except NetraError:
                raise
            except Exception as error:
                if not tries_again:
                    raise
                live.append(error)
                return _keep(run.ctx, "failed", type(error).__name__)

        kept = await run.ctx.step(name, attempt, key=key if number == 1 else f"{key}.{number}", arguments=arguments)
        if live:
            raise live[0]
        kind, value = _kept(kept)
        if kind == "gave":
            return value
        if kind == "parent":
            raise ParentCommand(value)
        if kind == "interrupt":
            questions.append(value)
            if _answered(config) < len(questions):
                with set_config_context(config or {}) as context:
                    for question in questions:
                        context.run(interrupt, question)  # the last of them raises


def _keep(ctx: Context, kind: str, value: Any) -> dict[str, Any]:
    """What a node gave, for a restart to read; and, where it can be shown, for whoever follows the run.

    Raises `HostedAgentFailed` for a secret of the run's user: in this form nobody could mask it.
    """
    form, body = _SERIALIZER.dumps_typed(value)
    if ctx.conceals(body.decode("utf-8", "replace")):
        raise HostedAgentFailed("a node gave a secret of its user into the graph's state, which is written to the log.")
    kept: dict[str, Any] = {"kind": kind, "form": form, "kept": base64.b64encode(body).decode()}
    try:
        shown = jsonable(value, "what a node gave")
    except NetraError:
        return kept
    return {**kept, "shown": shown} if len(str(shown)) <= SHOWN else kept


def _kept(kept: Mapping[str, Any]) -> tuple[str, Any]:
    return kept["kind"], _SERIALIZER.loads_typed((kept["form"], base64.b64decode(kept["kept"])))


def _key(config: RunnableConfig | None) -> str:
    """Which task of the graph this is, the same in every attempt of the run: its step, its path, and that of its graph."""
    facts = (config or {}).get("metadata", {})
    path = facts.get("langgraph_path", ())
    return f"{_place.get()}{facts.get('langgraph_step', 0)}.{'.'.join(map(str, path[1:]))}"


def _answered(config: RunnableConfig | None) -> int:
    """How many of this task's interrupts have been answered."""
    scratchpad = (config or {}).get("configurable", {})["__pregel_scratchpad"]
    return len(scratchpad.resume) + (scratchpad.get_null_resume(False) is not None)
