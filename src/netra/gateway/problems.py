"""Every refusal over HTTP is a problem document (RFC 9457), and every request has an id that finds it in the log.

Whatever goes wrong becomes one of the classes of `NetraError`, so that `docs/reference/errors.md`, which is written out of
them, lists every `code` there is. What nobody foresaw is logged with its trace and answered as `internal`, without a word
of what it was.
"""

import inspect
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import JSONResponse
from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from netra.errors import (
    Forbidden,
    InvalidInput,
    NetraError,
    NotFound,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
)
from netra.ids import new_uuid

MEDIA_TYPE: Final = "application/problem+json"

REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
"""What a client may call its request. It goes into the log and back into a header, so nothing else is taken over."""

MOST_ERRORS: Final = 20
"""Fields that one answer names; a body can be wrong in ten thousand places."""

LONGEST_FIELD: Final = 200
"""Characters of a field's name in an answer; the client may have made it up."""

logger = structlog.get_logger(__name__)


class MalformedRequest(InvalidInput):
    """The request cannot be read."""

    code, status = "malformed_request", 400


class MethodNotAllowed(NetraError):
    """This address does not know that method."""

    code, status = "method_not_allowed", 405


# What Starlette and FastAPI refuse by themselves, in our words.
BY_STATUS: Final[Mapping[int, type[NetraError]]] = {
    400: MalformedRequest,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    405: MethodNotAllowed,
    422: InvalidInput,
    429: TooManyRequests,
    503: Unavailable,
}

SCHEMA: Final[Mapping[str, Any]] = {
    "title": "Problem",
    "type": "object",
    "required": ["type", "title", "status", "code", "detail", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "Names the kind of problem."},
        "title": {"type": "string", "description": "What this kind of problem is."},
        "status": {"type": "integer", "description": "The HTTP status."},
        "code": {"type": "string", "description": "Stable; switch on this. docs/reference/errors.md lists all."},
        "detail": {"type": "string", "description": "What is wrong with this request."},
        "request_id": {"type": "string", "description": "Finds this request in the server's log."},
        "errors": {
            "type": "array",
            "description": "The fields that are wrong, for invalid input.",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
        "retry_after": {"type": "number", "description": "Seconds after which the same request may succeed."},
    },
}
REFERENCE: Final = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}


def add_problems(app: FastAPI) -> None:
    """Make `app` answer with problem documents, name its requests, and say so in its OpenAPI description."""
    app.add_exception_handler(NetraError, _answer)
    app.add_exception_handler(HTTPException, _answer)
    app.add_exception_handler(RequestValidationError, _answer)
    app.add_middleware(RequestBoundary)
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        described = describe()
        _describe_problems(described)
        return described

    app.openapi = openapi  # type: ignore[method-assign] # how FastAPI's documentation extends OpenAPI


def problem_responses(*kinds: type[NetraError]) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may refuse in these ways."""
    by_status: dict[int | str, list[str]] = {}
    for kind in kinds:
        by_status.setdefault(kind.status, []).append(f"`{kind.code}`: {_title(kind)}")
    return {status: {"description": " ".join(lines), "content": REFERENCE} for status, lines in by_status.items()}


def problem_response(error: NetraError, request_id: str, *, status: int | None = None) -> JSONResponse:
    """The answer to a request that ended in `error`, with its own status unless `status` says otherwise."""
    status = status or error.status
    title = _title(type(error))
    document = {
        **{name: value for name, value in error.extra.items() if name != "field"},
        "type": f"urn:netra:error:{error.code}",
        "title": title,
        "status": status,
        "code": error.code,
        # What went wrong inside may name hosts and paths. That is for the log.
        "detail": error.detail if status < 500 else title,
        "request_id": request_id,
    }
    if "field" in error.extra:
        document["errors"] = [{"field": error.extra["field"], "message": error.detail}]
    headers = {}
    if isinstance(error, TooManyRequests | Unavailable):
        document["retry_after"] = error.retry_after
        headers["Retry-After"] = str(math.ceil(error.retry_after))
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(document, status, headers, media_type=MEDIA_TYPE)


async def deny(scope: Scope, send: Send, error: NetraError) -> None:
    """Refuse a WebSocket before the upgrade, with a problem document where the server can send one."""
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008})  # the server makes it a bare 403
        return
    response = problem_response(error, scope["state"]["request_id"])
    await send({"type": "websocket.http.response.start", "status": response.status_code, "headers": response.raw_headers})
    await send({"type": "websocket.http.response.body", "body": response.body})


def request_id_of(connection: HTTPConnection) -> str:
    """The id that `RequestBoundary` gave to this request or socket."""
    return str(connection.state.request_id)


def name_request(scope: Scope) -> str:
    """Give a request or socket its id, for `request_id_of` and for every line that is logged for it."""
    request_id = scope.setdefault("state", {})["request_id"] = _request_id(scope)
    # A server may run the next request of a connection in the context of the last one, so nothing is taken over.
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request_id)
    return str(request_id)


class RequestBoundary:
    """The outermost layer, where every request gets its id and every error that nobody handled its answer.

    Plain ASGI: Starlette's BaseHTTPMiddleware would put each request into a second task and buffer what it streams.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        request_id = name_request(scope)
        started = False

        async def send_named(message: Message) -> None:
            nonlocal started
            if message["type"] in ("http.response.start", "websocket.accept", "websocket.http.response.start"):
                started = True
                message.setdefault("headers", [])
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            await send(message)

        try:
            await self.app(scope, receive, send_named)
        except ClientDisconnect:
            logger.debug("client_left", method=scope.get("method"))
        except Exception:
            logger.exception("unhandled_error", method=scope.get("method"), started=started)
            if started:
                # Half an answer is out; only a broken connection tells the client that the rest is missing.
                raise
            if scope["type"] == "websocket":
                await deny(scope, send_named, NetraError())
            else:
                await problem_response(NetraError(), request_id)(scope, receive, send_named)
        finally:
            structlog.contextvars.clear_contextvars()


async def _answer(request: Request, error: Exception) -> JSONResponse:
    """The handler of every error that has a class of ours, or can be given one."""
    match error:
        case NetraError():
            if isinstance(error, Unavailable):
                logger.warning("request_refused", code=error.code)
            elif error.status >= 500:
                logger.error("request_failed", code=error.code, exc_info=error)
            return problem_response(error, request_id_of(request))
        case RequestValidationError():
            return problem_response(_invalid(error.errors()), request_id_of(request))
        case HTTPException(status_code=status):
            kind = BY_STATUS.get(status, MalformedRequest if status < 500 else NetraError)
            response = problem_response(kind(), request_id_of(request), status=status)
            response.headers.update(error.headers or {})
            if status == MethodNotAllowed.status:
                response.headers["Allow"] = ", ".join(_methods(request))
            return response
        case _:
            raise error


def _methods(request: Request) -> list[str]:
    """What this address does know. Starlette names the methods of the first route that fits, and there is one for each."""
    path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    described = request.app.openapi()["paths"]
    known = {
        method.upper() for template in described if compile_path(template)[0].match(path) for method in described[template]
    }
    return sorted(known)


def _invalid(found: Sequence[Mapping[str, Any]]) -> InvalidInput:
    errors = [{"field": _field(item["loc"], item["type"]), "message": _message(item)} for item in found[:MOST_ERRORS]]
    names = ", ".join(dict.fromkeys(item["field"] for item in errors))
    return InvalidInput(f"The request is not well formed: {names}.", errors=errors)


def _message(item: Mapping[str, Any]) -> str:
    if item["type"] == "json_invalid":
        return f"This is not JSON: {item['ctx']['error']}, at character {item['loc'][-1]}."
    return str(item["msg"])


def _field(location: Iterable[str | int], kind: str) -> str:
    """Name a field as its sender knows it: `email`, `mapping.model`, `rows.3.tokens`; `body` when all of it is wrong."""
    source, *rest = location
    # The position of the first wrong character is no field.
    path = [] if kind == "json_invalid" else rest
    return ".".join(str(part) for part in path)[:LONGEST_FIELD] or str(source)


def _title(kind: type[NetraError]) -> str:
    """The first sentence or two of the class's docstring."""
    return " ".join((inspect.getdoc(kind) or "").split("\n\n")[0].split())


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            given: str = value.decode("latin-1")
            if REQUEST_ID.fullmatch(given):
                return given
    return str(new_uuid())


def _describe_problems(described: dict[str, Any]) -> None:
    """Replace FastAPI's own words about invalid input by ours, and say that anything may end in a problem."""
    schemas = described.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = SCHEMA
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for operations in described.get("paths", {}).values():
        for operation in operations.values():
            responses = operation["responses"]
            if "HTTPValidationError" in str(responses.get("422", "")):
                responses.update({str(status): text for status, text in problem_responses(InvalidInput).items()})
            responses.setdefault("default", {"description": "Any other problem.", "content": REFERENCE})
