"""Agno's AgentOS (3.1): sessions are threads, and runs go on in the background, to be resumed by the index of their last event.

Without a key nobody signs in, and a request says itself whose it is, by the parameter `user_id`, as its documentation shows.
With a key each user shows a token of their own, with the scopes that the documentation gives somebody who may run agents.
"""

import asyncio
import json
import random
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

import httpx2

from netra.prove.answers import Lost, NotSupported
from netra.prove.targets import Ability, Door, Heard, Work
from netra.prove.targets.http import MANY, Visitor, new_client
from netra.prove.targets.joined import JoiningPerson, RunStep
from netra.prove.targets.messages import message
from netra.prove.targets.tokens import signed

SCOPES: Final = ("agents:read", "agents:run", "sessions:read", "sessions:write")
NAMES: Final = {
    "RunStarted": "agent_started",
    "RunCompleted": "agent_completed",
    "RunError": "agent_failed",
    "RunCancelled": "agent_cancelled",
}
"""Events by the names that checkers know them by; every other one is a thought of the agent."""
STATUSES: Final = {"COMPLETED": "agent_completed", "ERROR": "agent_failed", "CANCELLED": "agent_cancelled"}
"""How a run ended, as its session says it."""
ABOUT_THE_STREAM: Final = frozenset({"replay", "catch_up", "subscribed"})
"""Events that tell of the connection and not of the run."""


class AgnoTarget:
    """An AgentOS."""

    name = "agno"

    def __init__(
        self, url: str, heard: Heard, source: random.Random, http: httpx2.AsyncClient, version: str, agent: str, key: str
    ) -> None:
        self.url = url
        self.http = http
        self.version = version
        self.users = "each shows a token that was signed with the key" if key else "nobody signs in: each says its user_id"
        can = {Ability.LOG, Ability.RESUME, Ability.CANCEL}
        self.abilities = frozenset({*can, Ability.ISOLATION} if key else can)
        self.agent = agent
        self.key = key
        self._heard = heard
        self._source = source

    @classmethod
    async def open(cls, url: str, heard: Heard, source: random.Random, *, agent: str = "demo", key: str = "") -> "AgnoTarget":
        """The AgentOS at this URL. Raises `NotSupported` when it is none."""
        http = await asyncio.to_thread(new_client, MANY)
        try:
            version = str((await http.get(f"{url}/info")).json()["agno_version"])
        except (httpx2.HTTPError, ValueError, KeyError, TypeError) as error:
            await http.aclose()
            raise NotSupported(f"{url} does not answer as an AgentOS does: {error}") from error
        return cls(url, heard, source, http, version, agent, key)

    async def sign_up(self, number: int, mark: str) -> "AgnoPerson":
        """Somebody with a token of their own, or with nothing but a name."""
        user_id = f"prover-{number}-{self._source.getrandbits(64):016x}"
        token = signed(user_id, self.key, scopes=[*SCOPES]) if self.key else ""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        visitor = Visitor(self.http, self.url, number, headers, self._heard)
        return AgnoPerson(number, mark, user_id, token, visitor, self.agent)

    async def close(self) -> None:
        await self.http.aclose()


class AgnoPerson(JoiningPerson):
    """Somebody who talks to an AgentOS."""

    def __init__(self, number: int, mark: str, user_id: str, token: str, visitor: Visitor, agent: str) -> None:
        super().__init__(number, mark, user_id, token, visitor)
        self._runs = f"/agents/{agent}/runs"
        self._agent = agent
        self._me = {} if token else {"user_id": user_id}

    async def new_thread(self, title: str) -> str:
        body = {"session_name": title, "agent_id": self._agent, **self._me}
        return str((await self.visitor.ask("POST", "/sessions?type=agent", json=body))["session_id"])

    async def ask_for_run(self, thread: str, work: Work) -> str:
        """Accepted when the first event names it; then it goes on without this connection."""
        form = {"message": message(work), "stream": "true", "background": "true", "session_id": thread, **self._me}
        async with self.visitor.stream("POST", self._runs, data=form) as events:
            async for sent in events:
                if run := _content(sent.data).get("run_id"):
                    return str(run)
        raise Lost("an answer that names no run")

    async def ended(self, thread: str) -> Mapping[str, str]:
        runs = await self.visitor.ask("GET", f"/sessions/{thread}/runs", params={"type": "agent", **self._me})
        return {str(run["run_id"]): STATUSES[run["status"]] for run in runs if run.get("status") in STATUSES}

    async def join(self, thread: str, run: str, after: str) -> AsyncIterator[RunStep]:
        form = {"session_id": thread, **({"last_event_index": after} if after else {})}
        async with self.visitor.stream("POST", f"{self._runs}/{run}/resume", data=form) as events:
            async for sent in events:
                content = _content(sent.data)
                kind = str(content.get("event", ""))
                if kind == "error":
                    raise Lost(f"not resumed: {content.get('error')}")
                if kind not in ABOUT_THE_STREAM:
                    yield RunStep(str(content.get("event_index", "")), NAMES.get(kind, "agent_thinking"), sent.data)

    async def cancel(self, run: str) -> None:
        thread = self.accepted.thread_of(run)
        await self.visitor.ask("POST", f"{self._runs}/{run}/cancel", params={"session_id": thread})

    def doors(self, thread: str, run: str) -> Sequence[Door]:
        asked = {"params": self._me}
        return (
            Door("GET", f"/sessions/{thread}", asked),
            Door("GET", f"/sessions/{thread}/runs", asked),
            Door("GET", f"/sessions/{thread}/runs/{run}", asked),
            Door("GET", f"{self._runs}/{run}", {"params": {"session_id": thread, **self._me}}),
            Door("POST", f"{self._runs}/{run}/resume", {"data": {"session_id": thread, **self._me}}),
        )

    def mistakes(self, thread: str) -> Sequence[Door]:
        return (
            Door("POST", self._runs, {"content": b"{"}),
            Door("POST", self._runs, {"data": {"session_id": thread}}),
            Door("POST", f"/agents/{uuid.UUID(int=0)}/runs", {"data": {"message": "x"}}),
            Door("POST", "/sessions?type=none", {"json": {"session_name": ["no", "text"]}}),
            Door("GET", "/sessions?limit=-1&page=%00", {"params": self._me}),
            Door("GET", f"/sessions/{'x' * 5000}", {"params": self._me}),
            Door("GET", "/no/such/route"),
            Door("BREW", "/sessions"),
        )


def _content(text: str) -> Mapping[str, Any]:
    """Raises `Lost` for what is no event."""
    try:
        content = json.loads(text)
    except ValueError as error:
        raise Lost(f"no event of an AgentOS: {text[:200]}") from error
    if not isinstance(content, dict):
        raise Lost(f"no event of an AgentOS: {text[:200]}")
    return content
