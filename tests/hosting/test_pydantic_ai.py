"""Pydantic AI agents, hosted: what they do is in the log once, and nothing of one user reaches another."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_ai import Agent as PydanticAgent
from pydantic_ai import ApprovalRequired, ModelRetry, Tool
from pydantic_ai import RunContext as PydanticRun
from pydantic_ai.exceptions import ModelHTTPError
from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models.function import AgentInfo, DeltaThinkingPart, DeltaToolCall, FunctionModel

from netra.agents.definition import InvalidAgent
from netra.db.database import Database
from netra.hosting.hosted import OutsideRun, current
from netra.hosting.pydantic_ai import host
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
    results,
    run,
    said,
    survives_every_death,
    thoughts,
)


class Weather(BaseModel):
    town: str
    degrees: int


def told(messages: list[ModelMessage]) -> list[str]:
    """What users and tools have said so far, oldest first."""
    return [
        str(part.content)
        for message in messages
        if isinstance(message, ModelRequest)
        for part in message.parts
        if isinstance(part, UserPromptPart | ToolReturnPart)
    ]


def calling(tool: str, **arguments: Any) -> ModelResponse:
    return ModelResponse(parts=[ToolCallPart(tool, arguments, tool_call_id=f"the-{tool}")])


def last_is_tool(messages: list[ModelMessage]) -> bool:
    return isinstance(messages[-1].parts[-1], ToolReturnPart)


async def test_text_reasoning_and_tools_become_events_and_the_result_has_the_agents_type() -> None:
    async def speak(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[Any]:
        if not last_is_tool(messages):
            yield {0: DeltaThinkingPart(content="The user wants ")}
            yield {0: DeltaThinkingPart(content="the weather.")}
            yield "Let me "
            yield "look."
            yield {1: DeltaToolCall(name="look", json_args='{"town": "Oslo"}', tool_call_id="1")}
        else:
            yield {1: DeltaToolCall(name=info.output_tools[0].name, json_args='{"town": "Oslo", "degrees": 3}')}

    forecaster = PydanticAgent(FunctionModel(stream_function=speak), output_type=Weather)

    @forecaster.tool_plain
    def look(town: str) -> int:
        return len(town) - 1

    play = Play(await made(host, forecaster, "forecaster", remembers=False), "How is Oslo?")
    assert await play.to_its_end() == {"town": "Oslo", "degrees": 3}
    assert (said(play.events), thoughts(play.events)) == ("Let me look.", ["The user wants the weather."])
    assert called(play.events) == ["model", "look", "model"]
    assert results(play.events, "look") == [{"kind": "content", "value": 3}]


async def test_wherever_a_run_dies_the_next_attempt_asks_and_does_nothing_again_that_is_in_the_log() -> None:
    asked, did = Witness(), Witness()

    def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        asked.saw(len(messages))
        if last_is_tool(messages):
            return ModelResponse(parts=[TextPart(f"done: {told(messages)[-2:]}")])
        # Two calls side by side, of one tool: which of them ends first may differ the next time.
        parts = [ToolCallPart("pay", {"whom": whom}, tool_call_id=whom) for whom in ("ann", "ben")]
        return ModelResponse(parts=[TextPart("Paying."), *parts])

    async def pay(whom: str) -> str:
        did.saw(whom)
        return f"paid {whom}"

    def most() -> None:
        # Once more than the log says, where the attempt died before that was written: two at most, for two run at once.
        assert 2 <= len(asked.seen) <= 3 and 2 <= len(did.seen) <= 4
        assert len(asked.seen) + len(did.seen) <= 6
        asked.seen.clear()
        did.seen.clear()

    cashier = await made(host, PydanticAgent(FunctionModel(answer), tools=[pay]), "cashier", remembers=False)
    await survives_every_death(lambda: Play(cashier, "Pay both."), "done: ['paid ann', 'paid ben']", most)


async def test_a_tool_that_wants_another_try_gets_it_once_though_a_model_numbers_its_calls_alike() -> None:
    did = Witness()

    def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        tries = sum(isinstance(message, ModelResponse) for message in messages)
        return calling("guess", number=tries) if tries < 3 else ModelResponse(parts=[TextPart(told(messages)[-1])])

    def guess(number: int) -> str:
        did.saw(number)
        if number < 2:
            raise ModelRetry("Higher.")
        return f"It is {number}."

    player = PydanticAgent(FunctionModel(answer), tools=[Tool(guess, max_retries=3)])
    play = Play(await made(host, player, "player", remembers=False), "Guess.")
    assert await play.to_its_end() == "It is 2."
    assert did.seen == [0, 1, 2]
    assert [result["kind"] for result in results(play.events, "guess")] == ["retry", "retry", "content"]


async def test_what_needs_approval_is_asked_of_the_user_and_done_only_after_a_yes() -> None:
    asked, deleted = Witness(), Witness()

    def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        asked.saw(len(messages))
        return ModelResponse(parts=[TextPart(told(messages)[-1])]) if last_is_tool(messages) else calling("delete", name="a")

    clerk = PydanticAgent(FunctionModel(answer))

    @clerk.tool_plain(requires_approval=True)
    def delete(name: str) -> str:
        deleted.saw(name)
        return f"{name} is gone"

    agent = await made(host, clerk, "clerk", remembers=False)
    for yes, expected in ((False, "The tool call was denied."), ("yes", "The tool call was denied."), (True, "a is gone")):
        play = Play(agent, "Delete a.", yes)
        assert await play.to_its_end() == expected
        assert questions(play.events) == ['May delete be called with {"name": "a"}?']
    assert deleted.seen == ["a"]
    assert len(asked.seen) == 6  # twice a run, though each was executed twice


async def test_a_tool_may_ask_for_approval_when_it_has_looked_at_its_arguments() -> None:
    def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        return ModelResponse(parts=[TextPart(told(messages)[-1])]) if last_is_tool(messages) else calling("send", euros=500)

    clerk: PydanticAgent[Any, str] = PydanticAgent(FunctionModel(answer))

    @clerk.tool
    def send(ctx: PydanticRun[Any], euros: int) -> str:
        if euros > 100 and not ctx.tool_call_approved:
            raise ApprovalRequired
        return f"sent {euros}"

    assert await Play(await made(host, clerk, "clerk", remembers=False), "Send it.", True).to_its_end() == "sent 500"


async def test_users_at_once_share_nothing_and_are_told_their_own_threads_history(
    database: Database, alice: UserId, bob: UserId, tmp_path: Path
) -> None:
    both = asyncio.Barrier(2)

    async def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        if not last_is_tool(messages):
            return calling("whoami")
        async with asyncio.timeout(20):
            await both.wait()  # the two are in the model at the same time, always
        return ModelResponse(parts=[TextPart(f"heard {told(messages)}")])

    def whoami(ctx: PydanticRun[str]) -> str:
        return f"{ctx.deps} {current().env['MARK']}"

    with pytest.raises(OutsideRun):
        current()
    echo = PydanticAgent(FunctionModel(answer), deps_type=str, tools=[whoami])
    agent = await made(host, echo, "echo", deps=lambda ctx: ctx.env["MARK"])
    async with on_stage(database, tmp_path, agent, {alice: {"MARK": "a"}, bob: {"MARK": "b"}}) as world:
        heard = await both_at_once(world, "echo", alice, bob)
    assert heard == ("heard ['mark-alice-1', 'mark-alice-2', 'a a']", "heard ['mark-bob-1', 'mark-bob-2', 'b b']")


async def test_tools_of_the_server_pass_the_gate_and_a_refusal_is_told_to_the_model(
    database: Database, alice: UserId, tmp_path: Path
) -> None:
    def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        if last_is_tool(messages):
            return ModelResponse(parts=[TextPart(str(told(messages)[1:]))])
        assert {tool.name for tool in info.function_tools} == {"create_thread", "user_admin"}
        parts = [
            ToolCallPart("create_thread", {"title": "By a model"}, tool_call_id="1"),
            ToolCallPart("user_admin", {"action": "list"}, tool_call_id="2"),
        ]
        return ModelResponse(parts=parts)

    helper = await made(host, PydanticAgent(FunctionModel(answer)), "helper", tools=["create_thread", "user_admin"])
    async with on_stage(database, tmp_path, helper) as world:
        info, events = await run(world, alice, "helper", "Try.")
    assert "By a model" in info.result and "permission_denied" in info.result
    assert sorted(called(events)) == ["create_thread", "model", "model", "user_admin"]
    async with database.for_user(alice).transaction() as connection:
        cursor = await connection.execute("SELECT count(*) FROM thread WHERE title = 'By a model'")
        assert await cursor.fetchone() == (1,)


async def test_an_error_of_the_model_fails_the_run_with_a_sentence_and_nothing_that_it_carried() -> None:
    def refuse(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        raise ModelHTTPError(429, "m", {"key": "sk-very-secret"})

    play = Play(await made(host, PydanticAgent(FunctionModel(refuse)), "refused", remembers=False), "Hello?")
    with pytest.raises(StepFailed, match=r"^model failed: the model answered with HTTP 429\.$"):
        await play.to_its_end()
    assert "sk-very-secret" not in repr(play.events)


async def test_a_cancellation_reaches_the_model() -> None:
    endless = Endless()

    async def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        await endless.work()
        raise AssertionError

    agent = await made(host, PydanticAgent(FunctionModel(answer)), "slow", remembers=False)
    await cancel(Play(agent, "Take your time."), endless)
    assert endless.was_cancelled


def answer_plainly(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    return ModelResponse(parts=[TextPart("yes")])


def test_an_agent_that_would_remember_for_everybody_is_refused_and_told_what_it_holds() -> None:
    notes: list[str] = []

    def remember(text: str) -> int:
        notes.append(text)
        return len(notes)

    def agent(**options: Any) -> PydanticAgent[Any, Any]:
        return PydanticAgent(FunctionModel(answer_plainly), **options)

    marked = agent()
    marked.history = []  # type: ignore[attr-defined]  # what people do
    cases: list[tuple[Any, dict[str, Any], str]] = [
        (agent(tools=[remember]), {}, "`notes`, which the tool remember writes, would be shared by all of its users"),
        (marked, {}, "its attribute `history` \\(list\\) would be shared"),
        (agent(), {"deps": {"notes": []}}, "its `deps` \\(dict\\) would be shared by all of its users. Give a function"),
    ]
    for given, options, expected in cases:
        with pytest.raises(InvalidAgent, match=expected):
            host(given, "remembers", **options)
    with pytest.raises(InvalidAgent, match="no Pydantic AI agent but str"):
        host("agent", "words")  # type: ignore[arg-type]  # what is refused here
