"""Agents of the OpenAI Agents SDK, hosted: what they do is in the log once, and nothing of one user reaches another."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import openai
import pytest
from agents import Agent as SdkAgent
from agents import FunctionTool, Model, ModelResponse, Usage, function_tool, gen_trace_id, handoff, trace
from agents.testing import assistant_message, function_call
from httpx2 import Request, Response
from pydantic import BaseModel

from netra.agents.definition import InvalidAgent
from netra.db.database import Database
from netra.hosting import current
from netra.hosting.openai_agents import host
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
    said,
    survives_every_death,
    thoughts,
)


class Number(BaseModel):
    value: int


Answer = Callable[[str, list[Any]], Any]


class Scripted(Model):
    """A model that answers by a function of its instructions and of what has been said; it keeps nothing."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    async def get_response(self, system_instructions: Any, input: Any, *_: Any, **ids: Any) -> ModelResponse:
        given = self.answer(system_instructions or "", input)
        items = await given if asyncio.iscoroutine(given) else given
        return ModelResponse(items, Usage(1, 10, output_tokens=2), None)

    def stream_response(self, *asked: Any, **ids: Any) -> AsyncIterator[Any]:
        raise NotImplementedError


def told(items: list[Any]) -> list[str]:
    """What the user and tools have said, oldest first."""
    return [item["content"] if "content" in item else item["output"] for item in items if _told(item)]


def _told(item: Any) -> bool:
    return bool(item.get("role") == "user" or item.get("type") == "function_call_output")


def after_tools(items: list[Any]) -> bool:
    return bool(items[-1].get("type") == "function_call_output")


def answer_plainly(_: str, items: list[Any]) -> Any:
    return [assistant_message("yes")]


async def test_wherever_a_run_dies_the_next_attempt_asks_and_does_nothing_again_that_is_in_the_log() -> None:
    asked, did = Witness(), Witness()

    def answer(_: str, items: list[Any]) -> Any:
        asked.saw(len(items))
        if after_tools(items):
            return [assistant_message(f"done: {told(items)[-2:]}")]
        calls = [function_call("pay", {"whom": whom}, call_id=whom) for whom in ("ann", "ben")]
        return [assistant_message("Paying. "), *calls]

    @function_tool
    async def pay(whom: str) -> str:
        did.saw(whom)
        return f"paid {whom}"

    def most() -> None:
        # Once more than the log says, where the attempt died before that was written: two at most, for two run at once.
        assert 2 <= len(asked.seen) <= 3 and 2 <= len(did.seen) <= 4
        assert len(asked.seen) + len(did.seen) <= 6
        asked.seen.clear()
        did.seen.clear()

    agent = SdkAgent(name="cashier", model=Scripted(answer), tools=[pay])
    cashier = await made(host, agent, "cashier", remembers=False)
    await survives_every_death(lambda: Play(cashier, "Pay both."), "done: ['paid ann', 'paid ben']", most)


async def test_an_agent_hands_over_and_the_other_ones_model_and_tools_are_journaled_as_well() -> None:
    def answer(instructions: str, items: list[Any]) -> Any:
        if instructions == "greet":
            return [function_call("transfer_to_expert", {}, call_id="over")]
        return [assistant_message(told(items)[-1])] if told(items)[-1] == "42" else [function_call("look", {}, call_id="l")]

    @function_tool
    def look() -> int:
        return 42

    expert = SdkAgent(name="expert", instructions="know", model=Scripted(answer), tools=[look])
    greeter = SdkAgent(name="greeter", instructions="greet", model=Scripted(answer), handoffs=[handoff(expert)])
    play = Play(await made(host, greeter, "desk", remembers=False), "What is it?")
    assert await play.to_its_end() == "42"
    assert (called(play.events), results(play.events, "look")) == (["model", "model", "look", "model"], [42])


async def test_what_a_model_streams_is_said_and_its_reasoning_is_a_thought_and_a_typed_result_is_not_read_out() -> None:
    class Streaming(Scripted):
        async def stream_response(self, *asked: Any, **ids: Any) -> AsyncIterator[Any]:
            answer = await self.get_response(*asked, **ids)
            message: Any = answer.output[0]
            text = message.content[0].text
            yield SimpleNamespace(type="response.reasoning_summary_text.delta", delta="Hm.")
            for piece in (text[:3], text[3:]):
                yield SimpleNamespace(type="response.output_text.delta", delta=piece)
            done = SimpleNamespace(output=answer.output, usage=None, id="r")
            yield SimpleNamespace(type="response.completed", response=done)

    def number(_: str, items: list[Any]) -> Any:
        return [assistant_message('{"value": 3}')]

    plain = Play(await made(host, SdkAgent(name="p", model=Streaming(answer_plainly)), "plain", remembers=False), "?")
    assert await plain.to_its_end() == "yes"
    assert (said(plain.events), thoughts(plain.events)) == ("yes", ["Hm."])
    typed_agent = SdkAgent(name="t", model=Streaming(number), output_type=Number)
    typed = Play(await made(host, typed_agent, "typed", remembers=False), "?")
    assert await typed.to_its_end() == {"value": 3}
    assert said(typed.events) == ""


async def test_what_needs_approval_is_asked_of_the_user_and_done_only_after_a_yes() -> None:
    asked, deleted = Witness(), Witness()

    def answer(_: str, items: list[Any]) -> Any:
        asked.saw(len(items))
        if after_tools(items):
            return [assistant_message(told(items)[-1])]
        return [function_call("delete", {"name": "a"}, call_id="1")]

    @function_tool(needs_approval=True)
    def delete(name: str) -> str:
        deleted.saw(name)
        return f"{name} is gone"

    agent = SdkAgent(name="clerk", model=Scripted(answer), tools=[delete])
    clerk = await made(host, agent, "clerk", remembers=False)
    for yes in (False, True):
        play = Play(clerk, "Delete a.", yes)
        assert (await play.to_its_end() == "a is gone") is yes
        assert questions(play.events) == ['May delete be called with {"name": "a"}?']
    assert deleted.seen == ["a"]
    assert len(asked.seen) == 4  # twice a run, though each was executed twice


async def test_users_at_once_share_nothing_and_are_told_their_own_threads_history(
    database: Database, alice: UserId, bob: UserId, tmp_path: Path
) -> None:
    both = asyncio.Barrier(2)

    async def answer(_: str, items: list[Any]) -> Any:
        if not after_tools(items):
            return [function_call("create_thread", {"title": "By a model"}, call_id="1")]
        async with asyncio.timeout(20):
            await both.wait()  # the two are in the model at the same time, always
        made_thread = "By a model" in told(items)[-1]
        return [assistant_message(f"{current().env['MARK']} heard {told(items)[:-1]} {made_thread}")]

    sdk_agent = SdkAgent(name="echo", model=Scripted(answer))
    agent = await made(host, sdk_agent, "echo", tools=["create_thread"])
    async with on_stage(database, tmp_path, agent, {alice: {"MARK": "a"}, bob: {"MARK": "b"}}) as world:
        heard = await both_at_once(world, "echo", alice, bob)
    assert heard == ("a heard ['mark-alice-1', 'mark-alice-2'] True", "b heard ['mark-bob-1', 'mark-bob-2'] True")


async def test_an_error_of_the_model_fails_the_run_with_a_sentence_and_nothing_that_it_carried() -> None:
    def refuse(_: str, items: list[Any]) -> Any:
        response = Response(429, request=Request("POST", "http://localhost/?key=sk-very-secret"))
        raise openai.RateLimitError("sk-very-secret", response=response, body=None)

    agent = await made(host, SdkAgent(name="r"), "refused", model=lambda ctx: Scripted(refuse), remembers=False)
    play = Play(agent, "Hello?")
    with pytest.raises(StepFailed, match=r"^model failed: the model answered with HTTP 429\.$"):
        await play.to_its_end()
    assert "sk-very-secret" not in repr(play.events)


async def test_a_cancellation_reaches_the_model() -> None:
    endless = Endless()

    async def answer(_: str, items: list[Any]) -> Any:
        await endless.work()

    agent = await made(host, SdkAgent(name="slow", model=Scripted(answer)), "slow", remembers=False)
    await cancel(Play(agent, "Take your time."), endless)
    assert endless.was_cancelled


def test_an_agent_that_would_remember_for_everybody_is_refused_and_told_what_it_holds() -> None:
    notes: list[str] = []

    @function_tool
    def remember(text: str) -> int:
        """Remember a text."""
        notes.append(text)
        return len(notes)

    class Counting(Scripted):
        calls = 0

        async def get_response(self, *asked: Any, **ids: Any) -> ModelResponse:
            self.calls += 1
            return await super().get_response(*asked, **ids)

    marked = SdkAgent(name="m")
    vars(marked)["session"] = []
    helper = SdkAgent(name="helper", tools=[remember])
    cases: list[tuple[Any, dict[str, Any], str]] = [
        (helper, {}, "`notes`, which the tool remember writes, would be shared by all of its users"),
        (SdkAgent(name="desk", handoffs=[helper]), {}, "`notes`, which the tool remember writes"),
        (SdkAgent(name="c", model=Counting(answer_plainly)), {}, "`self.calls`, which the model writes"),
        (marked, {}, r"its attribute `session` \(list\) would be shared"),
        (SdkAgent(name="x"), {"context": {}}, r"its `context` \(dict\) would be shared by all of its users. Give a function"),
        ("agent", {}, "no agent of the OpenAI Agents SDK but str"),
    ]
    for given, options, expected in cases:
        with pytest.raises(InvalidAgent, match=expected):
            host(given, "remembers", **options)
    assert isinstance(remember, FunctionTool)


def test_tracing_is_off_wherever_a_trace_is_begun() -> None:
    with trace("a trace", trace_id=gen_trace_id()) as begun:
        assert begun.export() is None
