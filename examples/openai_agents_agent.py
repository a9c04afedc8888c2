"""An agent of the OpenAI Agents SDK on Netra: it looks prices up, and orders only what its user approves.

    netra serve examples.openai_agents_agent:app

Without more it answers by a script, so that it runs anywhere. With EXAMPLE_MODEL (a model of OpenAI, or of any server that
speaks like it at OPENAI_BASE_URL) it asks that one, with the key that each user keeps as the secret OPENAI_API_KEY.
"""

from collections.abc import AsyncIterator
from typing import Any

from agents import (
    Agent,
    Model,
    ModelResponse,
    OpenAIChatCompletionsModel,
    TResponseInputItem,
    Usage,
    function_tool,
)
from agents.items import TResponseStreamEvent
from agents.testing import assistant_message, function_call
from openai import AsyncOpenAI

import netra
from netra.env import get_env
from netra.hosting.openai_agents import host

PRICES = {"apples": 2, "pears": 3}


@function_tool
def price(item: str) -> int:
    """Say what one of an item costs, in euros."""
    return PRICES[item]


@function_tool(needs_approval=True)
def order(item: str, count: int) -> str:
    """Order so many of an item."""
    return f"Ordered {count} {item} for {count * PRICES[item]} euros."


class Script(Model):
    """A model that answers as one would that is asked for three apples."""

    async def get_response(
        self,
        system_instructions: str | None,  # noqa: ARG002 - the SDK's signature
        input: str | list[TResponseInputItem],
        *_: Any,
        **__: Any,
    ) -> ModelResponse:
        last: Any = input[-1]
        if last.get("type") != "function_call_output":
            output = [function_call("price", {"item": "apples"}, call_id="price")]
        elif last["call_id"] == "price":
            call = function_call("order", {"item": "apples", "count": 3}, call_id="order")
            output = [assistant_message(f"One costs {last['output']} euros. "), call]
        else:
            output = [assistant_message(last["output"])]
        return ModelResponse(output, Usage(), None)

    def stream_response(self, *_: Any, **__: Any) -> AsyncIterator[TResponseStreamEvent]:
        """Say that it answers in one piece."""
        raise NotImplementedError


def model(ctx: netra.Context) -> Model:
    """The model of one run, with its user's own key."""
    if name := get_env().get("EXAMPLE_MODEL"):
        return OpenAIChatCompletionsModel(name, AsyncOpenAI(api_key=ctx.env["OPENAI_API_KEY"]))
    return Script()


shopkeeper = Agent(
    name="shopkeeper",
    instructions="Look up the price of what is wanted, then order it. Say what it cost.",
    tools=[price, order],
)

app = netra.Netra(agents=[host(shopkeeper, "shopkeeper", description="Orders fruit, after asking.", model=model)])
