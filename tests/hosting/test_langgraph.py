"""LangGraph graphs, hosted: what their nodes do is in the log once, and nothing of one user reaches another."""

import asyncio
import operator
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.store.memory import InMemoryStore
from langgraph.types import RetryPolicy, Send, interrupt

from netra.agents.definition import InvalidAgent
from netra.db.database import Database
from netra.hosting import current
from netra.hosting.langgraph import host
from netra.ids import UserId
from netra.runs.failure import StepFailed
from tests.hosting.stage import (
    Endless,
    Play,
    Witness,
    both_at_once,
    called,
    cancel,
    made,
    on_stage,
    questions,
    said,
    survives_every_death,
)


class Sum(TypedDict, total=False):
    numbers: list[int]
    total: int


def line(state: Any, *nodes: Any, **options: Any) -> Any:
    """A graph of these functions, one after the other."""
    builder = StateGraph(state)
    for before, node in zip((START, *(node.__name__ for node in nodes)), nodes, strict=False):
        builder.add_node(node.__name__, node, **options)
        builder.add_edge(before, node.__name__)
    return builder.compile()


def texts(state: MessagesState) -> list[str]:
    return [message.text for message in state["messages"]]


async def test_what_a_model_streams_within_a_node_is_said_and_the_result_is_the_last_message() -> None:
    async def speak(state: MessagesState) -> Any:
        model = GenericFakeChatModel(messages=iter([AIMessage("One two three.")]))
        return {"messages": [await model.ainvoke(state["messages"])]}

    def add(state: MessagesState) -> Any:
        return {"messages": [AIMessage("Ready-made.")]}

    play = Play(await made(host, line(MessagesState, speak, add), "speaker", remembers=False), "Count.")
    assert await play.to_its_end() == "Ready-made."
    assert (said(play.events), called(play.events)) == ("One two three.Ready-made.", ["speak", "add"])


async def test_wherever_a_run_dies_the_next_attempt_repeats_no_node_that_has_ended() -> None:
    did = Witness()

    def first(state: Sum) -> Any:
        did.saw("first")
        return {"total": sum(state["numbers"])}

    async def last(state: Sum) -> Any:
        did.saw("last")
        return {"total": state["total"] + 1}

    def most() -> None:
        # A node may have ended once more than the log says, if the process died before that was written.
        assert min(did.seen) == "first" and len(did.seen) <= 3
        did.seen.clear()

    adder = await made(host, line(Sum, first, last), "adder")
    await survives_every_death(lambda: Play(adder, {"numbers": [1, 2]}), {"numbers": [1, 2], "total": 4}, most)


async def test_an_interrupt_asks_the_user_and_a_tool_that_ended_beside_it_is_not_called_again() -> None:
    did = Witness()

    def pay(whom: str) -> str:
        """Pay somebody."""
        did.saw(whom)
        return f"paid {whom}"

    def delete(name: str) -> str:
        """Delete a file."""
        if not interrupt({"question": f"Delete {name}?", "schema": {"type": "boolean"}}):
            return "kept"
        did.saw(name)
        return f"deleted {name} as {interrupt('Under which name?')}"

    def call(state: MessagesState) -> Any:
        did.saw("call")
        calls = [("pay", {"whom": "ann"}, "1"), ("delete", {"name": "a.txt"}, "2")]
        return {"messages": [AIMessage("", tool_calls=[{"name": n, "args": a, "id": i} for n, a, i in calls])]}

    def tell(state: MessagesState) -> Any:
        return {"messages": [AIMessage(str(texts(state)[-2:]))]}

    builder = StateGraph(MessagesState)
    builder.add_node("call", call)
    builder.add_node("tools", ToolNode([pay, delete]))
    builder.add_node("tell", tell)
    for before, after in ((START, "call"), ("call", "tools"), ("tools", "tell")):
        builder.add_edge(before, after)
    play = Play(await made(host, builder.compile(), "clerk", remembers=False), "Pay and delete.", True, "root")
    assert await play.to_its_end() == "['paid ann', 'deleted a.txt as root']"
    assert questions(play.events) == ["Delete a.txt?", "Under which name?"]
    # What stands before the second question is done again with its answer, as LangGraph does; nothing else is.
    assert did.seen == ["call", "ann", "a.txt", "a.txt"]


async def test_nodes_side_by_side_are_each_their_own_steps() -> None:
    class Task(TypedDict):
        number: int

    class Doubled(TypedDict, total=False):
        numbers: list[int]
        doubled: Annotated[list[int], operator.add]

    did = Witness()

    def double(state: Task) -> Any:
        did.saw(state["number"])
        return {"doubled": [state["number"] * 2]}

    def spread(state: Doubled) -> Any:
        return [Send("double", {"number": number}) for number in state["numbers"]]

    def most() -> None:
        assert sorted(set(did.seen)) == [1, 2] and len(did.seen) <= 4
        did.seen.clear()

    builder = StateGraph(Doubled)
    builder.add_node("double", double, input_schema=Task)
    builder.add_conditional_edges(START, spread, ["double"])
    wide = await made(host, builder.compile(), "wide")
    await survives_every_death(lambda: Play(wide, {"numbers": [1, 2]}), {"numbers": [1, 2], "doubled": [2, 4]}, most)


async def test_a_graph_in_a_graph_asks_and_repeats_nothing_that_came_before_its_question() -> None:
    did = Witness()

    def look(state: Sum) -> Any:
        did.saw("look")
        return {"total": 0}

    def confirm(state: Sum) -> Any:
        return {"total": interrupt("Which total?")}

    outer = StateGraph(Sum)
    outer.add_node("inner", line(Sum, look, confirm))
    outer.add_edge(START, "inner")
    play = Play(await made(host, outer.compile(), "nested"), {"numbers": [1]}, 7)
    assert await play.to_its_end() == {"numbers": [1], "total": 7}
    assert (did.seen, questions(play.events)) == (["look"], ["Which total?"])


async def test_a_node_that_may_be_tried_again_is_and_one_that_may_not_fails_the_run_without_its_message() -> None:
    did = Witness()

    def shaky(state: Sum) -> Any:
        did.saw("try")
        if len(did.seen) < 2:
            raise KeyError("sk-very-secret")
        return {"total": len(did.seen)}

    def fails(state: Sum) -> Any:
        raise KeyError("sk-very-secret")

    again = RetryPolicy(initial_interval=0.0, retry_on=KeyError, jitter=False)
    play = Play(await made(host, line(Sum, shaky, retry_policy=again), "shaky"), {"numbers": []})
    assert (await play.to_its_end())["total"] == 2
    play = Play(await made(host, line(Sum, fails), "fails"), {"numbers": []})
    with pytest.raises(StepFailed, match=r"^fails failed: KeyError: the agent's code failed"):
        await play.to_its_end()
    assert "sk-very-secret" not in repr(play.events)


async def test_users_at_once_share_nothing_and_are_told_their_own_threads_history(
    database: Database, alice: UserId, bob: UserId, tmp_path: Path
) -> None:
    both = asyncio.Barrier(2)

    async def echo(state: MessagesState) -> Any:
        async with asyncio.timeout(20):
            await both.wait()  # the two are in the node at the same time, always
        heard = [message.text for message in state["messages"] if message.type == "human"]
        return {"messages": [AIMessage(f"{current().env['MARK']} heard {heard}")]}

    agent = await made(host, line(MessagesState, echo), "echo")
    async with on_stage(database, tmp_path, agent, {alice: {"MARK": "a"}, bob: {"MARK": "b"}}) as world:
        heard = await both_at_once(world, "echo", alice, bob)
    assert heard == ("a heard ['mark-alice-1', 'mark-alice-2']", "b heard ['mark-bob-1', 'mark-bob-2']")


async def test_a_cancellation_reaches_the_node() -> None:
    endless = Endless()

    async def wait(state: Sum) -> Any:
        await endless.work()

    await cancel(Play(await made(host, line(Sum, wait), "slow"), {"numbers": []}), endless)
    assert endless.was_cancelled


def test_a_graph_that_would_remember_for_everybody_is_refused_and_told_what_it_holds() -> None:
    seen: dict[str, str] = {}

    def remember(state: MessagesState) -> Any:
        seen["last"] = texts(state)[-1]
        return {"messages": [AIMessage(str(seen))]}

    def answer(state: MessagesState) -> Any:
        return {"messages": [AIMessage("yes")]}

    builder = StateGraph(MessagesState)
    builder.add_node("answer", answer)
    builder.add_edge(START, "answer")
    marked = builder.compile()
    marked.notes = []  # type: ignore[attr-defined]  # what people do
    cases: list[tuple[Any, str]] = [
        (line(MessagesState, remember), "`seen`, which the node remember writes, would be shared by all of its users"),
        (builder.compile(checkpointer=InMemorySaver()), r"its `checkpointer` \(InMemorySaver\) would be shared"),
        (builder.compile(store=InMemoryStore()), r"its `store` \(InMemoryStore\) would be shared"),
        (marked, r"its attribute `notes` \(list\) would be shared"),
        (builder, "no compiled graph but StateGraph"),
    ]
    for graph, expected in cases:
        with pytest.raises(InvalidAgent, match=expected):
            host(graph, "remembers")
