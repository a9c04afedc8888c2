"""Servers of the Agent-User Interaction protocol (AG-UI 1.0): one URL, which answers to a run that is posted with its events.

The protocol knows threads and runs by ids that the client makes up, and no way to ask for either again. Whether a server keeps
what was said in a thread is its own affair: by default the client sends it along with each run, and so does this target.
"""

import asyncio
import copy
import json
import random
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import httpx2

from netra.prove.answers import Lost, NotSupported, Refused
from netra.prove.targets import Ability, Door, Heard, Log, ReceivedEvent, Work
from netra.prove.targets.http import MANY, HttpPerson, ServerSent, Visitor, new_client
from netra.prove.targets.inbox import EPOCH, Inbox, InboxReader
from netra.prove.targets.messages import message
from netra.prove.targets.tokens import signed

NAMES: Final = {"RUN_STARTED": "agent_started", "RUN_FINISHED": "agent_completed", "RUN_ERROR": "agent_failed"}
"""Events of the protocol by the names that checkers know them by; every other one is a thought of the agent."""
REMEMBERED: Final = 6
"""Messages of a thread that are sent along with the next."""
LAST_WORDS: Final = 60.0
"""Seconds that streams get to end before their connections are closed."""


class AgUiTarget:
    """An AG-UI endpoint. With a key, each user shows a token of their own (HS256, `sub`) as a bearer."""

    name = "ag-ui"

    def __init__(self, url: str, heard: Heard, source: random.Random, http: httpx2.AsyncClient, version: str, key: str) -> None:
        self.url = url
        self.http = http
        self.version = version
        self.users = "each shows a token that was signed with the key" if key else "nobody signs in, and a thread is an id"
        self.abilities = frozenset({Ability.ISOLATION}) if key else frozenset()
        self.key = key
        self.heard = heard
        self._source = source
        self._people: list[AgUiPerson] = []

    @classmethod
    async def open(cls, url: str, heard: Heard, source: random.Random, *, key: str = "") -> "AgUiTarget":
        """The endpoint at this URL. Raises `NotSupported` when a first run is not answered as the protocol says."""
        http = await asyncio.to_thread(new_client, MANY)
        target = cls(url, heard, source, http, "", key)
        person = await target.sign_up(-1, "")
        try:
            await person.start_run(str(uuid.UUID(int=source.getrandbits(128))), Work("hello.", 0, 0), None)
        except (Lost, Refused) as error:
            await target.close()
            raise NotSupported(f"{url} does not answer as an AG-UI server does: {error}") from error
        return target

    async def sign_up(self, number: int, mark: str) -> "AgUiPerson":
        """Somebody with a token of their own, or with none where nobody has one."""
        user_id = f"prover-{number}-{self._source.getrandbits(64):016x}"
        token = signed(user_id, self.key) if self.key else ""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        visitor = Visitor(self.http, self.url, number, headers, self.heard)
        person = AgUiPerson(self, number, mark, user_id, token, visitor)
        self._people.append(person)
        return person

    def new_id(self) -> str:
        """An id such as clients make up."""
        return str(uuid.UUID(int=self._source.getrandbits(128), version=4))

    async def close(self) -> None:
        for person in self._people:
            await person.end()
        await self.http.aclose()


class AgUiPerson(HttpPerson):
    """Somebody who talks to an AG-UI endpoint."""

    def __init__(self, target: AgUiTarget, number: int, mark: str, user_id: str, token: str, visitor: Visitor) -> None:
        super().__init__(number, mark, user_id, token, visitor)
        self._target = target
        self._inbox = Inbox()
        self._said: dict[str, list[dict[str, str]]] = {}
        self.streams: set[asyncio.Task[None]] = set()
        """Runs that are still being listened to."""

    def twin(self) -> "AgUiPerson":
        other = copy.copy(self)
        other.streams = set()
        return other

    @asynccontextmanager
    async def apart(self) -> AsyncIterator["AgUiPerson"]:
        async with await asyncio.to_thread(new_client) as http:
            other = self.twin()
            other.visitor = self.visitor.over(http)
            try:
                yield other
            finally:
                await other.end(LAST_WORDS)

    async def new_thread(self, title: str) -> str:
        """Nothing but an id; the title is what is said there first."""
        thread = self._target.new_id()
        self._remember(thread, "user", title)
        return thread

    async def start_run(self, thread: str, work: Work, key: str | None) -> str:  # noqa: ARG002 - AG-UI has no keys
        """Accepted when the first event is there; the others come to the inbox."""
        run = self._target.new_id()
        self._remember(thread, "user", message(work))
        body = {
            "threadId": thread,
            "runId": run,
            "messages": list(self._said[thread]),
            "state": {},
            "tools": [],
            "context": [],
            "forwardedProps": {},
        }
        accepted: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        stream = asyncio.create_task(self._listen(thread, run, body, accepted))
        self.streams.add(stream)
        stream.add_done_callback(self.streams.discard)
        return await accepted

    async def _listen(self, thread: str, run: str, body: Mapping[str, Any], accepted: "asyncio.Future[str]") -> None:
        said: list[str] = []
        try:
            async with self.visitor.stream("POST", "", json=body) as events:
                async for each in events:
                    await self._inbox.reading.wait()
                    event, delta = _event(thread, run, self._inbox.head(thread) + 1, each)
                    said.append(delta)
                    await self._inbox.add(event)
                    if not accepted.done():
                        accepted.set_result(run)
            if not accepted.done():
                raise Lost("an answer without an event")
        except (Lost, Refused) as error:
            # Broken off after it was accepted: the inbox shows a run without an end.
            if not accepted.done():
                accepted.set_exception(error)
        self._remember(thread, "assistant", "".join(said))

    def _remember(self, thread: str, role: str, words: str) -> None:
        if words:
            known = self._said.setdefault(thread, [])
            known.append({"id": self._target.new_id(), "role": role, "content": words})
            del known[:-REMEMBERED]

    @asynccontextmanager
    async def read(self, threads: Mapping[str, Any]) -> AsyncIterator[InboxReader]:
        yield InboxReader(self._inbox, threads)

    async def log(self, thread: str) -> Log:
        """What has come: the server has no log that anybody could read."""
        return self._inbox.log(thread)

    async def cancel(self, run: str) -> None:
        raise NotSupported(f"AG-UI has no way to cancel a run: {run}")

    def doors(self, thread: str, run: str) -> Sequence[Door]:  # noqa: ARG002 - nothing is looked up by its id
        """None: a thread is looked at by running in it, and that changes it."""
        return ()

    def mistakes(self, thread: str) -> Sequence[Door]:
        return (
            Door("POST", "", {"content": b"{", "headers": {"Content-Type": "application/json"}}),
            Door("POST", "", {"content": b"\x00\xff"}),
            Door("POST", "", {"json": {"threadId": thread}}),
            Door("POST", "", {"json": {"threadId": ["no", "text"], "runId": 1, "messages": "none"}}),
            Door("GET", "/no/such/route"),
            Door("BREW", ""),
        )

    async def end(self, within: float = 0.0) -> None:
        """Give up what is still streaming, after so many seconds."""
        if within and self.streams:
            await asyncio.wait(self.streams, timeout=within)
        for stream in tuple(self.streams):
            stream.cancel()
            with suppress(asyncio.CancelledError):
                await stream


def _event(thread: str, run: str, seq: int, sent: ServerSent) -> tuple[ReceivedEvent, str]:
    """An event, and what the agent says by it."""
    try:
        content = json.loads(sent.data)
        kind, delta = str(content["type"]), str(content.get("delta", ""))
    except (ValueError, KeyError, TypeError) as error:
        raise Lost(f"no event of AG-UI: {sent.data[:200]}") from error
    return ReceivedEvent(thread, EPOCH, seq, NAMES.get(kind, "agent_thinking"), run, sent.data), delta
