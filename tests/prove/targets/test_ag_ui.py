"""The target of AG-UI against a server that says what pydantic-ai 2.68 was seen to say, and does what a test tells it to."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from typing import Any

import jwt
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from netra.prove import checkers, faults
from netra.prove.answers import NotSupported, Refused
from netra.prove.history import History
from netra.prove.proof import ProofPlan, ProofRun
from netra.prove.targets import Ability, ReceivedEvent, Work
from netra.prove.targets.ag_ui import AgUiPerson, AgUiTarget
from netra.prove.verdict import Conclusion, judge
from tests.prove.targets.served import event_stream, served

KEY = "a key of thirty-two bytes or more"
CHECKERS = checkers.load()
FAULTS = tuple(fault for name, fault in faults.load().items() if name in ("every-error", "other-peoples-doors"))


class Endpoint:
    """One agent that repeats what it is told."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.callers: list[str] = []
        self.remembering = False
        """Whether it puts everybody's words into everybody's answers."""
        self.going_on = asyncio.Event()
        self.going_on.set()

    async def run(self, request: Request) -> Response:
        if request.method != "POST":
            return PlainTextResponse("Method Not Allowed", 405)
        body = json.loads(await request.body())
        if "messages" not in body or body["threadId"] == "not mine":
            return PlainTextResponse("not like this", 422)
        self.bodies.append(body)
        self.callers.append(request.headers.get("authorization", ""))
        return event_stream(self.events(body))

    async def events(self, body: dict[str, Any]) -> AsyncIterator[str]:
        words = body["messages"][-1]["content"]
        if self.remembering:
            words = " ".join(str(other["messages"]) for other in self.bodies)
        ids = {"threadId": body["threadId"], "runId": body["runId"]}
        yield _sent({"type": "RUN_STARTED", **ids, "protocolVersion": "1.0"})
        await self.going_on.wait()
        yield _sent({"type": "TEXT_MESSAGE_START", "messageId": "m", "role": "assistant"})
        yield _sent({"type": "TEXT_MESSAGE_CONTENT", "messageId": "m", "delta": words})
        if "fail=1" in words:
            yield _sent({"type": "RUN_ERROR", "message": "as asked"})
        else:
            yield _sent({"type": "TEXT_MESSAGE_END", "messageId": "m"})
            yield _sent({"type": "RUN_FINISHED", **ids, "outcome": {"type": "success"}})


def _sent(content: dict[str, Any]) -> str:
    return f"data: {json.dumps(content)}\n\n"


@pytest.fixture
async def endpoint() -> AsyncIterator[tuple[Endpoint, str]]:
    there = Endpoint()
    async with served([Route("/agent", there.run, methods=["GET", "POST"])]) as url:
        yield there, f"{url}/agent"


@pytest.fixture
async def target(endpoint: tuple[Endpoint, str]) -> AsyncIterator[AgUiTarget]:
    target = await AgUiTarget.open(endpoint[1], lambda *_: None, random.Random(1))
    yield target
    await target.close()


async def finished(person: AgUiPerson, thread: str, runs: int = 1) -> list[ReceivedEvent]:
    """What a reader receives until so many runs have ended."""
    seen: list[ReceivedEvent] = []
    async with asyncio.timeout(20), person.read({thread: None}) as reader:
        while sum(event.type in ("agent_completed", "agent_failed") for event in seen) < runs:
            if (event := await reader.next(1)) is not None:
                seen.append(event)
    return seen


async def test_a_run_begins_speaks_and_ends_in_the_words_of_the_checkers(target: AgUiTarget) -> None:
    person = await target.sign_up(1, "mark-a")
    thread = await person.new_thread("About mark-a")
    run = await person.start_run(thread, Work("mark-a request 1.", 2, 5), None)
    seen = await finished(person, thread)
    types = ["agent_started", "agent_thinking", "agent_thinking", "agent_thinking", "agent_completed"]
    assert [event.type for event in seen] == types
    assert {event.run for event in seen} == {run}
    assert "mark-a request 1. steps=2 delay_ms=5 fail=0" in seen[2].text
    assert (await person.log(thread)).events == tuple(seen)


async def test_a_failed_run_has_an_end_too(target: AgUiTarget) -> None:
    person = await target.sign_up(1, "mark-a")
    thread = await person.new_thread("")
    await person.start_run(thread, Work("x.", 0, 0, fail=True), None)
    assert (await finished(person, thread))[-1].type == "agent_failed"


async def test_what_was_said_in_a_thread_is_sent_along_and_only_there(
    endpoint: tuple[Endpoint, str], target: AgUiTarget
) -> None:
    person = await target.sign_up(1, "mark-a")
    first, second = await person.new_thread("first"), await person.new_thread("second")
    for thread in (first, second, first):
        await person.start_run(thread, Work(f"in {thread}.", 0, 0), None)
        await finished(person, thread)
    told = [message["content"] for message in endpoint[0].bodies[-1]["messages"]]
    assert told[0] == "first"
    assert [words.split()[1] for words in told[1:]] == [f"{first}."] * 3


async def test_with_a_key_each_user_shows_a_token_of_their_own(endpoint: tuple[Endpoint, str]) -> None:
    target = await AgUiTarget.open(endpoint[1], lambda *_: None, random.Random(1), key=KEY)
    assert target.abilities == {Ability.ISOLATION}
    people = [await target.sign_up(number, "mark") for number in (1, 2)]
    for person in people:
        await person.start_run(await person.new_thread("t"), Work("x.", 0, 0), None)
    await target.close()
    shown = [caller.removeprefix("Bearer ") for caller in endpoint[0].callers[1:]]
    names = [jwt.decode(token, KEY, algorithms=["HS256"])["sub"] for token in shown]
    assert names == [person.user_id for person in people]
    assert names[0] != names[1]


async def test_a_run_that_is_refused_raises_and_one_that_breaks_off_has_no_end(
    endpoint: tuple[Endpoint, str], target: AgUiTarget
) -> None:
    person = await target.sign_up(1, "mark-a")
    thread = await person.new_thread("t")
    with pytest.raises(Refused, match="422"):
        await person.start_run("not mine", Work("x.", 0, 0), None)
    endpoint[0].going_on.clear()
    await person.start_run(thread, Work("x.", 0, 0), None)
    await person.end()
    assert [event.type for event in (await person.log(thread)).events] == ["agent_started"]


async def test_somebody_who_is_apart_fills_the_same_inbox(target: AgUiTarget) -> None:
    person = await target.sign_up(1, "mark-a")
    thread = await person.new_thread("t")
    async with person.apart() as flooder:
        for _ in range(3):
            await flooder.start_run(thread, Work("x.", 0, 0), None)
    assert len(await finished(person, thread, runs=3)) == 15


async def test_what_the_protocol_does_not_know_is_not_done(target: AgUiTarget) -> None:
    person = await target.sign_up(1, "mark-a")
    assert target.abilities == frozenset()
    assert person.doors("t", "r") == ()
    for asked in (person.cancel("r"), person.do("upload", name="x"), person.handshake({})):
        with pytest.raises(NotSupported):
            await asked


async def test_somewhere_else_is_told_in_words(endpoint: tuple[Endpoint, str]) -> None:
    for url in ("http://127.0.0.1:1", endpoint[1].removesuffix("agent") + "elsewhere"):
        with pytest.raises(NotSupported, match="does not answer as an AG-UI server does"):
            await AgUiTarget.open(url, lambda *_: None, random.Random(1))


@pytest.mark.parametrize("mixing", [False, True], ids=["kept apart", "mixed up"])
async def test_the_workload_tells_a_server_that_mixes_users_up_from_one_that_does_not(
    endpoint: tuple[Endpoint, str], mixing: bool
) -> None:
    endpoint[0].remembering = mixing
    proof = ProofRun(ProofPlan(3, 1, 1, FAULTS, pace=0.05), History())
    target = await AgUiTarget.open(endpoint[1], proof.heard, random.Random(1))
    await proof.attack(target)
    await target.close()
    verdict = judge(proof.history.records, CHECKERS)
    assert verdict.outcome is (Conclusion.BREACH if mixing else Conclusion.PROVED), (verdict.doubts, verdict.breaches[:3])
    assert {breach.checker for breach in verdict.breaches} == ({"foreign-marks"} if mixing else set())
    assert {"access", "effects", "order", "quotas", "plan-changes", "leaks", "recovery", "resumes", "durability"} == set(
        verdict.not_applicable
    )
