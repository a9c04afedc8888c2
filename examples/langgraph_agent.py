"""A LangGraph graph on Netra: it looks prices up, and orders only what its user approves.

    netra serve examples.langgraph_agent:app

Without more it answers by a script, so that it runs anywhere. With EXAMPLE_MODEL (a model of OpenAI, or of any server that
speaks like it at OPENAI_BASE_URL) it asks that one through langchain-openai, which is to be installed beside, with the key
that each user keeps as the secret OPENAI_API_KEY.
"""

from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolCall, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import interrupt

import netra
from netra.env import get_env
from netra.hosting import current
from netra.hosting.langgraph import host

PRICES = {"apples": 2, "pears": 3}


def price(item: str) -> int:
    """Say what one of an item costs, in euros."""
    return PRICES[item]


def order(item: str, count: int) -> str:
    """Order so many of an item."""
    if interrupt({"question": f"Order {count} {item}?", "schema": {"type": "boolean"}}) is not True:
        return "Nothing was ordered."
    return f"Ordered {count} {item} for {count * PRICES[item]} euros."


class Script(BaseChatModel):
    """A model that answers as one would that is asked for three apples."""

    @property
    def _llm_type(self) -> str:
        return "script"

    def bind_tools(self, tools: Any, **_: Any) -> "Script":  # noqa: ARG002 - LangChain's signature
        """Return the same: a script knows its tools."""
        return self

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        last = messages[-1]
        if not isinstance(last, ToolMessage):
            answer = AIMessage("", tool_calls=[ToolCall(name="price", args={"item": "apples"}, id="price")])
        elif last.name == "price":
            calls = [ToolCall(name="order", args={"item": "apples", "count": 3}, id="order")]
            answer = AIMessage(f"One costs {last.text} euros. ", tool_calls=calls)
        else:
            answer = AIMessage(last.text)
        return ChatResult(generations=[ChatGeneration(message=answer)])


def model() -> BaseChatModel:
    """The model of the present run, with its user's own key."""
    if name := get_env().get("EXAMPLE_MODEL"):
        from langchain_openai import ChatOpenAI

        return ChatOpenAI(model=name, api_key=current().env["OPENAI_API_KEY"])
    return Script()


async def answer(state: MessagesState) -> dict[str, Any]:
    """Ask the model."""
    return {"messages": [await model().bind_tools([price, order]).ainvoke(state["messages"])]}


builder = StateGraph(MessagesState)
builder.add_node("answer", answer)
builder.add_node("tools", ToolNode([price, order]))
builder.add_edge(START, "answer")
builder.add_conditional_edges("answer", tools_condition)
builder.add_edge("tools", "answer")

app = netra.Netra(agents=[host(builder.compile(), "shopkeeper", description="Orders fruit, after asking.")])
