"""What the tests of the gateway share."""

from collections.abc import Iterator

import pytest
import structlog
from structlog.testing import capture_logs
from structlog.types import EventDict

from tests.fixtures.world import ann, ben, world

__all__ = ["ann", "ben", "world"]


@pytest.fixture
def log_lines() -> Iterator[list[EventDict]]:
    """Every line that is logged from here on, with what the request bound to it and its trace as text."""
    with capture_logs(processors=[structlog.contextvars.merge_contextvars, structlog.processors.format_exc_info]) as lines:
        yield lines
