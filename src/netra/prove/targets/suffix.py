"""What of a thread comes after a cursor, over each of the three ways that Netra has: pages, server-sent events, a WebSocket.

Byte for byte, because a resume is to give what an uninterrupted reader has, and not something that means the same.
"""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, Protocol

from netra.prove.answers import Lost, Refused

ALL_WITHIN: Final = 30.0
"""Seconds for all that a thread holds."""
EVENTS: Final = '"events":['

Cursor = Mapping[str, Any]
"""`after` and `epoch`, or `id`, what a server-sent event is known by; whatever they are."""


class Frames(Protocol):
    """A WebSocket that is open."""

    async def send(self, frame: Mapping[str, Any]) -> None: ...

    async def frame(self) -> str: ...


class Asker(Protocol):
    """Somebody who can ask in all three ways."""

    async def raw(self, method: str, path: str, *, params: Mapping[str, Any]) -> tuple[int, str]: ...

    def lines(self, path: str, headers: Mapping[str, str]) -> AbstractAsyncContextManager[AsyncIterator[str]]: ...

    def read(self, threads: Mapping[str, Any]) -> AbstractAsyncContextManager[Frames]: ...


async def pages(asker: Asker, thread: str, cursor: Cursor) -> Mapping[str, Any]:
    """Ask for one page after another; `limit` of the cursor is the length of each. Raises `Refused` or `Lost`."""
    events: list[tuple[int, str]] = []
    reset, asked = None, {name: value for name, value in cursor.items() if value is not None}
    while True:
        status, body = await asker.raw("GET", f"/api/threads/{thread}/events", params=asked)
        if status >= 500:
            raise Lost(f"{status}")
        if status != 200:
            raise Refused(status, body)
        page = json.loads(body)
        reset = reset or page["reset"]
        texts = split(body)
        events += [(event["seq"], digest(text)) for event, text in zip(page["events"], texts, strict=True)]
        if not texts or page["events"][-1]["seq"] >= page["head"]:
            return _answer(page["epoch"], reset, events)
        asked |= {"after": page["events"][-1]["seq"], "epoch": page["epoch"]}


def split(body: str) -> list[str]:
    """The events of a page, each as the server has spelt it."""
    decoder, place = json.JSONDecoder(), body.index(EVENTS) + len(EVENTS)
    texts = []
    while body[place] != "]":
        _, end = decoder.raw_decode(body, place)
        texts.append(body[place:end])
        place = end + 1 if body[end] == "," else end
    return texts


async def stream(asker: Asker, thread: str, cursor: Cursor) -> Mapping[str, Any]:
    """Follow as server-sent events, up to where the thread ended when it was asked for. Raises `Refused` or `Lost`."""
    given = {"Last-Event-ID": str(cursor["id"])} if "id" in cursor else {}
    query = "&".join(f"{name}={value}" for name, value in cursor.items() if name != "id" and value is not None)
    async with asker.lines(f"/api/threads/{thread}/stream?{query}", given) as lines:
        return await _taken(_notices(lines))


async def _notices(lines: AsyncIterator[str]) -> AsyncIterator[str]:
    async for line in lines:
        if line.startswith("data: "):
            yield line.removeprefix("data: ")


async def socket(asker: Asker, thread: str, cursor: Cursor) -> Mapping[str, Any]:
    """Follow over a WebSocket, up to where the thread ended when it was asked for. Raises `Refused` or `Lost`."""
    async with asker.read({}) as frames:
        given = {name: value for name, value in cursor.items() if value is not None}
        await frames.send({"type": "subscribe", "thread_id": thread, "ref": "resume", **given})
        return await _taken(_frames(frames, thread))


async def _frames(frames: Frames, thread: str) -> AsyncIterator[str]:
    while True:
        text = await frames.frame()
        frame = json.loads(text)
        if frame["type"] == "error" and frame.get("ref") == "resume":
            raise Refused(400, text)
        if frame.get("thread_id") == thread:
            yield text


async def _taken(texts: AsyncIterator[str]) -> Mapping[str, Any]:
    """What comes between the first frame and the last event that the thread had then."""
    events: list[tuple[int, str]] = []
    epoch = reset = head = None
    try:
        async with asyncio.timeout(ALL_WITHIN):
            async for text in texts:
                frame = json.loads(text)
                if frame["type"] == "reset":
                    reset, epoch, head = frame["reason"], frame["epoch"], frame["head"]
                elif frame["type"] == "subscribed":
                    epoch, head = frame["epoch"], frame["head"]
                elif "seq" in frame and "at" in frame:
                    events.append((frame["seq"], digest(text)))
                if head is not None and (head == 0 or (events and events[-1][0] >= head)):
                    break
    except TimeoutError as error:
        raise Lost(f"{len(events)} events, and not all of {head}") from error
    return _answer(epoch, reset, events)


def _answer(epoch: Any, reset: str | None, events: list[tuple[int, str]]) -> Mapping[str, Any]:
    return {"epoch": epoch, "reset": reset, "events": events}


def digest(text: str) -> str:
    """The same for the same bytes."""
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


READ: Final[Mapping[str, Callable[[Any, str, Cursor], Awaitable[Mapping[str, Any]]]]] = {
    "pages": pages,
    "stream": stream,
    "socket": socket,
}
