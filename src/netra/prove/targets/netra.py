"""Netra itself, by what its specification says and nothing else."""

import asyncio
import base64
import json
import random
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from netra.prove.answers import Lost, NotSupported, Refused
from netra.prove.targets import NOT_OF_ITSELF, Ability, Door, Heard, Log, ReceivedEvent, Work
from netra.prove.targets.http import ANSWER_WITHIN, LIMITED, new_client
from netra.prove.targets.suffix import READ
from netra.prove.wire import RawWire

PAGE: Final = 100
"""Events of a page of a thread's log."""
GRACE: Final = 12.0
"""Seconds that a connection may go on after its token has run out: ten by the specification, and two for the way."""
SOON: Final = 5.0
"""Seconds before its end at which a token is renewed."""
FOLLOWING: Final = "follow"
"""What the server's reply to a subscription is known by."""


class NetraTarget:
    """A Netra server at a URL."""

    name = "netra"
    users = "each signs up"
    abilities = frozenset(Ability) - NOT_OF_ITSELF

    def __init__(
        self, urls: Sequence[str], heard: Heard, source: random.Random, http: httpx2.AsyncClient, version: str, agent: str
    ) -> None:
        self.urls = urls
        self.http = http
        self.version = version
        self.agent = agent
        self._heard = heard
        self._source = source

    @classmethod
    async def open(cls, urls: Sequence[str], heard: Heard, source: random.Random, *, agent: str = "demo") -> "NetraTarget":
        """The servers at these URLs, which are siblings: whom one of them fails goes to the next. Raises `NotSupported`."""
        places = [url.rstrip("/") for url in urls]
        http = await asyncio.to_thread(new_client)
        try:
            answer = await http.get(f"{places[0]}/health/live")
            version = str(answer.json()["version"])
        except (httpx2.HTTPError, ValueError, KeyError, TypeError) as error:
            await http.aclose()
            raise NotSupported(f"{places[0]} does not answer as a Netra server does: {error}") from error
        return cls(places, heard, source, http, version, agent)

    async def sign_up(self, number: int, mark: str) -> "NetraPerson":
        """An account of its own, through the public API. Raises `Refused` or `Lost`."""
        password = f"{self._source.getrandbits(128):032x}"
        email = f"prove-{number}-{self._source.getrandbits(64):016x}@prove.example"
        body = {"email": email, "password": password, "name": f"Prover {number} {mark}"}
        person = NetraPerson(self, number, mark, email, password)
        await person.register(body)
        return person

    async def request(
        self, http: httpx2.AsyncClient, user: int, method: str, url: str, headers: Mapping[str, str], **more: Any
    ) -> httpx2.Response:
        """One request. What it brings is heard. Raises `Lost`."""
        try:
            answer: httpx2.Response = await http.request(method, url, headers=headers, **more)
        except httpx2.HTTPError as error:
            raise Lost(type(error).__name__) from error
        self._heard(user, f"{method} {answer.url.path}", answer.text)
        return answer

    def heard(self, user: int, where: str, text: str) -> None:
        self._heard(user, where, text)

    async def close(self) -> None:
        await self.http.aclose()


class NetraPerson:
    """Somebody with an account there."""

    def __init__(
        self,
        target: NetraTarget,
        number: int,
        mark: str,
        email: str,
        password: str,
        http: httpx2.AsyncClient | None = None,
    ) -> None:
        self.number = number
        self.mark = mark
        self.email = email
        self.password = password
        self.user_id = ""
        self.token = ""
        self.refresh_token = ""
        self._target = target
        self._http = http or target.http
        self._turn = number
        self._place: str | None = None
        self._signing_in = asyncio.Lock()

    @property
    def url(self) -> str:
        """The server that this user speaks to now."""
        return self._place or self._target.urls[self._turn % len(self._target.urls)]

    def twin(self) -> "NetraPerson":
        """The same account, with a session of its own to come."""
        return NetraPerson(self._target, self.number, self.mark, self.email, self.password)

    @asynccontextmanager
    async def apart(self) -> AsyncIterator["NetraPerson"]:
        """The same user over connections of their own: a flood must not make others wait here, where nobody looks."""
        async with await asyncio.to_thread(new_client) as http:
            flooder = NetraPerson(self._target, self.number, self.mark, self.email, self.password, http)
            flooder.user_id, flooder.token = self.user_id, self.token
            yield flooder

    def take(self, signed_in: Mapping[str, Any]) -> None:
        """Keep what a sign-in has given."""
        self.token, self.refresh_token = signed_in["access_token"], signed_in["refresh_token"]
        if "user" in signed_in:
            self.user_id = signed_in["user"]["id"]

    async def ask(self, method: str, path: str, *, key: str | None = None, **more: Any) -> Any:
        """The JSON of an answer, asked for with a token that holds. Raises `Refused` or `Lost`."""
        await self._stay_signed_in()
        return await self._ask(method, path, key=key, **more)

    async def _ask(self, method: str, path: str, *, key: str | None = None, **more: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if key is not None:
            headers["Idempotency-Key"] = key
        try:
            answer = await self._target.request(self._http, self.number, method, self.url + path, headers, **more)
        except Lost:
            self._turn += 1
            raise
        if answer.status_code >= 500 and answer.status_code != 503:
            raise Lost(f"{answer.status_code} {answer.text[:200]}")
        if not answer.is_success:
            raise Refused(answer.status_code, answer.text, limited=answer.status_code in LIMITED)
        return answer.json() if answer.content else {}

    async def register(self, body: Mapping[str, str]) -> None:
        """Begin the account. Raises `Refused` or `Lost`."""
        await self._renew("/auth/register", body)

    async def _stay_signed_in(self) -> None:
        """Take a new pair before the old one runs out. One at a time: a pair that two use is one that was stolen."""
        async with self._signing_in:
            if expiry(self.token) - time.time() < SOON:
                try:
                    await self._renew("/auth/refresh", {"refresh_token": self.refresh_token})
                except (Lost, Refused):
                    # Used or not, nobody knows: that pair is given up.
                    await self._renew("/auth/login", {"email": self.email, "password": self.password})

    async def _renew(self, path: str, body: Mapping[str, str]) -> None:
        self.take(await self._ask("POST", path, json=body))

    async def new_thread(self, title: str) -> str:
        return str((await self.ask("POST", "/api/threads", json={"title": title}))["id"])

    async def start_run(self, thread: str, work: Work, key: str | None) -> str:
        given = {"topic": work.text, "steps": work.steps, "delay_ms": work.delay_ms, "ask": work.ask, "fail": work.fail}
        body = {"agent": self._target.agent, "input": given}
        return str((await self.ask("POST", f"/api/threads/{thread}/runs", key=key, json=body))["run_id"])

    async def cancel(self, run: str) -> None:
        await self.ask("POST", f"/api/runs/{run}/cancel")

    async def log(self, thread: str) -> Log:
        events: list[ReceivedEvent] = []
        while True:
            after = events[-1].seq if events else 0
            page = await self.ask("GET", f"/api/threads/{thread}/events?after={after}&limit={PAGE}")
            events += [_event(each, page["epoch"]) for each in page["events"]]
            if not page["events"]:
                return Log(thread, page["epoch"], tuple(events))

    @asynccontextmanager
    async def read(self, threads: Mapping[str, Any]) -> AsyncIterator["NetraReader"]:
        await self._stay_signed_in()
        parts = urlsplit(self.url)
        scheme = "wss" if parts.scheme == "https" else "ws"
        try:
            socket = await connect(
                f"{scheme}://{parts.netloc}/ws",
                origin=f"{parts.scheme}://{parts.netloc}",  # type: ignore[arg-type]  # websockets has a NewType for it
                additional_headers={"Authorization": f"Bearer {self.token}"},
                compression=None,
                max_size=None,
                max_queue=64,
                proxy=None,
                open_timeout=ANSWER_WITHIN,
                close_timeout=1,
                ping_interval=None,
            )
        except (OSError, TimeoutError, WebSocketException) as error:
            self._turn += 1
            raise Lost(type(error).__name__) from error
        reader = NetraReader(self._target, self.number, socket, expiry(self.token))
        try:
            await reader.follow(threads)
            yield reader
        finally:
            socket.transport.abort()
            await socket.wait_closed()

    async def do(self, name: str, /, **arguments: Any) -> Mapping[str, Any]:
        match name:
            case "use_tool":
                return await self._use_tool(arguments["tool"], arguments["arguments"])
            case "answer":
                body = {"request_id": arguments["request"], "value": arguments["value"]}
                answered: Mapping[str, Any] = await self.ask("POST", f"/api/runs/{arguments['run']}/answer", json=body)
                return answered
            case "upload":
                form = {"file": (arguments["name"], arguments["content"].encode(), "text/csv"), "name": (None, self.mark)}
                stored: Mapping[str, Any] = await self.ask("POST", "/api/datasets", files=form)
                return stored
            case "set_secret":
                await self.ask("PUT", f"/api/secrets/{arguments['name']}", json={"value": arguments["value"]})
                return {}
            case "list_secrets":
                await self.ask("GET", "/api/secrets")
                return {}
            case "refresh":
                async with self._signing_in:
                    await self._renew("/auth/refresh", {"refresh_token": self.refresh_token})
                return {}
            case "sign_in":
                async with self._signing_in:
                    await self._renew("/auth/login", {"email": self.email, "password": self.password})
                return {}
            case "sign_out":
                await self.ask("POST", "/auth/logout")
                return {}
            case "move":
                self._place = arguments["url"]
                return {}
            case "start_agent":
                body = {"agent": arguments["agent"], "input": arguments.get("input"), "on_busy": "queue"}
                accepted: Mapping[str, Any] = await self.ask("POST", f"/api/threads/{arguments['thread']}/runs", json=body)
                return {"run": str(accepted["run_id"])}
            case "look_at_run":
                looked: Mapping[str, Any] = await self.ask("GET", f"/api/runs/{arguments['run']}")
                return looked
            case "resume":
                return await READ[arguments["way"]](self, arguments["thread"], arguments["cursor"])
            case "migrate":
                migrated: Mapping[str, Any] = await self.ask("POST", "/api/tools/migrate-legacy")
                return migrated
        raise NotSupported(name)

    @asynccontextmanager
    async def lines(self, path: str, headers: Mapping[str, str]) -> AsyncIterator[AsyncIterator[str]]:
        """An answer that goes on, line by line, all of it heard. Raises `Refused` or `Lost`."""
        await self._stay_signed_in()
        given = {"Authorization": f"Bearer {self.token}", **headers}
        try:
            async with self._http.stream("GET", self.url + path, headers=given) as answer:
                if not answer.is_success:
                    body = (await answer.aread()).decode("utf-8", "replace")
                    self._target.heard(self.number, f"GET {path}", body)
                    raise Refused(answer.status_code, body, limited=answer.status_code in LIMITED)
                yield self._heard_lines(path, answer.aiter_lines())
        except httpx2.HTTPError as error:
            raise Lost(type(error).__name__) from error

    async def _heard_lines(self, path: str, lines: AsyncIterator[str]) -> AsyncIterator[str]:
        async for line in lines:
            self._target.heard(self.number, f"GET {path}", line)
            yield line

    def doors(self, thread: str, run: str) -> Sequence[Door]:
        paths = (f"/api/threads/{thread}", f"/api/threads/{thread}/events", f"/api/runs/{run}")
        return [Door("GET", path) for path in paths]

    def mistakes(self, thread: str) -> Sequence[Door]:
        threads, runs, events = "/api/threads", f"/api/threads/{thread}/runs", f"/api/threads/{thread}/events"
        return (
            Door("POST", threads, {"content": b"{"}, (400, 422)),
            Door("POST", threads, {"json": {"title": ["no", "text"]}}, (400, 422)),
            Door("POST", threads, {"json": {"title": "x" * 100_000}}, (400, 413, 422)),
            Door("POST", runs, {"json": {"agent": "no such agent", "input": {}}}, (404, 422)),
            Door("POST", runs, {"json": {"agent": "demo", "input": {"steps": "many"}}}, (422,)),
            Door("GET", f"{events}?after=-1", {}, (422,)),
            Door("GET", f"{events}?after=99999999999999999999999", {}, (422,)),
            Door("GET", f"{threads}?cursor=%00%ff", {}, (400, 422)),
            Door("GET", "/no/such/route", {}, (404,)),
            Door("BREW", threads, {}, (400, 405, 501)),
            Door("POST", "/auth/refresh", {"json": {"refresh_token": "nonsense"}}, (401, 422)),
            Door("POST", "/auth/register", {"json": {"email": "no address", "password": "short"}}, (422,)),
            Door("POST", "/api/tools/execute", {"json": {"tool_name": "no_such_tool", "arguments": {}}}, (200, 404, 422)),
            Door("POST", "/api/datasets", {"files": {"file": ("x.csv", b"\x00\xff\xfe", "text/csv")}}, (400, 422)),
        )

    async def raw(self, method: str, path: str, *, token: str | None = None, **more: Any) -> tuple[int, str]:
        """Status and body of any request, whatever they are."""
        if token is None:
            await self._stay_signed_in()
        headers = {"Authorization": f"Bearer {self.token if token is None else token}", **more.pop("headers", {})}
        answer = await self._target.request(self._http, self.number, method, self.url + path, headers, **more)
        return answer.status_code, answer.text

    async def handshake(self, headers: Mapping[str, str], *, token: str | None = None) -> RawWire:
        """Ask for a WebSocket byte by byte."""
        if token is None:
            await self._stay_signed_in()
        given = {"Authorization": f"Bearer {self.token if token is None else token}", **headers}
        return await RawWire.connect(self.url, "/ws", given)

    async def _use_tool(self, tool: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        answer = await self.ask("POST", "/api/tools/execute", json={"tool_name": tool, "arguments": arguments})
        if answer["status"] in ("permission_denied", "rate_limited"):
            raise Refused(200, json.dumps(answer), limited=answer["status"] == "rate_limited")
        return {"status": answer["status"], "result": answer.get("result")}


class NetraReader:
    """A WebSocket with the threads that it follows."""

    def __init__(self, target: NetraTarget, user: int, socket: ClientConnection, expires: float) -> None:
        self._expires = expires
        self._target = target
        self._user = user
        self._socket = socket
        self._cursors: dict[str, tuple[Any, int]] = {}
        self._reading = asyncio.Event()
        self._reading.set()
        self.closed_with: int | None = None

    @property
    def cursor(self) -> dict[str, tuple[Any, int]]:
        """Of each thread: its epoch, and the last event that was received."""
        return dict(self._cursors)

    async def follow(self, threads: Mapping[str, Any]) -> None:
        """Subscribe. Each thread with the cursor of an earlier reader, or None."""
        for thread, cursor in threads.items():
            frame: dict[str, Any] = {"type": "subscribe", "thread_id": thread, "ref": FOLLOWING}
            if cursor is not None:
                frame |= {"epoch": cursor[0], "after": cursor[1]}
                self._cursors[thread] = cursor
            else:
                frame["after"] = 0
            await self.send(frame)

    async def send(self, frame: Mapping[str, Any]) -> None:
        try:
            await self._socket.send(json.dumps(frame))
        except ConnectionClosed as error:
            raise self._gone(error) from error

    async def next(self, within: float) -> ReceivedEvent | None:
        """The next event; what else arrives is heard, and moves cursors."""
        try:
            async with asyncio.timeout(within):
                while True:
                    await self._reading.wait()
                    if (event := self._taken(json.loads(await self.frame()))) is not None:
                        return event
        except TimeoutError:
            return None

    async def frame(self) -> str:
        """The next frame, as it came. Raises `Lost`."""
        try:
            text = str(await self._socket.recv())
        except ConnectionClosed as error:
            raise self._gone(error) from error
        self._target.heard(self._user, "WebSocket", text)
        return text

    def _taken(self, frame: Mapping[str, Any]) -> ReceivedEvent | None:
        thread = frame.get("thread_id", "")
        match frame["type"]:
            case "subscribed":
                known = self._cursors.get(thread)
                if known is None or known[0] != frame["epoch"]:
                    self._cursors[thread] = (frame["epoch"], 0)
            case "error" if frame.get("ref") == FOLLOWING and frame.get("code") == "not_found":
                raise Refused(404, str(frame.get("message")))
            case "error" if frame.get("ref") == FOLLOWING:
                # Refused for now, as while the database is away: a reader that stayed would wait for nothing.
                raise Lost(f"not subscribed: {frame.get('code')}")
            case "reset":
                self._cursors[thread] = (frame["epoch"], 0)
            case _ if "seq" in frame and "at" in frame:
                known = self._cursors.get(thread)
                event = _event(frame, known[0] if known else None)
                if known is None:
                    # The thread of the account, which every connection follows unasked, from now on and with no cursor.
                    return replace(event, details={**event.details, "loose": True})
                if (late := time.time() - self._expires) > GRACE:
                    event = replace(event, details={**event.details, "late": round(late, 1)})
                self._cursors[thread] = (event.epoch, event.seq)
                return event
        return None

    def drop(self) -> None:
        self._socket.transport.abort()

    def pause(self) -> None:
        self._reading.clear()

    def proceed(self) -> None:
        self._reading.set()

    def _gone(self, error: ConnectionClosed) -> Lost:
        self.closed_with = error.rcvd.code if error.rcvd else None
        return Lost(f"closed {self.closed_with or 'without a word'}")


def expiry(token: str) -> float:
    """When a token runs out, as it says itself, in seconds of the epoch."""
    payload = token.split(".")[1]
    return float(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["exp"])


def _event(content: Mapping[str, Any], epoch: Any) -> ReceivedEvent:
    data = content["data"]
    details = {}
    if content["type"] == "plan_changed":
        details = {"plan": data.get("new")}
    elif content["type"] == "input_required":
        details = {"request": data.get("request_id")}
    elif content["type"] == "agent_started":
        details = {"input": json.dumps(data)}
    return ReceivedEvent(
        content["thread_id"],
        epoch,
        content["seq"],
        content["type"],
        content.get("run_id") or "",
        json.dumps(content, sort_keys=True),
        data.get("call_id") or "" if content["type"].startswith("tool_") else "",
        details,
    )
