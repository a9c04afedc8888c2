"""The target of LangGraph's API against a server that answers as langgraph-api 0.16.7 was seen to answer."""

import json
import random
import uuid
from collections.abc import AsyncIterator
from typing import Any

import jwt
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from netra.prove import checkers, faults
from netra.prove.answers import NotSupported, Refused
from netra.prove.history import History
from netra.prove.proof import ProofPlan, ProofRun
from netra.prove.targets import Work
from netra.prove.targets.langgraph import LangGraphTarget
from netra.prove.verdict import Conclusion, judge
from tests.prove.targets.served import event_stream, served

KEY = "a key of thirty-two bytes or more"
CHECKERS = checkers.load()
FAULTS = tuple(fault for name, fault in faults.load().items() if name in ("every-error", "other-peoples-doors"))


class SmallGraphServer:
    """Threads with runs that are over as soon as they begin."""

    def __init__(self) -> None:
        self.owners: dict[str, str] = {}
        self.runs: dict[str, tuple[str, str]] = {}
        """Each with its thread and what it was asked."""
        self.last_event_ids: list[str] = []
        self.repeating = False
        """Whether the first stream of a run gives one event twice."""
        self.streamed: set[str] = set()

    def routes(self) -> list[Route]:
        run = "/threads/{thread}/runs/{run}"
        return [
            Route("/info", self.info),
            Route("/threads", self.new_thread, methods=["POST"]),
            Route("/threads/{thread}/runs", self.list_runs, methods=["GET"]),
            Route("/threads/{thread}/runs", self.new_run, methods=["POST"]),
            Route(run, self.show_run),
            Route(f"{run}/stream", self.stream),
            Route(f"{run}/cancel", self.cancel, methods=["POST"]),
        ]

    async def info(self, _: Request) -> Response:
        return JSONResponse({"version": "0.16.7", "langgraph_py_version": "1.2.24"})

    def who(self, request: Request) -> str:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        return str(jwt.decode(token, KEY, algorithms=["HS256"])["sub"]) if token else ""

    def missing(self, request: Request) -> Response | None:
        thread = request.path_params["thread"]
        if self.owners.get(thread) == self.who(request):
            return None
        return JSONResponse({"detail": f"Thread with ID {thread} not found"}, 404)

    async def new_thread(self, request: Request) -> Response:
        thread = str(uuid.uuid4())
        self.owners[thread] = self.who(request)
        return JSONResponse({"thread_id": thread, "metadata": json.loads(await request.body())["metadata"]})

    async def new_run(self, request: Request) -> Response:
        body = json.loads(await request.body())
        if refusal := self.missing(request):
            return refusal
        if body["assistant_id"] != "demo" or not body.get("stream_resumable"):
            return JSONResponse({"detail": "Invalid assistant"}, 422)
        run = str(uuid.uuid4())
        self.runs[run] = request.path_params["thread"], body["input"]["messages"][0]["content"]
        return JSONResponse(self.shown(run) | {"status": "pending"})

    def shown(self, run: str) -> dict[str, Any]:
        status = "error" if "fail=1" in self.runs[run][1] else "success"
        return {"run_id": run, "thread_id": self.runs[run][0], "status": status}

    async def list_runs(self, request: Request) -> Response:
        thread = request.path_params["thread"]
        return self.missing(request) or JSONResponse([self.shown(run) for run in self.runs if self.runs[run][0] == thread])

    async def show_run(self, request: Request) -> Response:
        return self.missing(request) or JSONResponse(self.shown(request.path_params["run"]))

    async def stream(self, request: Request) -> Response:
        after = request.headers["last-event-id"]
        self.last_event_ids.append(after)
        return self.missing(request) or event_stream(self.events(request.path_params["run"], after))

    async def events(self, run: str, after: str) -> AsyncIterator[str]:
        words = self.runs[run][1]
        told = [("metadata", {"run_id": run, "attempt": 1}), ("custom", {"said": words}), ("updates", {"speak": {}})]
        for place, (event, content) in enumerate(told, start=1):
            if f"{place}-0" > after:
                line = f"event: {event}\ndata: {json.dumps(content)}\nid: {place}-0\n\n"
                yield line * 2 if self.repeating and event == "custom" and run not in self.streamed else line
        self.streamed.add(run)
        if "fail=1" in words:
            yield 'event: error\ndata: {"error":"RuntimeError","message":"as asked"}\n\n'

    async def cancel(self, request: Request) -> Response:
        return self.missing(request) or Response(status_code=202)


@pytest.fixture
async def there() -> AsyncIterator[tuple[SmallGraphServer, str]]:
    server = SmallGraphServer()
    async with served(server.routes()) as url:
        yield server, url


async def test_a_run_begins_speaks_and_ends_as_its_status_says(there: tuple[SmallGraphServer, str]) -> None:
    target = await LangGraphTarget.open(there[1], lambda *_: None, random.Random(1))
    assert target.version == "0.16.7 (langgraph 1.2.24)"
    person = await target.sign_up(1, "mark-a")
    thread = await person.new_thread("About mark-a")
    good = await person.start_run(thread, Work("mark-a request 1.", 2, 5), None)
    bad = await person.start_run(thread, Work("mark-a request 2.", 2, 5, fail=True), None)
    events = (await person.log(thread)).events
    begin = ["agent_started", "agent_thinking", "agent_thinking"]
    assert [event.type for event in events if event.run == good] == [*begin, "agent_completed"]
    assert [event.type for event in events if event.run == bad] == [*begin, "agent_failed"]
    assert "mark-a request 1. steps=2 delay_ms=5 fail=0" in events[1].text
    async with person.read({thread: None}) as reader:
        assert [await reader.next(20) for _ in events] == list(events)
    await person.cancel(good)
    await target.close()


async def test_a_reader_goes_on_from_the_last_event_id(there: tuple[SmallGraphServer, str]) -> None:
    target = await LangGraphTarget.open(there[1], lambda *_: None, random.Random(1))
    person = await target.sign_up(1, "mark-a")
    thread = await person.new_thread("t")
    await person.start_run(thread, Work("x.", 0, 0), None)
    async with person.read({thread: None}) as reader:
        await reader.next(20)
        await reader.next(20)
        cursor = reader.cursor[thread]
    async with person.read({thread: cursor}) as reader:
        third = await reader.next(20)
    assert third is not None and third.seq == 3
    assert there[0].last_event_ids == ["0-0", "2-0"]
    await target.close()


async def test_with_a_key_each_user_shows_a_token_of_their_own(there: tuple[SmallGraphServer, str]) -> None:
    target = await LangGraphTarget.open(there[1], lambda *_: None, random.Random(1), key=KEY)
    owner, stranger = [await target.sign_up(number, "mark") for number in (1, 2)]
    thread = await owner.new_thread("t")
    assert there[0].owners[thread] == owner.user_id
    with pytest.raises(Refused, match="404"):
        await stranger.log(thread)
    await target.close()


async def test_somewhere_else_is_told_in_words(there: tuple[SmallGraphServer, str]) -> None:
    for url in ("http://127.0.0.1:1", f"{there[1]}/elsewhere"):
        with pytest.raises(NotSupported, match="does not answer as a server of LangGraph's API does"):
            await LangGraphTarget.open(url, lambda *_: None, random.Random(1))


@pytest.mark.parametrize("key", [KEY, ""], ids=["asks who it is", "asks nobody"])
async def test_the_workload_tells_a_server_that_shows_threads_to_anybody(there: tuple[SmallGraphServer, str], key: str) -> None:
    proof = ProofRun(ProofPlan(3, 1, 1, FAULTS, pace=0.05), History())
    target = await LangGraphTarget.open(there[1], proof.heard, random.Random(1), key=key)
    await proof.attack(target)
    await target.close()
    verdict = judge(proof.history.records, CHECKERS)
    assert verdict.outcome is (Conclusion.PROVED if key else Conclusion.BREACH), (verdict.doubts, verdict.breaches[:3])
    assert {breach.checker for breach in verdict.breaches} == (set() if key else {"foreign-marks"})
    assert ("access" in verdict.not_applicable) is (not key)


async def test_an_event_that_a_joined_stream_gives_twice_arrives_twice_and_is_in_the_log_once(
    there: tuple[SmallGraphServer, str],
) -> None:
    there[0].repeating = True
    target = await LangGraphTarget.open(there[1], lambda *_: None, random.Random(1))
    person = await target.sign_up(1, "mark-a")
    thread = await person.new_thread("t")
    await person.start_run(thread, Work("x.", 0, 0), None)
    async with person.read({thread: None}) as reader:
        received = [event for _ in range(5) if (event := await reader.next(20)) is not None]
    kept = (await person.log(thread)).events
    assert [event.digest for event in received] == [kept[place].digest for place in (0, 1, 1, 2, 3)]
    await target.close()
