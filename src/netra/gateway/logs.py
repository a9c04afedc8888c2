"""Logs: one line an event, for people or for machines, with the request, user and connection that it belongs to.

Lines of the standard library's loggers (uvicorn, procrastinate, half of Netra) go through the same formatter, so that there
is one form. Access lines are left out: a path may hold a ticket, and metrics count better than lines do.
"""

import logging
import logging.config
import sys
from collections import OrderedDict, deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, Literal

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

from netra.ids import UserId
from netra.vault.lines import scrubbers

QUIET: Final = ("uvicorn.access", "procrastinate", "alembic", "asyncio", "psycopg.pool", "httpx", "httpx2", "authlib")
"""Loggers whose information is noise, and whose warnings are not."""

MUTE: Final = ("mcp", "httpx2")
"""Loggers that quote what other servers say, which may be what a user's secret is. We log what went wrong without it."""

BAD_TEXT: Final = "Invalid UTF-8 sequence received from client."
"""What uvicorn logs with a whole trace for something that any client may send."""


LINES_KEPT: Final = 100
"""Of one user."""

USERS_KEPT: Final = 100
"""Whose lines are kept: those who were heard of last. With the next bound, 20 MB at most."""

LONGEST_FIELD: Final = 1_000
"""Characters of one field of a line that is kept; a trace may have twice as many."""


def _shorten(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Take the trace away from a line about a client's mistake."""
    if event.get("event") == BAD_TEXT:
        event.pop("exc_info", None)
        event["event"] = "a frame was not UTF-8"
    return event


def _scrub(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Mask the secrets of running code in a line, its trace included."""
    # What a request logs holds no run's secrets. Masked all the same, its lines would lose what a user chose to call a secret.
    for scrubber in scrubbers(of_any_run="request_id" not in event):
        for name, value in event.items():
            shown = value if isinstance(value, str) else repr(value)
            if (masked := scrubber.text(shown)) != shown:
                event[name] = masked
    return event


def configure_logs(level: str, form: Literal["console", "json"]) -> None:
    """Set up logging for this process, once, before anything is logged. Lines go to standard error."""
    shared = _shared()
    render: Processor = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
    )
    # A trace becomes text before the line does: what an error says of itself may be what must not be read.
    last: list[Processor] = [structlog.processors.format_exc_info, _scrub, render]
    logging.config.dictConfig(_standard(level, shared, last))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _shared() -> list[Processor]:
    """What every line goes through, whoever logs it."""
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        _shorten,
    ]


class RecentLines:
    """The latest lines of each user's own requests and runs in this process, for that user: a developer's tail of the log.

    Whose a line is says the context that it was logged in, which a request or a run has bound to who is asking. A line
    without one, or one that names somebody else as well, is nobody's and is not kept. Not for production.
    """

    def __init__(self) -> None:
        self._lines: OrderedDict[str, deque[dict[str, Any]]] = OrderedDict()

    def of(self, user_id: UserId) -> Sequence[Mapping[str, Any]]:
        """This user's lines, oldest first."""
        return list(self._lines.get(str(user_id), ()))

    @contextmanager
    def listening(self) -> Iterator["RecentLines"]:
        """Keep what is logged while the block lasts, as far as the level lets it through."""
        handler = _Unwritten()
        handler.setFormatter(
            structlog.stdlib.ProcessorFormatter(
                foreign_pre_chain=[structlog.stdlib.ExtraAdder(allow=set()), *_shared()],
                processors=[
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.format_exc_info,
                    _scrub,
                    self._keep,
                ],
            )
        )
        root = logging.getLogger()
        root.addHandler(handler)
        try:
            yield self
        finally:
            root.removeHandler(handler)

    def _keep(self, _: WrappedLogger, __: str, event: EventDict) -> str:
        owner = structlog.contextvars.get_contextvars().get("user_id")
        if isinstance(owner, str) and event.get("user_id") == owner:
            lines = self._lines.setdefault(owner, deque(maxlen=LINES_KEPT))
            self._lines.move_to_end(owner)
            lines.append({name: _bounded(name, value) for name, value in event.items()})
            while len(self._lines) > USERS_KEPT:
                self._lines.popitem(last=False)
        return ""


class _Unwritten(logging.Handler):
    """A handler that formats a line for what happens to it on the way, and writes it nowhere."""

    def emit(self, record: logging.LogRecord) -> None:
        self.format(record)


def _bounded(name: str, value: Any) -> Any:
    """A field of a line, no larger than may be kept."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if name == "exception":
        return str(value)[-2 * LONGEST_FIELD :]  # the end of a trace says what happened
    return str(value)[:LONGEST_FIELD]


def _standard(level: str, shared: list[Processor], last: list[Processor]) -> dict[str, Any]:
    """The configuration of the standard library's loggers."""
    debugging = level == "debug"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "netra": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": [structlog.stdlib.ExtraAdder(allow=set()), *shared],
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "netra"}},
        "root": {"handlers": ["stderr"], "level": level.upper()},
        "loggers": {
            # uvicorn tells of its own start and of each socket's path; we tell of the first better, and of the second not.
            "uvicorn": {"level": level.upper() if debugging else "WARNING", "propagate": True, "handlers": []},
            "uvicorn.error": {"level": "WARNING", "propagate": True, "handlers": []},
            **{name: {"level": "WARNING", "propagate": True, "handlers": []} for name in QUIET},
            **{name: {"level": "CRITICAL", "propagate": True, "handlers": []} for name in MUTE},
        },
    }
