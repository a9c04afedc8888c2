"""The two ways in which a server does not say yes, and what cannot be asked of it at all."""


class Refused(Exception):
    """The server said no."""

    def __init__(self, status: int, body: str = "", *, limited: bool = False) -> None:
        super().__init__(f"{status} {body[:200]}")
        self.status = status
        self.body = body
        self.limited = limited
        """For now only: a quota, a rate, a queue that is full."""


class Lost(Exception):
    """The answer never came, or only half of it."""


class NotSupported(Exception):
    """The server cannot be attacked like this; the message says what it lacks."""
