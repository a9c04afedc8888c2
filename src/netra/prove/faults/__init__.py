"""What goes wrong meanwhile, one function a fault. `load` gives them all, by name.

A fault that never bit proves nothing, so each counts what it did to whom, and a proof in which one of them bit nobody is
inconclusive.
"""

import asyncio
import importlib
import pkgutil
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from netra.prove.answers import Lost, NotSupported, Refused
from netra.prove.history import History
from netra.prove.servers import Servers
from netra.prove.targets import Ability, Target
from netra.prove.workload import User


@dataclass
class World:
    """What a fault finds: the server, who is at work on it, and, on a machine of our own, its processes."""

    target: Target
    users: Sequence[User]
    history: History
    source: random.Random
    servers: Servers | None = None
    return_within: float = 20.0
    """Seconds that a fault of readers waits for readers."""

    async def readers(self, share: float) -> list[User]:
        """Users who are reading now: a share of all of them, drawn, once that many are. Fewer when they do not come back."""
        wanted = max(1, round(len(self.users) * share))
        until = self.history.age + self.return_within
        while True:
            reading = [user for user in self.users if user.follower.reader is not None]
            if len(reading) >= wanted or self.history.age > until:
                return self.source.sample(reading, min(wanted, len(reading)))
            await asyncio.sleep(0.1)


@dataclass
class Bites:
    """What one injection has done."""

    bites: int = 0
    victims: set[int] = field(default_factory=set)
    """Users who were to suffer; the others are its neighbours. Empty: everybody was."""

    def bite(self, user: int = -1) -> None:
        self.bites += 1
        if user >= 0:
            self.victims.add(user)


Inject = Callable[[World, Bites], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class InjectedFault:
    """Something that goes wrong."""

    name: str
    covers: tuple[str, ...]
    """Its numbers in the list of faults: F1, F2, …"""
    words: str
    inject: Inject
    ours: bool
    """It needs processes of our own: no URL is enough."""
    stops: bool
    """The server cannot serve meanwhile, and has to recover."""
    alone: bool
    """It is about those beside it, so nothing else goes wrong meanwhile."""
    abilities: frozenset[Ability]
    """What the server has to be able to do for it to make sense."""


FAULTS: Final[dict[str, InjectedFault]] = {}


def fault(
    *covers: str, ours: bool = False, stops: bool = False, alone: bool = False, needs: Sequence[Ability] = ()
) -> Callable[[Inject], Inject]:
    """Make a fault of a function; its name is the fault's, its docstring says what happens."""

    def register(inject: Inject) -> Inject:
        name = inject.__name__.replace("_", "-")
        words = " ".join((inject.__doc__ or "").split())
        FAULTS[name] = InjectedFault(name, covers, words, inject, ours, stops, alone, frozenset(needs))
        return inject

    return register


def load() -> Mapping[str, InjectedFault]:
    """Every fault by its name."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return dict(sorted(FAULTS.items()))


class Injection:
    """A fault that is carried out once."""

    def __init__(self, fault: InjectedFault, world: World) -> None:
        self.fault = fault
        self.tally = Bites()
        self._world = world

    async def run(self) -> None:
        """Inject, and record when it began and ended and how often it bit."""
        history = self._world.history
        began = history.see("fault", self.fault.name, began=True)
        try:
            await self.fault.inject(self._world, self.tally)
        except (Lost, Refused) as error:
            # Something else has gone wrong in the same moment. What it did until then counts.
            history.see("said", f"{self.fault.name} broke off", why=str(error)[:200])
        except NotSupported as error:
            history.see("said", "doubt", why=f"{self.fault.name} cannot be injected here: {error}")
        finally:
            victims = self.tally.victims
            neighbours = [user.number for user in self._world.users if user.number not in victims] if victims else []
            history.see(
                "fault",
                self.fault.name,
                ended=True,
                began_at=began.at,
                bites=self.tally.bites,
                stops=self.fault.stops,
                neighbours=neighbours,
            )
