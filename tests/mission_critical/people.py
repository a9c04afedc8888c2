"""Real people for the event suite: signed up over HTTP, watching over WebSocket, remembering every byte they were sent."""

import asyncio
import json
import re
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

PASSWORD: Final = "a password of an invented person"
MARK: Final = re.compile(r"[0-9a-f]{32}")
"""A mark as `secrets.token_hex(16)` writes it. No id of the server looks like one: those have hyphens."""

TERMINAL: Final = frozenset({"agent_completed", "agent_failed", "agent_cancelled"})


@dataclass
class Person:
    """Somebody with an account of their own and a random 128-bit mark that only their own work carries."""

    http: httpx.AsyncClient
    token: str
    user_id: str
    mark: str = field(default_factory=lambda: secrets.token_hex(16))

    @classmethod
    async def sign_up(cls, http: httpx.AsyncClient) -> "Person":
        body = {"email": f"{secrets.token_hex(8)}@suite.example", "password": PASSWORD}
        answer = await http.post("/auth/register", json=body)
        assert answer.status_code == 201, answer.text
        signed_in = answer.json()
        return cls(http, signed_in["access_token"], signed_in["user"]["id"])

    async def call(self, method: str, path: str, **request: Any) -> Any:
        answer = await self.http.request(method, path, headers={"Authorization": f"Bearer {self.token}"}, **request)
        assert answer.is_success, answer.text
        return answer.json()

    async def thread(self) -> str:
        return str((await self.call("POST", "/api/threads", json={"title": "event suite"}))["id"])

    async def run(self, thread_id: str, **input: Any) -> str:
        """Start the demo agent with this person's mark in its input."""
        body = {"agent": "demo", "input": {"topic": self.mark, "report": False, **input}}
        return str((await self.call("POST", f"/api/threads/{thread_id}/runs", json=body))["run_id"])

    async def history(self, thread_id: str) -> list[dict[str, Any]]:
        """The whole log of a thread, page by page."""
        events: list[dict[str, Any]] = []
        while True:
            after = events[-1]["seq"] if events else 0
            page = await self.call("GET", f"/api/threads/{thread_id}/events?after={after}&limit=100")
            events += page["events"]
            if not page["events"]:
                return events

    def watch(self) -> "Watch":
        return Watch(self)


class Watch:
    """One socket of a person. Everything that arrives is kept as it came, and as what it says."""

    def __init__(self, person: Person) -> None:
        self._person = person
        self.raw: list[str] = []
        self.frames: list[dict[str, Any]] = []
        self._news = asyncio.Condition()
        self._closed = False

    async def __aenter__(self) -> "Watch":
        url = urlsplit(str(self._person.http.base_url))
        headers = {"Authorization": f"Bearer {self._person.token}"}
        self.socket: ClientConnection = await connect(
            f"ws://{url.netloc}/ws",
            origin=f"http://{url.netloc}",  # type: ignore[arg-type]  # websockets has a NewType for it
            additional_headers=headers,
            compression=None,
            max_queue=None,
        )
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.socket.close()
        await self._reading

    async def _read(self) -> None:
        with suppress(ConnectionClosed):  # how it closed is asked of the socket
            async for message in self.socket:
                async with self._news:
                    self.raw.append(str(message))
                    self.frames.append(json.loads(message))
                    self._news.notify_all()
        async with self._news:
            self._closed = True
            self._news.notify_all()

    async def until(self, happened: Callable[[], bool], within: float) -> None:
        """Wait until what has arrived satisfies `happened`. Fails after so many seconds, or when the socket has closed."""
        async with asyncio.timeout(within), self._news:
            await self._news.wait_for(lambda: happened() or self._closed)
        assert happened(), f"the socket closed with {self.socket.close_code} {self.socket.close_reason!r}"

    async def reply(self, frame: dict[str, Any], within: float = 10) -> dict[str, Any]:
        """Send a frame under a ref of its own and return the server's reply to it."""
        ref = secrets.token_hex(4)
        await self.socket.send(json.dumps(frame | {"ref": ref}))
        replies: Callable[[], list[dict[str, Any]]] = lambda: [f for f in self.frames if f.get("ref") == ref]  # noqa: E731
        await self.until(lambda: bool(replies()), within)
        return replies()[0]

    async def follow(self, thread_id: str, **cursor: int) -> dict[str, Any]:
        answer = await self.reply({"type": "subscribe", "thread_id": thread_id, **cursor})
        assert answer["type"] == "subscribed", answer
        return answer

    def events(self, thread_id: str) -> list[dict[str, Any]]:
        """The events of a thread in the order in which they came."""
        return [frame for frame in self.frames if "seq" in frame and frame.get("thread_id") == thread_id and "at" in frame]

    async def until_ended(self, thread_id: str, runs: int, within: float) -> list[dict[str, Any]]:
        """Wait until so many runs of a thread have ended; return the thread's events."""
        await self.until(lambda: len(ended(self.events(thread_id))) >= runs, within)
        return self.events(thread_id)

    def drop(self) -> None:
        """Break the connection off without a word, as a closed laptop lid does."""
        self.socket.transport.abort()


def ended(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The terminal events of runs: those that no agent called."""
    return [event for event in events if event["type"] in TERMINAL and "parent" not in event["data"]]


async def together(work: list[Awaitable[Any]]) -> list[Any]:
    """Do everything at once; the first failure ends the rest."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_as_coroutine(item)) for item in work]
    return [task.result() for task in tasks]


async def _as_coroutine(item: Awaitable[Any]) -> Any:
    return await item
