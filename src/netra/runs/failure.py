"""What is told of an error in an agent's code: enough to find it, nothing that it should not carry.

The message of a foreign exception may hold anything: a password in a URL, a row of data. So the user is told its class and an
id, and the server's log has under that id the places in the code, again without the message.
"""

import logging
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from netra.errors import NetraError, TooManyRequests
from netra.ids import RunId, new_uuid
from netra.runs.payload import NotStorable, as_json
from netra.vault.scrub import Scrubber

logger = logging.getLogger(__name__)

LONGEST: Final = 2000
"""Characters of a message."""

LARGEST_EXTRA: Final = 16 * 1024
"""Bytes of what an error says beside its message."""

PLACES: Final = 5
"""Frames of the agent's code that the log names, the innermost last."""

NOTHING: Final = Scrubber()
"""Masks nothing: for errors outside of an agent's code."""


class StepFailed(NetraError):
    """A step of this run failed."""

    code, status = "step_failed", 500

    def __init__(self, tool: str, failure: "Failure") -> None:
        super().__init__(f"{tool} failed: {failure.message}")
        self.tool = tool
        self.failure = failure


@dataclass(frozen=True, slots=True)
class Failure:
    """What the log and the user see of an error."""

    code: str
    message: str
    extra: Mapping[str, Any] = field(default_factory=dict)
    """What the error says beside its message, for programs: a field, the limits that were reached."""

    def as_json(self) -> dict[str, Any]:
        return {**self.extra, "code": self.code, "message": self.message}

    @classmethod
    def from_json(cls, error: Mapping[str, Any]) -> "Failure":
        extra = {name: value for name, value in error.items() if name not in ("code", "message")}
        return cls(error["code"], error["message"], extra)


def explain(error: BaseException, run_id: RunId, scrubber: Scrubber = NOTHING) -> Failure:
    """Say what may be said of `error`, masked by `scrubber`, and leave its whereabouts in the server's log."""
    if isinstance(error, NetraError):
        # Made storable rather than refused: an error that cannot be told would be a run that cannot end. Masked before it is
        # cut, for half a secret is not found.
        detail = scrubber.text(error.detail)[:LONGEST].replace("\0", "�").encode("utf-8", "replace").decode()
        extra = error.extra if not isinstance(error, TooManyRequests) else {**error.extra, "retry_after": error.retry_after}
        return Failure(error.code, detail, scrubber.value(_storable(extra)))
    if isinstance(error, BaseExceptionGroup):
        # A TaskGroup wraps what its children raised; the first child says more than the wrapper.
        return explain(error.exceptions[0], run_id, scrubber)
    name, error_id = scrubber.text(type(error).__name__), new_uuid().hex[-12:]
    logger.error("error %s in run %s: %s at %s", error_id, run_id, name, " > ".join(_places(error)))
    return Failure("agent_error", f"{name}: the agent's code failed. The server's log names the place under {error_id}.")


def _storable(extra: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        return cast(Mapping[str, Any], as_json(extra, "an error", largest=LARGEST_EXTRA))
    except NotStorable:
        return {}


def _places(error: BaseException) -> list[str]:
    frames = list(traceback.walk_tb(error.__traceback__))[-PLACES:]
    return [f"{frame.f_globals.get('__name__', '?')}.{frame.f_code.co_qualname}:{line}" for frame, line in frames]
