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
from netra.events.model import AgentFailed
from netra.hosting.hosted import OutsideRun, current
from netra.hosting.pydantic_ai import host
from netra.ids import UserId
from netra.runs.state import State
from tests.agents.surroundings import open_agents
from tests.hosting.stage import Witness, called, made, on_stage, results, run, said, stopped_under, thoughts, until_asked


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


async def test_text_reasoning_and_tools_become_events_and_the_result_has_the_agents_type(
    database: Database, alice: UserId, tmp_path: Path
) -> None:
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

    async with on_stage(
        database, tmp_path, await made(host, forecaster, "forecaster", description="Knows the weather.")
    ) as world:
        info, events = await run(world, alice, "forecaster", "How is Oslo?")
    assert (info.state, info.result) == (State.COMPLETED, {"town": "Oslo", "degrees": 3})
    assert (said(events), thoughts(events)) == ("Let me look.", ["The user wants the weather."])
    assert called(events) == ["model", "look", "model"]
    assert results(events, "look") == [{"kind": "content", "value": 3}]


async def test_a_restart_asks_no_model_and_calls_no_tool_again_that_has_answered(
    database: Database, alice: UserId, tmp_path: Path
) -> None:
    asked, did = Witness(), Witness()
    at_second, gate = asyncio.Event(), asyncio.Event()

    def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        asked.saw(len(messages))
        if last_is_tool(messages):
            return ModelResponse(parts=[TextPart(f"done: {told(messages)[-2:]}")])
        # Two calls side by side, of one tool: which of them ends first may differ the next time.
        parts = [ToolCallPart("pay", {"whom": whom}, tool_call_id=whom) for whom in ("ann", "ben")]
        return ModelResponse(parts=[TextPart("Paying."), *parts])

    async def pay(whom: str) -> str:
        did.saw(whom)
        if whom == "ben" and not gate.is_set():
            at_second.set()
            await gate.wait()
        return f"paid {whom}"

    cashier = await made(host, PydanticAgent(FunctionModel(answer), tools=[pay]), "cashier")
    async with open_agents(database, tmp_path, [cashier]) as world:
        accepted = await stopped_under(world, alice, "cashier", "Pay both.", at_second)
        gate.set()
        async with world.worker():
            info = await world.finished(alice, accepted)
        events = await world.events(alice, accepted)
    assert info.result == "done: ['paid ann', 'paid ben']"
    assert len(asked.seen) == 2
    assert sorted(did.seen) == ["ann", "ben", "ben"]  # what had not ended is done again, and only that
    assert said(events) == "Paying.done: ['paid ann', 'paid ben']"


async def test_a_tool_that_wants_another_try_gets_it_once_though_a_model_numbers_its_calls_alike(
    database: Database, alice: UserId, tmp_path: Path
) -> None:
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
    async with on_stage(database, tmp_path, await made(host, player, "player")) as world:
        info, events = await run(world, alice, "player", "Guess.")
    assert (info.result, did.seen) == ("It is 2.", [0, 1, 2])
    assert [result["kind"] for result in results(events, "guess")] == ["retry", "retry", "content"]


async def test_what_needs_approval_is_asked_of_the_user_and_done_only_after_a_yes(
    database: Database, alice: UserId, tmp_path: Path
) -> None:
    asked, deleted = Witness(), Witness()

    def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        asked.saw(len(messages))
        return (
            ModelResponse(parts=[TextPart(told(messages)[-1])]) if last_is_tool(messages) else calling("delete", name="a.txt")
        )

    clerk = PydanticAgent(FunctionModel(answer))

    @clerk.tool_plain(requires_approval=True)
    def delete(name: str) -> str:
        deleted.saw(name)
        return f"{name} is gone"

    async with on_stage(database, tmp_path, await made(host, clerk, "clerk")) as world:
        for yes, expected in ((False, "The tool call was denied."), (True, "a.txt is gone")):
            accepted = await world.start(alice, "clerk", "Delete a.txt.")
            (question,) = await until_asked(world, alice, accepted)
            assert question.question == 'May delete be called with {"name": "a.txt"}?'
            assert question.schema == {"type": "boolean", "title": "Approve"}
            await world.runs.answer(alice, accepted.run_id, question.request_id, yes)
            assert (await world.finished(alice, accepted)).result == expected
    assert deleted.seen == ["a.txt"]
    assert len(asked.seen) == 4  # twice a run, though each was executed twice


async def test_a_tool_may_ask_for_approval_when_it_has_looked_at_its_arguments(
    database: Database, alice: UserId, tmp_path: Path
) -> None:
    def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        return ModelResponse(parts=[TextPart(told(messages)[-1])]) if last_is_tool(messages) else calling("send", euros=500)

    clerk = PydanticAgent(FunctionModel(answer))

    @clerk.tool
    def send(ctx: PydanticRun[None], euros: int) -> str:
        if euros > 100 and not ctx.tool_call_approved:
            raise ApprovalRequired
        return f"sent {euros}"

    async with on_stage(database, tmp_path, await made(host, clerk, "clerk")) as world:
        accepted = await world.start(alice, "clerk", "Send it.")
        (question,) = await until_asked(world, alice, accepted)
        await world.runs.answer(alice, accepted.run_id, question.request_id, True)
        assert (await world.finished(alice, accepted)).result == "sent 500"


async def test_users_at_once_share_nothing_and_are_told_their_own_threads_history(
    database: Database, alice: UserId, bob: UserId, tmp_path: Path
) -> None:
    both = asyncio.Barrier(2)

    async def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        async with asyncio.timeout(20):
            await both.wait()  # the two are in the model at the same time, always
        return ModelResponse(parts=[TextPart(f"heard {told(messages)}")])

    echo = await made(host, PydanticAgent(FunctionModel(answer), deps_type=str), "echo", deps=lambda ctx: ctx.env["MARK"])
    environment = {alice: {"MARK": "a"}, bob: {"MARK": "b"}}
    async with on_stage(database, tmp_path, echo, environment) as world:
        threads = {user_id: await world.thread(user_id) for user_id in (alice, bob)}
        for round_ in ("1", "2"):
            accepted = {
                user_id: await world.start(user_id, "echo", f"mark-{name}-{round_}", thread_id=threads[user_id])
                for user_id, name in ((alice, "alice"), (bob, "bob"))
            }
            ended = {user_id: await world.finished(user_id, run_) for user_id, run_ in accepted.items()}
    assert ended[alice].result == "heard ['mark-alice-1', 'mark-alice-2']"
    assert ended[bob].result == "heard ['mark-bob-1', 'mark-bob-2']"


async def test_a_new_thread_has_no_history_and_an_agent_that_is_not_to_remember_is_told_none(
    database: Database, alice: UserId, tmp_path: Path
) -> None:
    def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        return ModelResponse(parts=[TextPart(f"heard {told(messages)}")])

    agents = [
        await made(host, PydanticAgent(FunctionModel(answer)), "remembers"),
        await made(host, PydanticAgent(FunctionModel(answer)), "forgets", remembers=False),
    ]
    async with open_agents(database, tmp_path, agents) as world, world.worker():
        thread_id = await world.thread(alice)
        for name in ("remembers", "forgets"):
            await run(world, alice, name, "one", thread_id=thread_id)
        assert (await run(world, alice, "forgets", "two", thread_id=thread_id))[0].result == "heard ['two']"
        assert (await run(world, alice, "remembers", "two"))[0].result == "heard ['two']"
        assert (await run(world, alice, "remembers", "two", thread_id=thread_id))[0].result == "heard ['one', 'two']"


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


async def test_a_tool_finds_its_own_users_run(database: Database, alice: UserId, bob: UserId, tmp_path: Path) -> None:
    def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        return ModelResponse(parts=[TextPart(told(messages)[-1])]) if last_is_tool(messages) else calling("whoami")

    def whoami() -> str:
        return current().env["KEY"]

    with pytest.raises(OutsideRun):
        whoami()
    agent = await made(host, PydanticAgent(FunctionModel(answer), tools=[whoami]), "mirror")
    async with on_stage(database, tmp_path, agent, {alice: {"KEY": "of-alice"}, bob: {"KEY": "of-bob"}}) as world:
        for user_id, expected in ((alice, "of-alice"), (bob, "of-bob")):
            assert (await run(world, user_id, "mirror", "Who?"))[0].result == expected


async def test_an_error_of_the_model_fails_the_run_with_a_sentence_and_nothing_that_it_carried(
    database: Database, alice: UserId, tmp_path: Path
) -> None:
    def refuse(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        raise ModelHTTPError(429, "m", {"key": "sk-very-secret"})

    async with on_stage(database, tmp_path, await made(host, PydanticAgent(FunctionModel(refuse)), "refused")) as world:
        info, events = await run(world, alice, "refused", "Hello?")
    failed = events[-1]
    assert isinstance(failed, AgentFailed) and info.state is State.FAILED
    assert (failed.code, failed.message) == ("agent_error", "model failed: the model answered with HTTP 429.")
    assert "sk-very-secret" not in repr(events)


async def test_a_cancellation_reaches_the_model(database: Database, alice: UserId, tmp_path: Path) -> None:
    began, ended = asyncio.Event(), Witness()

    async def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.saw("cancelled")
            raise
        raise AssertionError

    async with on_stage(database, tmp_path, await made(host, PydanticAgent(FunctionModel(answer)), "slow")) as world:
        accepted = await world.start(alice, "slow", "Take your time.")
        async with asyncio.timeout(20):
            await began.wait()
        await world.runs.cancel(alice, accepted.run_id)
        assert (await world.finished(alice, accepted)).state is State.CANCELLED
    assert ended.seen == ["cancelled"]


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
    cases = [
        (agent(tools=[remember]), {}, "`notes`, which the tool remember writes, would be shared by all of its users"),
        (marked, {}, "its attribute `history` \\(list\\) would be shared"),
        (agent(), {"deps": {"notes": []}}, "its `deps` \\(dict\\) would be shared by all of its users. Give a function"),
    ]
    for given, options, expected in cases:
        with pytest.raises(InvalidAgent, match=expected):
            host(given, "remembers", **options)
    with pytest.raises(InvalidAgent, match="no Pydantic AI agent but str"):
        host("agent", "words")  # type: ignore[arg-type]  # what is refused here
