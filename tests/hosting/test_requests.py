"""What hosted agents take of models is counted once, for their user, however often a run begins."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from agents import Agent as SdkAgent
from agents import Model, ModelResponse, Usage, function_tool
from agents.testing import assistant_message, function_call
from openai.types.responses.response_usage import InputTokensDetails
from pydantic_ai import Agent as PydanticAgent
from pydantic_ai.messages import ModelMessage, TextPart
from pydantic_ai.messages import ModelResponse as PydanticResponse
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.usage import RequestUsage

from netra.db.database import Database
from netra.hosting import current, openai_agents, pydantic_ai
from netra.hosting.requests import Taken, _cost
from netra.ids import UserId
from tests.hosting.stage import made, on_stage
from tests.models.talk import recorded

ROW = ("model", "ok", 1000, 20, 400)


def of_pydantic() -> Any:
    async def answer(messages: list[ModelMessage], info: AgentInfo) -> PydanticResponse:
        usage = RequestUsage(input_tokens=1000, output_tokens=20, cache_read_tokens=400)
        return PydanticResponse(parts=[TextPart("fine")], usage=usage)

    helper = PydanticAgent(FunctionModel(answer))

    @helper.output_validator
    async def confirmed(output: str) -> str:
        await current().ask("Fine?")
        return output

    return helper


class Counting(Model):
    """A model that says what it took."""

    async def get_response(self, system_instructions: Any, input: Any, *_: Any, **ids: Any) -> ModelResponse:
        usage = Usage(1, 1000, InputTokensDetails(cached_tokens=400, cache_write_tokens=0), 20)
        called = input[-1].get("type") == "function_call_output"
        return ModelResponse([assistant_message("fine") if called else function_call("look", {}, call_id="1")], usage, None)

    def stream_response(self, *_: Any, **ids: Any) -> Any:
        raise NotImplementedError


def of_openai() -> Any:
    @function_tool(needs_approval=True)
    def look() -> str:
        """Look."""
        return "seen"

    return SdkAgent(name="helper", model=Counting(), tools=[look])


@pytest.mark.parametrize(
    ("host", "make", "requests"),
    [(pydantic_ai.host, of_pydantic, 1), (openai_agents.host, of_openai, 2)],
    ids=["pydantic_ai", "openai_agents"],
)
async def test_a_request_is_one_row_of_its_user_and_no_second_one_when_the_run_begins_again(
    database: Database,
    alice: UserId,
    bob: UserId,
    tmp_path: Path,
    host: Callable[..., Any],
    make: Callable[[], Any],
    requests: int,
) -> None:
    agent = await made(host, make(), "helper", remembers=False)
    async with on_stage(database, tmp_path, agent) as world:
        accepted = await world.start(alice, "helper", "How is it?")
        async with world.following(alice, accepted.thread_id) as follower:
            await follower.until_type("input_required")
        await world.runs.answer(alice, accepted.run_id, "ask#1", True)
        info = await world.finished(alice, accepted)
        assert (info.state, info.result) == ("completed", "fine"), info.error
    assert [row[:5] for row in await recorded(database, alice)] == [ROW] * requests
    assert await recorded(database, bob) == []


def test_an_answer_costs_what_the_list_says_and_one_of_an_unlisted_model_nobody_knows_what() -> None:
    assert _cost("openai:gpt-4o", Taken(1000, 20, 400)) is not None
    assert _cost("unknown:unknown", Taken(1000, 20)) is None
