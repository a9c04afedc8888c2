"""Servers of LangGraph's API (`langgraph-api` 0.16): threads, background runs that wait their turn, streams that are joined.

Without a key nobody signs in, and whoever knows the id of a thread is served. With a key each user shows a token of their own
as a bearer, for the custom authentication handler that the documentation asks operators to write.
"""

import asyncio
import json
import random
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final

import httpx2

from netra.prove.answers import Lost, NotSupported
from netra.prove.targets import Ability, Door, Heard, Work
from netra.prove.targets.http import MANY, Visitor, new_client
from netra.prove.targets.joined import JoiningPerson, RunStep
from netra.prove.targets.messages import message
from netra.prove.targets.tokens import signed

STATUSES: Final = {
    "success": "agent_completed",
    "error": "agent_failed",
    "timeout": "agent_failed",
    "interrupted": "agent_cancelled",
}
MODES: Final = ("updates", "custom")
BEGINNING: Final = "0-0"
"""A cursor before every event; without one a stream begins with whatever comes next."""
MOST_RUNS: Final = 1000
"""Of a thread, in one answer."""
LOOKS: Final = 20
"""Times that the status of a run is looked at after its stream has ended, a tenth of a second apart."""


class LangGraphTarget:
    """A server of LangGraph's API."""

    name = "langgraph"

    def __init__(
        self, url: str, heard: Heard, source: random.Random, http: httpx2.AsyncClient, version: str, graph: str, key: str
    ) -> None:
        self.url = url
        self.http = http
        self.version = version
        self.users = "each shows a token that was signed with the key" if key else "nobody signs in, and a thread is an id"
        can = {Ability.LOG, Ability.RESUME, Ability.CANCEL}
        self.abilities = frozenset({*can, Ability.ISOLATION} if key else can)
        self.graph = graph
        self.key = key
        self._heard = heard
        self._source = source

    @classmethod
    async def open(
        cls, url: str, heard: Heard, source: random.Random, *, graph: str = "demo", key: str = ""
    ) -> "LangGraphTarget":
        """The server at this URL. Raises `NotSupported` when it is none."""
        http = await asyncio.to_thread(new_client, MANY)
        try:
            told = (await http.get(f"{url}/info")).json()
            version = f"{told['version']} (langgraph {told['langgraph_py_version']})"
        except (httpx2.HTTPError, ValueError, KeyError, TypeError) as error:
            await http.aclose()
            raise NotSupported(f"{url} does not answer as a server of LangGraph's API does: {error}") from error
        return cls(url, heard, source, http, version, graph, key)

    async def sign_up(self, number: int, mark: str) -> "LangGraphPerson":
        """Somebody with a token of their own, or with none where nobody has one."""
        user_id = f"prover-{number}-{self._source.getrandbits(64):016x}"
        token = signed(user_id, self.key) if self.key else ""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        visitor = Visitor(self.http, self.url, number, headers, self._heard)
        return LangGraphPerson(number, mark, user_id, token, visitor, self.graph)

    async def close(self) -> None:
        await self.http.aclose()


class LangGraphPerson(JoiningPerson):
    """Somebody who talks to a graph."""

    def __init__(self, number: int, mark: str, user_id: str, token: str, visitor: Visitor, graph: str) -> None:
        super().__init__(number, mark, user_id, token, visitor)
        self._graph = graph

    async def new_thread(self, title: str) -> str:
        return str((await self.visitor.ask("POST", "/threads", json={"metadata": {"title": title}}))["thread_id"])

    async def ask_for_run(self, thread: str, work: Work) -> str:
        body = {
            "assistant_id": self._graph,
            "input": {"messages": [{"role": "user", "content": message(work)}]},
            "stream_mode": [*MODES],
            "stream_resumable": True,
            "multitask_strategy": "enqueue",
        }
        return str((await self.visitor.ask("POST", f"/threads/{thread}/runs", json=body))["run_id"])

    async def ended(self, thread: str) -> Mapping[str, str]:
        chosen = {"limit": MOST_RUNS, "select": ["run_id", "status"]}
        runs = await self.visitor.ask("GET", f"/threads/{thread}/runs", params=chosen)
        return {str(run["run_id"]): STATUSES[run["status"]] for run in runs if run["status"] in STATUSES}

    async def join(self, thread: str, run: str, after: str) -> AsyncIterator[RunStep]:
        """The stream has no word for its end: that is what the run's status says when it is over."""
        headers = {"Last-Event-ID": after or BEGINNING}
        async with self.visitor.stream("GET", f"/threads/{thread}/runs/{run}/stream", headers=headers) as events:
            async for sent in events:
                # An error is sent to those who listen and is not kept; the status tells of it, too.
                if sent.event != "error":
                    kind = "agent_started" if sent.event == "metadata" else "agent_thinking"
                    yield RunStep(sent.id, kind, json.dumps([sent.id, sent.event, sent.data]))
        yield RunStep("", await self._end(thread, run), json.dumps({"run_id": run, "over": True}))

    async def _end(self, thread: str, run: str) -> str:
        status = ""
        for _ in range(LOOKS):
            status = str((await self.visitor.ask("GET", f"/threads/{thread}/runs/{run}"))["status"])
            if status in STATUSES:
                return STATUSES[status]
            await asyncio.sleep(0.1)
        raise Lost(f"the stream of a run ended before the run did: it is {status}")

    async def cancel(self, run: str) -> None:
        await self.visitor.answer("POST", f"/threads/{self.accepted.thread_of(run)}/runs/{run}/cancel")

    def doors(self, thread: str, run: str) -> Sequence[Door]:
        here = f"/threads/{thread}"
        return (
            Door("GET", here),
            Door("GET", f"{here}/state"),
            Door("GET", f"{here}/history"),
            Door("GET", f"{here}/runs"),
            Door("GET", f"{here}/runs/{run}"),
            Door("GET", f"{here}/runs/{run}/join"),
            Door("GET", f"{here}/runs/{run}/stream", {"headers": {"Last-Event-ID": BEGINNING}}),
        )

    def mistakes(self, thread: str) -> Sequence[Door]:
        runs = f"/threads/{thread}/runs"
        return (
            Door("POST", "/threads", {"content": b"{"}),
            Door("POST", "/threads", {"json": {"metadata": "none"}}),
            Door("POST", runs, {"json": {"assistant_id": "no such graph", "input": {}}}),
            Door("POST", runs, {"json": {"assistant_id": str(uuid.UUID(int=0)), "input": {}}}),
            Door("POST", runs, {"json": {"assistant_id": self._graph, "stream_mode": "none"}}),
            Door("POST", "/threads/search", {"json": {"limit": -1}}),
            Door("GET", "/threads/no-uuid/state"),
            Door("GET", f"{runs}?limit=many"),
            Door("GET", "/no/such/route"),
            Door("BREW", "/threads"),
        )
