"""The largest body that a request may have, counted while it comes.

What a client declares is refused before a byte of it is read; what it does not declare, as soon as it is too much. Plain
ASGI, and outside of the framework: there, an error while a body is read becomes `400`.
"""

from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from netra.gateway.limits import BodyTooLarge
from netra.gateway.problems import problem_response


class BodyLimit:
    """Answers 413 to a request whose body is larger than `limit_of` its scope, in bytes."""

    def __init__(self, app: ASGIApp, limit_of: Callable[[Scope], int]) -> None:
        self.app = app
        self._limit_of = limit_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = self._limit_of(scope)
        if _declared(scope) > limit:
            await _refuse(scope, receive, send, limit)
            return
        size, started, refused = 0, False, False

        async def count() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > limit:
                raise BodyTooLarge
            return message

        async def answer(message: Message) -> None:
            nonlocal started, refused
            if message["type"] == "http.response.start" and size > limit and not started:
                # Whatever the application makes of the error in the middle of its body, this is what happened.
                refused = True
                await _refuse(scope, receive, send, limit)
            started = True
            if not refused:
                await send(message)

        try:
            await self.app(scope, count, answer)
        except BodyTooLarge:
            if not started:
                await _refuse(scope, receive, send, limit)


def _declared(scope: Scope) -> int:
    """The length that the client says its body has; 0 when it says nothing that is a number."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value[:20])
    return 0


async def _refuse(scope: Scope, receive: Receive, send: Send, limit: int) -> None:
    error = BodyTooLarge(f"The body of this request may have {limit} bytes.", limit=limit)
    response = problem_response(error, str(scope["state"]["request_id"]))
    # What the client is still sending would be read as its next request.
    response.headers["Connection"] = "close"
    await response(scope, receive, send)
