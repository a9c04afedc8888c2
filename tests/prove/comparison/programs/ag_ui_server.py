"""pydantic-ai's AG-UI adapter in a Starlette application, as its documentation shows it.

By default the client sends the conversation along and nobody is asked who they are. With a key the server holds the
conversations (`conversation_store`) and scopes them to the authenticated user (`conversation_scope`), as documented.
"""

from collections.abc import AsyncIterator

import jwt
from identity import KEY, subject
from pydantic_ai import Agent
from pydantic_ai.conversation_store import InMemoryConversationStore
from pydantic_ai.messages import ModelMessage, UserPromptPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.ui.ag_ui import AGUIAdapter
from speaking import speak
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route


async def words(messages: list[ModelMessage], _: AgentInfo) -> AsyncIterator[str]:
    asked = [str(part.content) for each in messages for part in each.parts if isinstance(part, UserPromptPart)]
    async for each in speak(asked):
        yield each


agent = Agent(FunctionModel(stream_function=words))
store = InMemoryConversationStore()


async def run(request: Request) -> Response:
    if not KEY:
        return await AGUIAdapter.dispatch_request(request, agent=agent)
    try:
        user = subject(request.headers.get("authorization", ""))
    except jwt.PyJWTError:
        return PlainTextResponse("Unauthorized", 401)
    return await AGUIAdapter.dispatch_request(request, agent=agent, conversation_store=store, conversation_scope=user)


async def ready(_: Request) -> Response:
    return PlainTextResponse("ready")


app = Starlette(routes=[Route("/agent", run, methods=["POST"]), Route("/ready", ready)])
