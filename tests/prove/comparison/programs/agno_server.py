"""An AgentOS with one agent.

By default SQLite and nobody is asked who they are. With a key its documented production settings: PostgreSQL, `authorization`
with a verification key, and `user_isolation`.
"""

import os
from collections.abc import AsyncIterator
from typing import Any

from agno.agent import Agent
from agno.db.postgres import PostgresDb
from agno.db.sqlite import SqliteDb
from agno.models.base import Model
from agno.models.message import Message
from agno.models.response import ModelResponse
from agno.os import AgentOS
from agno.os.authz import Authorization
from identity import KEY
from speaking import speak


class Speaker(Model):
    """A model that needs no network."""

    def __init__(self) -> None:
        super().__init__(id="speaker", name="speaker", provider="none")

    def invoke(self, *_: Any, **__: Any) -> ModelResponse:
        raise NotImplementedError("it only streams")

    async def ainvoke(self, messages: list[Message], *_: Any, **__: Any) -> ModelResponse:
        return ModelResponse(role="assistant", content="".join([each async for each in speak(_asked(messages))]))

    def invoke_stream(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError("it only streams asynchronously")

    async def ainvoke_stream(self, messages: list[Message], *_: Any, **__: Any) -> AsyncIterator[ModelResponse]:
        async for each in speak(_asked(messages)):
            yield ModelResponse(role="assistant", content=each)

    def _parse_provider_response(self, response: Any, **_: Any) -> ModelResponse:
        return response

    def _parse_provider_response_delta(self, response: Any) -> ModelResponse:
        return response


def _asked(messages: list[Message]) -> list[str]:
    return [str(each.content) for each in messages if each.role == "user"]


database = os.environ["COMPARISON_DATABASE"]
db = PostgresDb(db_url=database) if database.startswith("postgresql") else SqliteDb(db_file=database)
agent = Agent(id="demo", model=Speaker(), db=db, add_history_to_context=True, telemetry=False)
settings: dict[str, Any] = {"id": "comparison", "agents": [agent], "db": db, "telemetry": False}
if KEY:
    settings |= {"authorization": Authorization(verification_keys=[KEY], algorithm="HS256"), "user_isolation": True}
app = AgentOS(**settings).get_app()
