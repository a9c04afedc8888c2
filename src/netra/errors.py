"""The one tree of errors.

Every error that Netra raises on purpose is a `NetraError`. The docstring of the class is its message, so a class that has
nothing to explain does not exist; `code` is the stable name that clients switch on and `status` the HTTP status that the
gateway answers with. Nothing here ever carries SQL, file paths, tokens or somebody else's ids.
"""

import inspect
from typing import Any, ClassVar


class NetraError(Exception):
    """Netra could not do what was asked."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500

    def __init__(self, detail: str = "", **extra: Any) -> None:
        super().__init__(detail or inspect.getdoc(type(self)))
        self.extra = extra
        """Members added to the problem document, for example `retry_after` in seconds or `field`."""

    @property
    def detail(self) -> str:
        return str(self)


class InvalidInput(NetraError):
    """The request is not well formed."""

    code, status = "invalid_input", 422


class NotFound(NetraError):
    """There is nothing here under that id."""

    # Somebody else's id answers exactly as an unknown one does, so this message names neither.
    code, status = "not_found", 404


class Conflict(NetraError):
    """The request does not fit the present state."""

    code, status = "conflict", 409


class Unauthenticated(NetraError):
    """Sign in first: the request carries no valid proof of identity."""

    code, status = "unauthenticated", 401


class Forbidden(NetraError):
    """You are signed in, but this is not allowed to you."""

    code, status = "forbidden", 403


class TooManyRequests(NetraError):
    """Too many requests; wait a little and try again."""

    code, status = "too_many_requests", 429

    def __init__(self, detail: str = "", *, retry_after: float = 1.0, **extra: Any) -> None:
        super().__init__(detail, **extra)
        self.retry_after = retry_after
        """Seconds after which the same request may succeed."""


class Unavailable(NetraError):
    """Netra cannot reach something it needs; try again shortly."""

    code, status = "unavailable", 503

    def __init__(self, detail: str = "", *, retry_after: float = 1.0, **extra: Any) -> None:
        super().__init__(detail, **extra)
        self.retry_after = retry_after
        """Seconds after which the same request may succeed."""
