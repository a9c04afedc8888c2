"""A Pydantic AI agent on Netra: it looks prices up, and orders only what its user approves.

    netra serve examples.pydantic_ai_agent:app

Without more it answers by a script, so that it runs anywhere. With EXAMPLE_MODEL (a model of OpenAI, or of any server that
speaks like it at OPENAI_BASE_URL) it asks that one, with the key that each user keeps as the secret OPENAI_API_KEY.
"""

from collections.abc import AsyncIterator

from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessage, ToolReturnPart
from pydantic_ai.models import Model
from pydantic_ai.models.function import AgentInfo, DeltaThinkingPart, DeltaToolCall, FunctionModel
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

import netra
from netra.env import get_env
from netra.hosting.pydantic_ai import host

Piece = str | dict[int, DeltaThinkingPart] | dict[int, DeltaToolCall]

PRICES = {"apples": 2, "pears": 3}

shopkeeper = Agent(instructions="Look up the price of what is wanted, then order it. Say what it cost.")


@shopkeeper.tool_plain
def price(item: str) -> int:
    """Say what one of an item costs, in euros."""
    return PRICES[item]


@shopkeeper.tool_plain(requires_approval=True)
def order(item: str, count: int) -> str:
    """Order so many of an item."""
    return f"Ordered {count} {item} for {count * PRICES[item]} euros."


async def script(
    messages: list[ModelMessage], _: AgentInfo
) -> AsyncIterator[str | dict[int, DeltaThinkingPart | DeltaToolCall]]:
    """Answer as a model would that is asked for three apples."""
    last = messages[-1].parts[-1]
    if not isinstance(last, ToolReturnPart):
        yield {0: DeltaThinkingPart(content="First the price.")}
        yield {1: DeltaToolCall(name="price", json_args='{"item": "apples"}', tool_call_id="price")}
    elif last.tool_name == "price":
        yield f"One costs {last.content} euros. "
        yield {1: DeltaToolCall(name="order", json_args='{"item": "apples", "count": 3}', tool_call_id="order")}
    else:
        for word in str(last.content).split():
            yield f"{word} "


def model(ctx: netra.Context) -> Model:
    """The model of one run, with its user's own key."""
    if name := get_env().get("EXAMPLE_MODEL"):
        return OpenAIChatModel(name, provider=OpenAIProvider(api_key=ctx.env["OPENAI_API_KEY"]))
    return FunctionModel(stream_function=script)


app = netra.Netra(agents=[host(shopkeeper, "shopkeeper", description="Orders fruit, after asking.", model=model)])
