"""Logs: one line an event, for people or for machines, with the request, user and connection that it belongs to.

Lines of the standard library's loggers (uvicorn, procrastinate, half of Netra) go through the same formatter, so that there
is one form. Access lines are left out: a path may hold a ticket, and metrics count better than lines do.
"""

import logging
import logging.config
import sys
from typing import Any, Final, Literal

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

from netra.vault.lines import scrubbers

QUIET: Final = ("uvicorn.access", "procrastinate", "alembic", "asyncio", "psycopg.pool", "httpx", "httpx2", "authlib")
"""Loggers whose information is noise, and whose warnings are not."""

MUTE: Final = ("mcp", "httpx2")
"""Loggers that quote what other servers say, which may be what a user's secret is. We log what went wrong without it."""

BAD_TEXT: Final = "Invalid UTF-8 sequence received from client."
"""What uvicorn logs with a whole trace for something that any client may send."""


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
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        _shorten,
    ]
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
