"""A graph of one node."""

from typing import Annotated, TypedDict

from langchain_core.messages import AIMessage, AnyMessage
from langgraph.config import get_stream_writer
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from speaking import speak


class State(TypedDict):
    """A conversation."""

    messages: Annotated[list[AnyMessage], add_messages]


async def answer(state: State) -> dict[str, list[AIMessage]]:
    write = get_stream_writer()
    said: list[str] = []
    async for each in speak([str(message.content) for message in state["messages"] if message.type == "human"]):
        write({"said": each})
        said.append(each)
    return {"messages": [AIMessage(content="".join(said))]}


graph = StateGraph(State).add_node("answer", answer).add_edge(START, "answer").add_edge("answer", END).compile()
