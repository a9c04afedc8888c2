"""Which kinds of servers can be attacked, by the names that a command knows them by."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from netra.prove.answers import NotSupported
from netra.prove.targets import Heard, Target
from netra.prove.targets.ag_ui import AgUiTarget
from netra.prove.targets.agno import AgnoTarget
from netra.prove.targets.langgraph import LangGraphTarget
from netra.prove.targets.netra import NetraTarget

NETRA: Final = "netra"
KINDS: Final = (NETRA, "ag-ui", "agno", "langgraph")


@dataclass(frozen=True, slots=True)
class Address:
    """A server, and what has to be known to speak to it."""

    urls: Sequence[str]
    kind: str = NETRA
    agent: str = "demo"
    """The agent, graph or assistant that runs are asked of."""
    key: str = ""
    """What tokens of users are signed with, where a server has no sign-up; "": nobody signs in."""

    @property
    def url(self) -> str:
        """The only one. Raises `NotSupported`."""
        if len(self.urls) != 1:
            raise NotSupported(f"a server of {self.kind} has one URL")
        return self.urls[0].rstrip("/")

    async def open(self, heard: Heard, source: random.Random) -> Target:
        """Raises `NotSupported` when nobody there speaks like this."""
        match self.kind:
            case "netra":
                return await NetraTarget.open(self.urls, heard, source, agent=self.agent)
            case "ag-ui":
                return await AgUiTarget.open(self.url, heard, source, key=self.key)
            case "agno":
                return await AgnoTarget.open(self.url, heard, source, agent=self.agent, key=self.key)
            case "langgraph":
                return await LangGraphTarget.open(self.url, heard, source, graph=self.agent, key=self.key)
        raise NotSupported(f"there is no target {self.kind!r}; there are {', '.join(KINDS)}")
