"""Which tools the connected servers have at present, kept in the toolbox for as long as this process serves.

A server that is down stops nothing: it is asked again, less and less often, and its tools come when it does. One that went
down keeps its tools, whose calls then say that it cannot be reached; a list that changed replaces the one before it whole.
"""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from netra.clock import Clock
from netra.errors import NetraError
from netra.ids import UserId
from netra.streams.background import beside
from netra.tools.servers import SEPARATOR, ConnectedServer, SecretsOf
from netra.tools.tool import Call, InvalidTool, Reader, Tool
from netra.tools.toolbox import Toolbox

if TYPE_CHECKING:
    from netra.tools.remote import Offer, OfferedTool

logger = logging.getLogger(__name__)

START_LIMIT: Final = 5.0
"""Seconds that a start waits for servers to say which tools they have. A run that goes on at once finds its tools then."""

FIRST_PAUSE: Final = 1.0
"""Seconds before a server that failed is asked again, the first time. Each time after that it is twice as long."""

LONGEST_PAUSE: Final = 60.0

REFRESH: Final = 300.0
"""Seconds after which a server that announces nothing is asked again for its tools."""

AT_ONCE: Final = 16
"""Calls of one server at once in this process; each may be a program of its own. Others wait, within their time limit."""

LONGEST_NAME: Final = 64
"""Characters of a tool's name, of which models take no more."""

LONGEST_DESCRIPTION: Final = 4000


async def no_secrets(_: UserId) -> Mapping[str, str]:
    """Nobody has any."""
    return {}


@dataclass(slots=True)
class Member:
    """One server on the roster: what it offers, what of that cannot be taken, and what is wrong."""

    name: str
    server: ConnectedServer
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once it has answered, or failed to."""
    failure: NetraError | None = None
    said: str = ""
    """What it calls itself."""
    tools: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    """Why tools of it are not taken, a sentence each."""
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    def note(self, offer: "Offer", tools: Sequence[Tool], left_out: tuple[str, ...]) -> None:
        """It has answered."""
        if self.failure is not None or self.left_out != left_out or not self.asked.is_set():
            logger.info("%s offers %d tools; %d are left out", self.name, len(tools), len(left_out))
        self.failure, self.said = None, offer.server
        self.tools, self.left_out = tuple(tool.name for tool in tools), left_out
        self.asked.set()

    def note_failure(self, error: NetraError) -> None:
        """It has not, or not so that it can be used."""
        if self.failure is None or self.failure.code != error.code:
            logger.warning("the tools of %s cannot be had: %s", self.name, error.code)
        self.failure = error
        self.asked.set()


class Roster:
    """The connected servers of one process, and how each stands."""

    def __init__(self, servers: Mapping[str, ConnectedServer], clock: Clock, secrets_of: SecretsOf = no_secrets) -> None:
        self._clock = clock
        self._secrets_of = secrets_of
        self.members = {name: Member(name, server) for name, server in servers.items()}

    @asynccontextmanager
    async def kept(self, toolbox: Toolbox) -> AsyncIterator[None]:
        """Keep `toolbox` up to date for the length of the block, which begins when every server was asked, or soon."""
        if not self.members:
            yield
            return
        speech = await asyncio.to_thread(_load)
        work = {f"tools of {name}": self._follow(member, toolbox, speech) for name, member in self.members.items()}
        async with beside(**work):
            with suppress(TimeoutError):
                async with asyncio.timeout(START_LIMIT):
                    for member in self.members.values():
                        await member.asked.wait()
            yield

    async def ask(self) -> list[Member]:
        """Ask every server once, at the same time, and say how each stands."""
        speech = await asyncio.to_thread(_load)

        async def ask_one(member: Member) -> None:
            try:
                offer = await speech.look(member.server)
                member.note(offer, *self._tools(member, offer, speech))
            except NetraError as error:
                member.note_failure(error)

        async with asyncio.TaskGroup() as tasks:
            for member in self.members.values():
                tasks.create_task(ask_one(member))
        return list(self.members.values())

    async def _follow(self, member: Member, toolbox: Toolbox, speech: "Speech") -> None:
        pause = FIRST_PAUSE

        def take(offer: "Offer") -> None:
            nonlocal pause
            tools, left_out = self._tools(member, offer, speech)
            toolbox.replace_external(member.name, tools)
            member.note(offer, tools, left_out)
            pause = FIRST_PAUSE

        while True:
            wait = REFRESH
            try:
                await speech.follow(member.server, take, REFRESH)
            except NetraError as error:
                member.note_failure(error)
                wait, pause = pause, min(2 * pause, LONGEST_PAUSE)
            await self._clock.sleep(wait)

    def _tools(self, member: Member, offer: "Offer", speech: "Speech") -> tuple[list[Tool], tuple[str, ...]]:
        """The tools of an offer that can be taken, and why the others cannot."""
        tools: dict[str, Tool] = {}
        left_out: list[str] = []
        wanted = member.server.tools
        for offered in offer.tools:
            if wanted is not None and offered.name not in wanted:
                continue
            try:
                tool = self._tool(member, offered, offer, speech)
                if tool.name in tools:
                    raise InvalidTool(f"two tools would be called {tool.name}.")
                tools[tool.name] = tool
            except InvalidTool as error:
                left_out.append(error.detail)
        offers = {offered.name for offered in offer.tools}
        left_out += [f"it has no tool {missing}." for missing in wanted or () if missing not in offers]
        return list(tools.values()), tuple(left_out)

    def _tool(self, member: Member, offered: "OfferedTool", offer: "Offer", speech: "Speech") -> Tool:
        name = member.name + SEPARATOR + re.sub(r"[^A-Za-z0-9_-]", "_", offered.name)
        if len(name) > LONGEST_NAME:
            raise InvalidTool(f"the name {name[:100]} has more than {LONGEST_NAME} characters.")
        server = member.server
        needed = server.named_secrets()

        # `call` by its position only: an argument of the tool may have that name.
        async def work(call: Call, /, **arguments: Any) -> Any:
            secrets = await self._secrets_of(call.user_id) if needed else {}
            texts = server.filled(secrets)
            async with member.slots:
                return await speech.call(
                    server, offer.known, offered.name, arguments, texts, [secrets[secret] for secret in needed]
                )

        return Tool(
            name=name,
            description=_described(offered.description) or f"{offered.name}, a tool of {member.name}.",
            category="external",
            permission=server.permission,
            schema=offered.schema,
            read=speech.reader_of(name, offered.schema),
            work=work,
            atomic=False,
            time_limit=server.time_limit,
        )


def _described(text: str) -> str:
    """A description as it can be stored and shown everywhere."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()[:LONGEST_DESCRIPTION]


@dataclass(frozen=True, slots=True)
class Speech:
    """What it takes to speak MCP. It takes long to load, so those load it who have servers to speak to."""

    look: Callable[[ConnectedServer], Awaitable["Offer"]]
    follow: Callable[[ConnectedServer, Callable[["Offer"], None], float], Awaitable[None]]
    call: Callable[..., Awaitable[Any]]
    reader_of: Callable[[str, Mapping[str, Any]], Reader]


def _load() -> Speech:
    from netra.tools.remote import call, follow, look
    from netra.tools.schema import reader_of

    return Speech(look, follow, call, reader_of)
