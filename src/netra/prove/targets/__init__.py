"""How a server is spoken to: the few things that any server of agents can do, under one name each.

A target says which of them its server can do (`abilities`); the workload asks only for those, and a checker judges only what
was seen. Whatever a server answers ends in one of three ways, because nobody may guess: a value (it said yes), `Refused` (it
said no, and nothing happened) or `Lost` (nobody can know).
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, Protocol


class Ability(Enum):
    """What a server may be able to do."""

    LOG = "log"
    """The server keeps what happened in a thread, and shows it again."""
    RESUME = "resume"
    """Events carry a cursor, and a reader goes on from it."""
    CURSORS = "cursors"
    """A reader may go on wherever it says, and in more ways than one."""
    EPOCHS = "epochs"
    """A cursor says of which history it is, by a number, and who comes with one of another history is told."""
    CANCEL = "cancel"
    ANSWER = "answer"
    """A run waits for its user."""
    KEYS = "keys"
    """The same idempotency key gives the same run."""
    TOOLS = "tools"
    DATASETS = "datasets"
    SECRETS = "secrets"
    PLANS = "plans"
    SESSIONS = "sessions"
    """Tokens are refreshed, end and can be revoked."""
    ISOLATION = "isolation"
    """Users sign in; without it everybody is one user, and only what they do not share is judged."""
    SOCKETS = "sockets"
    """Events come over a WebSocket."""
    DESCRIBED = "described"
    """Its routes are described (OpenAPI), and what is not the caller's is answered as what there is not: with 404."""
    PROCESSES = "processes"
    """Its processes are in our hands, to be stopped and measured. No target declares it: it comes with `--self`."""
    UPGRADE = "upgrade"
    """An older build serves, and a newer one is there to take its place. It comes with `--older`."""


NOT_OF_ITSELF: Final = frozenset({Ability.PROCESSES, Ability.UPGRADE})
"""What no server can do itself: it depends on whose hands its processes are in."""


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """One event of a run, as somebody received it."""

    thread: str
    epoch: Any
    seq: int
    type: str
    run: str
    text: str
    """All of it, as it came."""
    call: str = ""
    """The call of a tool that it tells of."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """What a checker needs besides: the plan of a `plan_changed`, the question of an `input_required`."""

    @property
    def digest(self) -> str:
        """The same for the same content, however it came."""
        try:
            content = json.dumps(json.loads(self.text), sort_keys=True)
        except ValueError:
            content = self.text
        return hashlib.blake2b(content.encode(), digest_size=6).hexdigest()


@dataclass(frozen=True, slots=True)
class Log:
    """A thread, read whole."""

    thread: str
    epoch: Any
    events: tuple[ReceivedEvent, ...]


@dataclass(frozen=True, slots=True)
class Work:
    """What a run is to do: `steps` of `delay_ms` each, saying `text`; some ask their user, some fail."""

    text: str
    steps: int
    delay_ms: int
    ask: bool = False
    fail: bool = False


@dataclass(frozen=True, slots=True)
class Door:
    """A request, right or wrong."""

    method: str
    path: str
    more: Mapping[str, Any] = field(default_factory=dict)
    """What is sent with it: `json`, `content`, `data`, `files`, `headers`."""
    expected: Sequence[int] | None = None
    """Statuses that are right answers to it; None: nothing says which."""


class Reader(Protocol):
    """One open connection on which a user receives events."""

    @property
    def cursor(self) -> Any:
        """Where another reader goes on."""

    async def next(self, within: float) -> ReceivedEvent | None:
        """The next event; None after so many seconds without one. Raises `Lost` when the connection is gone."""

    def drop(self) -> None:
        """Break the connection off without a word, as a closed laptop lid does."""

    def pause(self) -> None:
        """Stop to read, until `proceed`."""

    def proceed(self) -> None: ...


class OpenWire(Protocol):
    """A WebSocket of which every byte is in our hands."""

    status: int
    """What the server answered: 101, or why not."""
    received: int
    """Bytes of all frames that were read."""

    def send(self, data: bytes) -> None:
        """Bytes as they are, with no frame around them."""

    async def closed(self, within: float) -> int | None:
        """The code that the server closes with (1006: none); None while it does not, for so many seconds."""

    def end(self) -> None: ...


class Person(Protocol):
    """A user of the server, with an account of their own."""

    number: int
    mark: str
    user_id: str
    token: str
    email: str

    @property
    def url(self) -> str:
        """The server that this user speaks to now."""

    def twin(self) -> "Person":
        """The same account, with a session of its own to come."""

    def apart(self) -> AbstractAsyncContextManager["Person"]:
        """The same user over connections of their own: a flood must not make others wait here, where nobody looks."""

    async def new_thread(self, title: str) -> str: ...

    async def start_run(self, thread: str, work: Work, key: str | None) -> str:
        """Returns the id of the run."""

    def read(self, threads: Mapping[str, Any]) -> AbstractAsyncContextManager[Reader]:
        """A connection that follows these threads, each from its cursor (None: from the beginning)."""

    async def log(self, thread: str) -> Log:
        """Everything that a thread holds now."""

    async def cancel(self, run: str) -> None: ...

    async def do(self, name: str, /, **arguments: Any) -> Mapping[str, Any]:
        """Something that only some servers can do, by its name in `abilities`."""

    def doors(self, thread: str, run: str) -> Sequence[Door]:
        """Where a user looks at a thread and a run of theirs; none of these changes anything."""

    def mistakes(self, thread: str) -> Sequence[Door]:
        """What nobody should ask for, or not like this. The thread is the user's own."""

    async def raw(self, method: str, path: str, **more: Any) -> tuple[int, str]:
        """Status and body of any request, whatever they are. `token` replaces the user's own. Raises `Lost`."""

    async def handshake(self, headers: Mapping[str, str], *, token: str | None = None) -> "OpenWire":
        """Ask for a WebSocket byte by byte. Raises `Lost`."""


class Target(Protocol):
    """A server under attack."""

    name: str
    version: str
    users: str
    """How its users come to be, in words."""
    abilities: frozenset[Ability]

    async def sign_up(self, number: int, mark: str) -> Person: ...

    async def close(self) -> None: ...


Heard = Callable[[int, str, str], None]
"""User, where, text: everything that a user receives, byte for byte, goes through one of these."""
