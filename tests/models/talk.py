"""Language models for tests: functions of the test, and real sockets that misbehave."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any, Final

from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models import Model
from pydantic_ai.models.function import AgentInfo, FunctionModel

from netra.clock import SystemClock
from netra.db.database import Database
from netra.ids import UserId
from netra.models.connection import connector
from netra.models.language_model import LanguageModel
from tests.fixtures.model_server import ModelServer

FACTS: Final = {"requests": 1200, "cost_usd": 34.5, "models": ["gpt-4o", "gpt-4o-mini"]}

Answering = Callable[[list[ModelMessage], AgentInfo], Awaitable[ModelResponse]]


class HastyClock(SystemClock):
    """A clock on which every wait is over at once. It remembers how long each would have been."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)


class Scripted:
    """A model that says one thing after the other, and counts how often it was asked."""

    def __init__(self, *script: str | dict[str, Any]) -> None:
        self.script = list(script)
        self.asked: list[list[ModelMessage]] = []

    def next(self, messages: list[ModelMessage]) -> str | dict[str, Any]:
        self.asked.append(messages)
        return self.script[len(self.asked) - 1]

    async def answer(self, messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        said = self.next(messages)
        if isinstance(said, str):
            return ModelResponse(parts=[TextPart(said)])
        if "tool" in said:
            return ModelResponse(parts=[ToolCallPart(said["tool"], said["arguments"])])
        return ModelResponse(parts=[ToolCallPart(info.output_tools[0].name, said)])

    async def stream(self, messages: list[ModelMessage], info: AgentInfo) -> Any:
        text = self.next(messages)
        assert isinstance(text, str)
        for at in range(0, len(text), 3):
            yield text[at : at + 3]

    def language_model(self, name: str = "openai:gpt-4o") -> LanguageModel:
        function = FunctionModel(self.answer, stream_function=self.stream)

        def connect(_: str | None) -> AbstractAsyncContextManager[Model]:
            return nullcontext(function)

        return LanguageModel(name, connect, says_its_end=False)


def served_by(server: ModelServer, **options: Any) -> LanguageModel:
    """The model behind a real socket."""
    return LanguageModel("openai:gpt-4o", connector("openai:gpt-4o", server.url), **options)


async def recorded(database: Database, user_id: UserId) -> list[tuple[Any, ...]]:
    """Purpose, status, input, output and cached tokens and cost of each request of a user, in order."""
    async with database.for_user(user_id).transaction() as connection:
        cursor = await connection.execute(
            "SELECT purpose, status, input_tokens, output_tokens, cached_tokens, cost_usd::float FROM model_call ORDER BY at"
        )
        return await cursor.fetchall()
