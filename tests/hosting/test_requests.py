"""What hosted agents take of models is counted once, for their user, however often a run begins and however it ends."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import pytest
from agents import Agent as SdkAgent
from agents import Model, ModelResponse, OpenAIChatCompletionsModel, Usage, function_tool
from agents.testing import assistant_message, function_call
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import interrupt
from openai import AsyncOpenAI
from openai.types.responses.response_usage import InputTokensDetails
from pydantic_ai import Agent as PydanticAgent
from pydantic_ai.messages import ModelMessage, TextPart
from pydantic_ai.messages import ModelResponse as PydanticResponse
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.usage import RequestUsage

from netra.agents.context import Context
from netra.agents.definition import Agent
from netra.db.database import Database
from netra.events.model import AgentCompleted
from netra.hosting import current, langgraph, openai_agents, pydantic_ai
from netra.hosting.requests import Taken, _cost
from netra.ids import UserId
from netra.models.calls import CallTally
from netra.vault.sealing import SealingKeys
from netra.vault.vault import Vault
from tests.hosting.stage import Endless, made, on_stage
from tests.models.talk import recorded

ROW = ("model", "ok", 1000, 20, 400)

Meanwhile = Callable[[], Awaitable[None]]
"""What a model does before it answers."""


async def nothing() -> None:
    """Answer at once."""


def of_pydantic(meanwhile: Meanwhile = nothing) -> Any:
    async def answer(messages: list[ModelMessage], info: AgentInfo) -> PydanticResponse:
        await meanwhile()
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

    def __init__(self, meanwhile: Meanwhile) -> None:
        self._meanwhile = meanwhile

    async def get_response(self, system_instructions: Any, input: Any, *_: Any, **ids: Any) -> ModelResponse:
        await self._meanwhile()
        usage = Usage(1, 1000, InputTokensDetails(cached_tokens=400, cache_write_tokens=0), 20)
        called = input[-1].get("type") == "function_call_output"
        return ModelResponse([assistant_message("fine") if called else function_call("look", {}, call_id="1")], usage, None)

    def stream_response(self, *_: Any, **ids: Any) -> Any:
        raise NotImplementedError


def of_openai(meanwhile: Meanwhile = nothing) -> Any:
    @function_tool(needs_approval=True)
    def look() -> str:
        """Look."""
        return "seen"

    return SdkAgent(name="helper", model=Counting(meanwhile), tools=[look])


class CountingChat(BaseChatModel):
    """A chat model that says what it took."""

    meanwhile: Any
    model: str = "counting"

    @property
    def _llm_type(self) -> str:
        return "counting"

    def _generate(self, *_: Any, **__: Any) -> ChatResult:
        usage: Any = {
            "input_tokens": 1000,
            "output_tokens": 20,
            "total_tokens": 1020,
            "input_token_details": {"cache_read": 400},
        }
        return ChatResult(generations=[ChatGeneration(message=AIMessage("fine", usage_metadata=usage))])

    async def _agenerate(self, *_: Any, **__: Any) -> ChatResult:
        await self.meanwhile()
        return self._generate()


def of_langgraph(meanwhile: Meanwhile = nothing) -> Any:
    async def speak(state: MessagesState) -> Any:
        return {"messages": [await CountingChat(meanwhile=meanwhile).ainvoke(state["messages"])]}

    def think_in_a_thread(state: MessagesState) -> Any:
        CountingChat(meanwhile=None).invoke("Hm?", config={"tags": ["nostream"]})
        return {}

    async def confirm(state: MessagesState) -> Any:
        interrupt("Fine?")
        return {}

    builder = StateGraph(MessagesState)
    builder.add_node("think", think_in_a_thread)
    builder.add_node("speak", speak)
    builder.add_node("confirm", confirm)
    builder.add_edge(START, "think")
    builder.add_edge("think", "speak")
    builder.add_edge("speak", "confirm")
    return builder.compile()


async def ask_a_model() -> str:
    """Ask a model past the state of the graph."""
    return (await CountingChat(meanwhile=nothing).ainvoke("Hm?")).text


def with_models_everywhere() -> Any:
    """A graph that asks in a tool, in a branch and in a subgraph."""

    async def call(state: MessagesState) -> Any:
        return {"messages": [AIMessage("", tool_calls=[{"name": "ask_a_model", "args": {}, "id": "1"}])]}

    async def branch(state: MessagesState) -> str:
        await ask_a_model()
        return "inner"

    async def speak(state: MessagesState) -> Any:
        return {"messages": [AIMessage(await ask_a_model())]}

    inner = StateGraph(MessagesState)
    inner.add_node("speak", speak)
    inner.add_edge(START, "speak")
    builder = StateGraph(MessagesState)
    builder.add_node("call", call)
    builder.add_node("tools", ToolNode([tool(ask_a_model)]))
    builder.add_node("inner", inner.compile())
    builder.add_edge(START, "call")
    builder.add_edge("call", "tools")
    builder.add_conditional_edges("tools", branch, ["inner"])
    return builder.compile()


HOSTED: Final[dict[str, tuple[Callable[..., Agent], Callable[[Meanwhile], Any]]]] = {
    "pydantic_ai": (pydantic_ai.host, of_pydantic),
    "openai_agents": (openai_agents.host, of_openai),
    "langgraph": (langgraph.host, of_langgraph),
}


async def hosted(framework: str, meanwhile: Meanwhile = nothing) -> Agent:
    host, make = HOSTED[framework]
    return await made(host, make(meanwhile), "helper", remembers=False)


def tally_of(world: Any) -> CallTally:
    tally = world.agents["helper"].surroundings.tally
    assert isinstance(tally, CallTally)
    return tally


@pytest.mark.parametrize(("framework", "requests"), [("pydantic_ai", 1), ("openai_agents", 2), ("langgraph", 2)])
async def test_a_request_is_one_row_of_its_user_and_no_second_one_when_the_run_begins_again(
    database: Database, alice: UserId, bob: UserId, tmp_path: Path, framework: str, requests: int
) -> None:
    async with on_stage(database, tmp_path, await hosted(framework)) as world:
        accepted = await world.start(alice, "helper", "How is it?")
        async with world.following(alice, accepted.thread_id) as follower:
            await follower.until_type("input_required")
        await world.runs.answer(alice, accepted.run_id, "ask#1", True)
        info = await world.finished(alice, accepted)
        assert (info.state, info.result) == ("completed", "fine"), info.error
        ended = (await world.events(alice, accepted))[-1]
        assert isinstance(ended, AgentCompleted)
        assert (ended.usage.input_tokens, ended.usage.output_tokens) == (1000 * requests, 20 * requests)
        assert ended.usage.cost_usd is None  # no list knows such a model
        tally = tally_of(world)
        assert sum(tally.calls.values()) == requests
        assert sorted(tally.tokens.values()) == [20 * requests, 400 * requests, 1000 * requests]
    assert [row[:5] for row in await recorded(database, alice)] == [ROW] * requests
    assert await recorded(database, bob) == []


async def test_models_in_tools_branches_and_subgraphs_of_a_graph_are_counted_as_well(
    database: Database, alice: UserId, tmp_path: Path
) -> None:
    agent = await made(langgraph.host, with_models_everywhere(), "helper")
    async with on_stage(database, tmp_path, agent) as world:
        info = await world.finished(alice, await world.start(alice, "helper", "How is it?"))
        assert (info.state, info.result) == ("completed", "fine"), info.error
        assert info.usage == {"input_tokens": 3000, "output_tokens": 60, "cost_usd": None}
    assert [row[:5] for row in await recorded(database, alice)] == [ROW] * 3


@pytest.mark.parametrize("framework", HOSTED)
async def test_a_request_that_is_cancelled_says_so(database: Database, alice: UserId, tmp_path: Path, framework: str) -> None:
    endless = Endless()
    async with on_stage(database, tmp_path, await hosted(framework, endless.work)) as world:
        accepted = await world.start(alice, "helper", "How is it?")
        async with asyncio.timeout(30):
            await endless.began.wait()
        await world.runs.cancel(alice, accepted.run_id)
        info = await world.finished(alice, accepted)
        assert info.state == "cancelled"
        assert [status for _, status in tally_of(world).calls].count("cancelled") == 1
    assert (await recorded(database, alice))[-1] == ("model", "cancelled", None, None, None, None)


@pytest.mark.parametrize("framework", HOSTED)
async def test_a_request_that_fails_for_no_reason_of_the_models_says_so(
    database: Database, alice: UserId, tmp_path: Path, framework: str
) -> None:
    async def fail() -> None:
        raise LookupError("hunter2")

    async with on_stage(database, tmp_path, await hosted(framework, fail)) as world:
        info = await world.finished(alice, await world.start(alice, "helper", "How is it?"))
        assert info.state == "failed"
    assert (await recorded(database, alice))[-1] == ("model", "failed", None, None, None, None)


class KeyedModel(OpenAIChatCompletionsModel):
    """A model of OpenAI's with a key, which answers by itself."""

    async def get_response(self, *_: Any, **ids: Any) -> ModelResponse:
        return ModelResponse([assistant_message("fine")], Usage(), None)

    def stream_response(self, *_: Any, **ids: Any) -> Any:
        raise NotImplementedError


class KeyedFunction(FunctionModel):
    """A function as a model, with a provider that has a key."""

    def __init__(self, key: str) -> None:
        super().__init__(lambda messages, info: PydanticResponse(parts=[TextPart("fine")]))
        self._keyed = OpenAIProvider(api_key=key)

    @property
    def provider(self) -> Any:
        return self._keyed


def with_key_pydantic() -> Any:
    return pydantic_ai.host(PydanticAgent(), "helper", model=lambda ctx: KeyedFunction(ctx.env["OPENAI_API_KEY"]))


def with_key_openai() -> Any:
    def model(ctx: Context) -> Any:
        return KeyedModel("gpt-4o", AsyncOpenAI(api_key=ctx.env["OPENAI_API_KEY"], base_url="http://127.0.0.1:9"))

    return openai_agents.host(SdkAgent(name="helper"), "helper", model=model)


def with_key_langgraph() -> Any:
    async def speak(state: MessagesState) -> Any:
        return {"messages": [await CountingChat(meanwhile=nothing).ainvoke(state["messages"])]}

    builder = StateGraph(MessagesState)
    builder.add_node("speak", speak)
    builder.add_edge(START, "speak")
    return langgraph.host(builder.compile(), "helper", user_key="OPENAI_API_KEY")


@pytest.mark.parametrize("make", [with_key_pydantic, with_key_openai, with_key_langgraph])
async def test_a_key_is_the_users_own_only_where_it_is_one_of_their_secrets(
    database: Database, alice: UserId, bob: UserId, tmp_path: Path, make: Callable[[], Agent]
) -> None:
    vault = Vault(database, SealingKeys.read({"k": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="}))
    await vault.put(alice, "OPENAI_API_KEY", "sk-of-alice")
    operators = {"OPENAI_API_KEY": "sk-of-the-operator"}
    async with on_stage(database, tmp_path, await made(make), {alice: operators, bob: operators}, vault) as world:
        for user_id in (alice, bob):
            info = await world.finished(user_id, await world.start(user_id, "helper", "How is it?"))
            assert (info.state, info.result) == ("completed", "fine"), info.error
    async with database.system().transaction() as connection:
        cursor = await connection.execute("SELECT user_id, own_key FROM model_call ORDER BY at")
        assert await cursor.fetchall() == [(alice, True), (bob, False)]


def test_an_answer_costs_what_the_list_says_and_one_of_an_unlisted_model_nobody_knows_what() -> None:
    assert _cost("openai:gpt-4o", Taken(1000, 20, 400)) is not None
    assert _cost("unknown:unknown", Taken(1000, 20)) is None
