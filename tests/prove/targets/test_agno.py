"""The target of Agno against a server that answers as AgentOS 3.1.10 was seen to answer."""

import json
import random
from collections.abc import AsyncIterator, Iterator
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
from netra.prove.targets import Ability, Work
from netra.prove.targets.agno import SCOPES, AgnoTarget
from netra.prove.verdict import Conclusion, judge
from tests.prove.targets.served import event_stream, served

KEY = "a key of thirty-two bytes or more"
CHECKERS = checkers.load()
FAULTS = tuple(fault for name, fault in faults.load().items() if name in ("every-error", "other-peoples-doors"))


class SmallAgentOS:
    """Sessions with runs that are over as soon as they begin."""

    def __init__(self) -> None:
        self.owners: dict[str, str] = {}
        self.runs: dict[str, dict[str, list[dict[str, Any]]]] = {}
        self.callers: list[str] = []
        self.trusting = False
        """Whether it shows a session to anybody."""

    def routes(self) -> list[Route]:
        return [
            Route("/info", self.info),
            Route("/sessions", self.new_session, methods=["POST"]),
            Route("/sessions/{session}/runs", self.session_runs),
            Route("/agents/demo/runs", self.run, methods=["POST"]),
            Route("/agents/demo/runs/{run}/resume", self.resume, methods=["POST"]),
            Route("/agents/demo/runs/{run}/cancel", self.cancel, methods=["POST"]),
        ]

    async def info(self, _: Request) -> Response:
        return JSONResponse({"os_id": "os", "agno_version": "3.1.10", "auth_mode": "none"})

    def who(self, request: Request, said: Any) -> str:
        shown = request.headers.get("authorization", "")
        self.callers.append(shown)
        if shown:
            return str(jwt.decode(shown.removeprefix("Bearer "), KEY, algorithms=["HS256"])["sub"])
        return str(said)

    async def new_session(self, request: Request) -> Response:
        body = json.loads(await request.body())
        session = f"session-{len(self.owners) + 1:012x}"
        self.owners[session] = self.who(request, body.get("user_id"))
        self.runs[session] = {}
        return JSONResponse({"session_id": session, "session_name": body["session_name"]}, 201)

    def missing(self, request: Request, session: str, said: Any) -> Response | None:
        if self.owners.get(session) == self.who(request, said) or (self.trusting and session in self.owners):
            return None
        return JSONResponse({"detail": f"Session with ID {session} not found"}, 404)

    async def session_runs(self, request: Request) -> Response:
        session = request.path_params["session"]
        if refusal := self.missing(request, session, request.query_params.get("user_id")):
            return refusal
        runs = [
            {"run_id": run, "status": "COMPLETED", "content": events[1]["content"]}
            for run, events in self.runs[session].items()
        ]
        return JSONResponse([*runs, {"run_id": "of others", "status": "RUNNING"}])

    async def run(self, request: Request) -> Response:
        form = await request.form()
        session, words = str(form.get("session_id")), form.get("message")
        if words is None:
            return JSONResponse({"detail": [{"loc": ["body", "message"], "type": "missing"}]}, 422)
        if refusal := self.missing(request, session, form.get("user_id")):
            return refusal
        run = f"run-{sum(map(len, self.runs.values())) + 1:012x}"
        told = [("RunStarted", {}), ("RunContent", {"content": words}), ("RunCompleted", {"content": words})]
        self.runs[session][run] = [
            {"event": event, "run_id": run, **more, "event_index": place} for place, (event, more) in enumerate(told)
        ]
        return event_stream(_lines(self.runs[session][run]))

    async def resume(self, request: Request) -> Response:
        form = await request.form()
        session, after = str(form.get("session_id")), int(str(form.get("last_event_index", -1)))
        if refusal := self.missing(request, session, form.get("user_id") or self.owners.get(session)):
            return refusal
        events = self.runs[session].get(request.path_params["run"])
        if events is None:
            return event_stream(_lines([{"event": "error", "error": "Run not found in buffer or database"}]))
        return event_stream(_lines([{"event": "replay", "status": "COMPLETED"}, *events[after + 1 :]]))

    async def cancel(self, request: Request) -> Response:
        return JSONResponse({})


def _lines(events: list[dict[str, Any]]) -> Iterator[str]:
    return (f"event: {event['event']}\ndata: {json.dumps(event)}\n\n" for event in events)


@pytest.fixture
async def there() -> AsyncIterator[tuple[SmallAgentOS, str]]:
    server = SmallAgentOS()
    async with served(server.routes()) as url:
        yield server, url


async def test_a_run_begins_speaks_and_ends_in_the_words_of_the_checkers(there: tuple[SmallAgentOS, str]) -> None:
    target = await AgnoTarget.open(there[1], lambda *_: None, random.Random(1))
    assert target.version == "3.1.10"
    person = await target.sign_up(1, "mark-a")
    thread = await person.new_thread("About mark-a")
    run = await person.start_run(thread, Work("mark-a request 1.", 2, 5), None)
    events = (await person.log(thread)).events
    assert [(event.type, event.run) for event in events] == [
        (kind, run) for kind in ("agent_started", "agent_thinking", "agent_completed")
    ]
    assert "mark-a request 1. steps=2 delay_ms=5 fail=0" in events[1].text
    async with person.read({thread: None}) as reader:
        assert [await reader.next(20) for _ in events] == list(events)
    await person.cancel(run)
    await target.close()


async def test_without_a_key_each_says_a_name_and_with_one_shows_a_token_with_scopes(
    there: tuple[SmallAgentOS, str],
) -> None:
    for key in ("", KEY):
        target = await AgnoTarget.open(there[1], lambda *_: None, random.Random(1), key=key)
        owner, stranger = [await target.sign_up(number, "mark") for number in (1, 2)]
        thread = await owner.new_thread("t")
        assert there[0].owners[thread] == owner.user_id
        await owner.start_run(thread, Work("x.", 0, 0), None)
        with pytest.raises(Refused, match="404"):
            await stranger.log(thread)
        with pytest.raises(Refused, match="404"):
            await stranger.start_run(thread, Work("x.", 0, 0), None)
        assert (Ability.ISOLATION in target.abilities) is bool(key)
        await target.close()
    token = there[0].callers[-1].removeprefix("Bearer ")
    assert jwt.decode(token, KEY, algorithms=["HS256"])["scopes"] == [*SCOPES]


async def test_somewhere_else_is_told_in_words(there: tuple[SmallAgentOS, str]) -> None:
    for url in ("http://127.0.0.1:1", f"{there[1]}/elsewhere"):
        with pytest.raises(NotSupported, match="does not answer as an AgentOS does"):
            await AgnoTarget.open(url, lambda *_: None, random.Random(1))


@pytest.mark.parametrize("trusting", [False, True], ids=["asks who it is", "shows it to anybody"])
async def test_the_workload_tells_a_server_that_shows_sessions_to_anybody(
    there: tuple[SmallAgentOS, str], trusting: bool
) -> None:
    there[0].trusting = trusting
    proof = ProofRun(ProofPlan(3, 1, 1, FAULTS, pace=0.05), History())
    target = await AgnoTarget.open(there[1], proof.heard, random.Random(1), key=KEY)
    await proof.attack(target)
    await target.close()
    verdict = judge(proof.history.records, CHECKERS)
    assert verdict.outcome is (Conclusion.BREACH if trusting else Conclusion.PROVED), (verdict.doubts, verdict.breaches[:3])
    assert {breach.checker for breach in verdict.breaches} == ({"foreign-marks", "access"} if trusting else set())
    assert {"effects", "quotas", "plan-changes", "leaks", "recovery", "resumes", "durability"} == set(verdict.not_applicable)
