"""HTTP as a user of a server speaks it: whatever comes is heard, and an answer is a value, `Refused` or `Lost`."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx2

from netra.prove.answers import Lost, NotSupported, Refused
from netra.prove.targets import Heard, OpenWire

ANSWER_WITHIN: Final = 30.0
"""Seconds after which an answer counts as lost."""
MANY: Final = 1000
"""Connections where every reader holds some of its own."""
LIMITED: Final = frozenset({429, 503})
"""Refusals that are for now only."""


def new_client(most: int = 100) -> httpx2.AsyncClient:
    """So many connections of one's own, at most. Blocking: it reads certificates."""
    limits = httpx2.Limits(max_connections=most, max_keepalive_connections=50, keepalive_expiry=5)
    return httpx2.AsyncClient(timeout=ANSWER_WITHIN, limits=limits, trust_env=False)


@dataclass(frozen=True, slots=True)
class ServerSent:
    """One event of a `text/event-stream` (WHATWG HTML, section 9.2)."""

    data: str
    event: str = ""
    id: str = ""


class Visitor:
    """Who asks: one user, at one server, with the headers that say so."""

    def __init__(self, http: httpx2.AsyncClient, url: str, user: int, headers: Mapping[str, str], heard: Heard) -> None:
        self.http = http
        self.url = url
        self.headers = dict(headers)
        self._user = user
        self._heard = heard

    def over(self, http: httpx2.AsyncClient) -> "Visitor":
        """The same user over other connections."""
        return Visitor(http, self.url, self._user, self.headers, self._heard)

    async def answer(self, method: str, path: str, **more: Any) -> httpx2.Response:
        """Whatever the server answers. Raises `Lost`."""
        headers = {**self.headers, **more.pop("headers", {})}
        try:
            answer: httpx2.Response = await self.http.request(method, self.url + path, headers=headers, **more)
        except httpx2.HTTPError as error:
            raise Lost(type(error).__name__) from error
        self._heard(self._user, f"{method} {answer.url.path}", answer.text)
        return answer

    async def ask(self, method: str, path: str, **more: Any) -> Any:
        """The JSON of an answer. Raises `Refused` or `Lost`."""
        answer = await self.answer(method, path, **more)
        _settle(answer.status_code, answer.text)
        try:
            return answer.json() if answer.content else {}
        except ValueError as error:
            raise Lost(f"no JSON: {answer.text[:200]}") from error

    @asynccontextmanager
    async def stream(self, method: str, path: str, **more: Any) -> AsyncIterator[AsyncIterator[ServerSent]]:
        """Events as they come, for as long as the block lasts. Raises `Refused` or `Lost`, inside the block, too."""
        headers = {**self.headers, "Accept": "text/event-stream", **more.pop("headers", {})}
        try:
            async with self.http.stream(method, self.url + path, headers=headers, **more) as answer:
                if not answer.is_success:
                    text = (await answer.aread()).decode("utf-8", "replace")
                    self._heard(self._user, f"{method} {answer.url.path}", text)
                    _settle(answer.status_code, text)
                yield self._events(answer, f"{method} {answer.url.path}")
        except httpx2.HTTPError as error:
            raise Lost(type(error).__name__) from error

    async def _events(self, answer: httpx2.Response, where: str) -> AsyncIterator[ServerSent]:
        known: dict[str, list[str]] = {}
        async for line in answer.aiter_lines():
            if not line and "data" in known:
                text = "\n".join(known["data"])
                self._heard(self._user, where, text)
                yield ServerSent(text, "".join(known.get("event", ())[-1:]), "".join(known.get("id", ())[-1:]))
            if not line:
                known = {}
            elif not line.startswith(":"):  # a comment keeps the connection alive and says nothing
                name, _, value = line.partition(":")
                known.setdefault(name, []).append(value.removeprefix(" "))


def _settle(status: int, text: str) -> None:
    """Raise what an answer means that is not a yes."""
    if status >= 500 and status not in LIMITED:
        raise Lost(f"{status} {text[:200]}")
    if status >= 300:
        raise Refused(status, text, limited=status in LIMITED)


class HttpPerson:
    """A user of a server that knows nothing but requests and streams: what all of them can do."""

    email = ""

    def __init__(self, number: int, mark: str, user_id: str, token: str, visitor: Visitor) -> None:
        self.number = number
        self.mark = mark
        self.user_id = user_id
        self.token = token
        self.visitor = visitor

    @property
    def url(self) -> str:
        return self.visitor.url

    async def do(self, name: str, /, **arguments: Any) -> Mapping[str, Any]:
        raise NotSupported(f"this server knows nothing of {name} {arguments}")

    async def raw(self, method: str, path: str, *, token: str | None = None, **more: Any) -> tuple[int, str]:
        if token is not None:
            more["headers"] = {**more.get("headers", {}), "Authorization": f"Bearer {token}"}
        answer = await self.visitor.answer(method, path, **more)
        return answer.status_code, answer.text

    async def handshake(self, headers: Mapping[str, str], *, token: str | None = None) -> OpenWire:
        raise NotSupported(f"this server is spoken to without WebSockets: {headers} {token}")
