"""The language model of a server, as its operator has chosen it.

Nothing here imports an optional package: a server without a model has none of this to load. Who answers, and in which dialect,
is behind `Connect`; see `netra.models.connection` for the real thing.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from netra.clock import Clock, SystemClock
from netra.errors import NetraError
from netra.models.calls import CallTally

if TYPE_CHECKING:
    from pydantic_ai.models import Model

    Connect = Callable[[str | None], AbstractAsyncContextManager[Model]]
    """From a key to a model that is asked with it, for the length of a block. Nothing outlives the block: no connection, no
    cookie of one user meets another."""


class ModelUnusable(NetraError):
    """The language model of the settings cannot be used by this installation."""

    code = "model_unusable"


@dataclass(frozen=True, slots=True)
class ModelKey:
    """What a provider is asked with, and whose it is."""

    value: str | None = field(repr=False)
    """None: the server of the model asks for none."""
    own: bool
    """The user's own, and not the operator's."""


@dataclass(frozen=True, slots=True)
class LanguageModel:
    """A model, how it is reached and how long anybody waits for it. Nothing in it is one user's."""

    name: str
    """`provider:name`"""
    connect: "Connect" = field(repr=False)
    key: str | None = field(default=None, repr=False)
    """The operator's."""
    user_key: str = "MODEL_KEY"
    """The secret of a user that is their own key."""
    time_limit: float = 60.0
    """Seconds that one answer may take, its repetitions and the waits between them included."""
    repetitions: int = 2
    """How often a request is sent again that found nobody, or nobody who had time."""
    says_its_end: bool = True
    """Whether an answer that is streamed and gives no reason for its end was cut off: so it is in OpenAI's language."""
    tally: CallTally = field(default_factory=CallTally)
    clock: Clock = field(default_factory=SystemClock)

    def key_for(self, secrets: Mapping[str, str]) -> ModelKey:
        """The key for a run whose user has these secrets: their own, else the operator's."""
        if own := secrets.get(self.user_key):
            return ModelKey(own, own=True)
        return ModelKey(self.key, own=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no run may show, besides its user's own secrets."""
        return () if self.key is None else (self.key,)
