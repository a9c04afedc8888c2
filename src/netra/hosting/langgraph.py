"""LangGraph graphs, hosted as they are: `netra.hosting.langgraph.host(graph, name="…")` is a Netra agent.

The graph is compiled by its author and not changed. Each run gets a copy whose nodes, and the tools in its tool nodes, are
journaled steps, and a checkpointer of its own that ends with the run. A restart runs the graph from its beginning, and every
node that had ended gives what it gave before; so the graph comes to where it was. An `interrupt` asks the user, and the run
waits for the answer as `ctx.ask` waits.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NotRequired, Required, get_origin, get_type_hints, is_typeddict

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from netra.agents.context import Context
from netra.agents.definition import Agent, InvalidAgent
from netra.agents.shape import CANNOT_BE_DESCRIBED, Shape, jsonable
from netra.db.uncut import uncut
from netra.hosting.bookkeeper import Bookkeeper
from netra.hosting.conversation import exchanges
from netra.hosting.frameworks import Sentences, in_words, needing
from netra.hosting.hosted import HostedRun, Prompt, hosted
from netra.hosting.nodes import journaled
from netra.hosting.requests import ModelRequests
from netra.hosting.shared_state import refuse, refuse_attributes, refuse_values, refuse_writers

with needing("langgraph"):
    from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.memory import InMemorySaver
    from langgraph.errors import EmptyInputError, GraphRecursionError, InvalidUpdateError
    from langgraph.graph import START, StateGraph
    from langgraph.graph.state import CompiledStateGraph
    from langgraph.prebuilt import ToolNode
    from langgraph.pregel import Pregel
    from langgraph.types import Command
    from langsmith import tracing_context

SENTENCES: Final[Sentences] = {
    GraphRecursionError: "the graph did not come to its end within its limit of steps.",
    InvalidUpdateError: "a node of the graph gave what its state cannot take.",
    EmptyInputError: "the graph was given nothing that it takes.",
}
"""What is said of LangGraph's errors. The first that fits counts."""

MESSAGES: Final = "messages"
"""The part of a state that is a conversation, by the convention of LangGraph."""


def host(
    graph: Pregel[Any, Any, Any, Any],
    name: str,
    *,
    description: str | None = None,
    context: Callable[[Context], Any] | None = None,
    user_key: str | None = None,
    remembers: bool = True,
) -> Agent:
    """Make a Netra agent of a compiled graph.

    A graph whose input has `messages` is talked to: it takes a text, and gives the text of its last message, or its
    `structured_response`. Any other takes and gives what its schemas say. `context` makes, for each run, the graph's runtime
    context: the user's keys are in `ctx.env` and nowhere else. With `remembers`, a graph that is talked to is handed what was
    said before in the run's thread. `user_key` is the name of the secret with which its models are asked where the user has it,
    for what they take is then the user's own. Raises `InvalidAgent` for a graph that would share something between users.
    """
    if not isinstance(graph, CompiledStateGraph):
        raise InvalidAgent(f"the agent {name} is no compiled graph but {type(graph).__name__}; call .compile() on it.")
    refuse_values(name, context=context)
    _refuse_memories(name, graph)
    refuse_attributes(name, graph, _attributes_of_a_graph())
    refuse_writers(name, [*_functions(graph), ("context", context)])
    talks = _is_talked_to(graph)
    takes = Prompt if talks else _described(graph.builder.input_schema)
    gives = Any if talks else _described(graph.builder.output_schema)

    async def work(ctx: Context, given: Any) -> Any:
        run = HostedRun(ctx, ModelRequests(ctx, name))
        if talks:
            said = await exchanges(ctx, name) if remembers else []
            start: Any = {MESSAGES: [message for was in said for message in _messages(was.asked, was.answered)]}
            start[MESSAGES].append(HumanMessage(given))
        else:
            start = given if isinstance(given, dict) else _fields(given)
        own = journaled(graph, run).copy({"checkpointer": InMemorySaver()})
        # Off whatever the server's environment says: LangSmith is a service elsewhere, and this is somebody's conversation.
        own_key = user_key is not None and ctx.is_own(ctx.env.get(user_key))
        with tracing_context(enabled=False), in_words(SENTENCES):
            state = await _through(own, run, start, None if context is None else context(ctx), own_key=own_key)
        return _answer(state) if talks else TypeAdapter(gives).validate_python(state)

    return hosted(name, description, takes, gives, work)


async def _through(graph: Pregel[Any, Any, Any, Any], run: HostedRun, start: Any, context: Any, *, own_key: bool) -> Any:
    """Run a graph to its end, asking the user whatever it wants to know, and note what its models are asked meanwhile."""
    keeper = Bookkeeper(run.requests, own_key=own_key)
    config: RunnableConfig = {"configurable": {"thread_id": str(run.ctx.run_id)}, "callbacks": [keeper]}
    try:
        return await _answered(graph, run, start, context, config)
    finally:
        await uncut(run.requests.close())


async def _answered(graph: Pregel[Any, Any, Any, Any], run: HostedRun, start: Any, context: Any, config: RunnableConfig) -> Any:
    """The graph's last state, once nothing is asked any more."""
    while True:
        state: Any = None
        asked: tuple[Any, ...] = ()
        # `messages` makes models stream; what they say is heard within the node that asks them.
        stream: Any = graph.astream(
            start, config, context=context, stream_mode=["values", "updates", "messages"], durability="exit"
        )
        async for mode, part in stream:
            if mode == "values":
                state = part
            elif mode == "updates" and "__interrupt__" in part:
                asked = (*asked, *part["__interrupt__"])
        if not asked:
            return state
        answers = {}
        for question in asked:
            answers[question.id] = await run.ctx.ask(*_question(question.value))
        start = Command(resume=answers)


def _question(value: Any) -> tuple[str, Any]:
    """What the user is asked of what a node gave to `interrupt`."""
    if isinstance(value, str):
        return value, None
    plain = jsonable(value, "an interrupt")
    if isinstance(plain, dict) and isinstance(plain.get("question"), str):
        return plain["question"], plain.get("schema")
    return str(plain), None


# What goes in and comes out -----------------------------------------------------------------------------------------------


def _is_talked_to(graph: CompiledStateGraph[Any, Any, Any, Any]) -> bool:
    hints = get_type_hints(graph.builder.input_schema)
    return get_origin(hints.get(MESSAGES)) is list


def _described(schema: Any) -> Any:
    """The type of a graph's input or output, for pydantic; a `TypedDict` as it knows one before Python 3.12.

    What pydantic can make nothing of is any object.
    """
    kind = schema
    if is_typeddict(schema):
        parts = {
            name: Required[hint] if name in schema.__required_keys__ else NotRequired[hint]
            for name, hint in get_type_hints(schema).items()
        }
        make: Any = TypedDict  # made here and not written, which type checkers know nothing of
        kind = make(schema.__name__, parts)
    try:
        Shape(kind)
    except CANNOT_BE_DESCRIBED:
        return dict[str, Any]
    return kind


def _fields(given: Any) -> dict[str, Any]:
    """A model or dataclass as a graph takes it: the parts that were given."""
    return {name: value for name, value in vars(given).items() if name in getattr(given, "model_fields_set", vars(given))}


def _messages(asked: str, answered: str) -> Iterator[AnyMessage]:
    yield HumanMessage(asked)
    yield AIMessage(answered)


def _answer(state: Any) -> Any:
    held = state if isinstance(state, dict) else vars(state)
    if (structured := held.get("structured_response")) is not None:
        return jsonable(structured, "the result")
    spoken: Sequence[Any] = held.get(MESSAGES, ())
    return spoken[-1].text if spoken else ""


# What would be shared -----------------------------------------------------------------------------------------------------


def _refuse_memories(name: str, graph: CompiledStateGraph[Any, Any, Any, Any]) -> None:
    for attribute, instead in (
        (
            "checkpointer",
            "Compile the graph without one: where a run stands is in its log, and its thread's history is handed to it.",
        ),
        ("store", "Compile the graph without one, and keep what lasts in rows of the run's user: current().db."),
        ("cache", "Compile the graph without one: a node's cached answer would be another user's."),
    ):
        held = getattr(graph, attribute, None)
        if held not in (None, False):
            refuse(name, f"its `{attribute}` ({type(held).__name__})", instead)
    for _, inner in graph.get_subgraphs(recurse=True):
        held = getattr(inner, "checkpointer", None)
        if held not in (None, False):
            refuse(name, f"the `checkpointer` of a subgraph ({type(held).__name__})", "Compile it without one.")


def _attributes_of_a_graph() -> set[str]:
    """What every compiled graph has."""
    builder: StateGraph[Any] = StateGraph(dict)
    builder.add_node("node", lambda state: state)
    builder.add_edge(START, "node")
    return set(vars(builder.compile()))


def _functions(graph: Pregel[Any, Any, Any, Any]) -> Iterator[tuple[str, Any]]:
    """The functions that a graph is made of, each with what it is."""
    for name, node in graph.nodes.items():
        bound = node.bound
        if isinstance(bound, Pregel):
            yield from _functions(bound)
        elif isinstance(bound, ToolNode):
            for tool_name, tool in bound.tools_by_name.items():
                for attribute in ("func", "coroutine", "_run", "_arun"):
                    if callable(function := getattr(tool, attribute, None)):
                        yield f"the tool {tool_name}", function
        else:
            for attribute in ("func", "afunc"):
                if callable(function := getattr(bound, attribute, None)):
                    yield f"the node {name}", function
    if isinstance(graph, CompiledStateGraph):
        for start, branches in graph.builder.branches.items():
            for branch in branches.values():
                for attribute in ("func", "afunc"):
                    if callable(function := getattr(branch.path, attribute, None)):
                        yield f"the branch after {start}", function
