"""What one gateway process is put together from, as its endpoints see it. `gateway.app` opens and closes it."""

from dataclasses import dataclass, field

from netra.agents.definition import Agents
from netra.agents.export.pdf import Press
from netra.auth.sign_in import SignIn
from netra.clock import Clock
from netra.datasets.artifacts import Artifacts
from netra.datasets.store import Datasets
from netra.db.database import Database
from netra.gateway.connection import Bounds
from netra.gateway.metering import Meter
from netra.gateway.presence import Presence
from netra.gateway.trespass import Trespass
from netra.gateway.turns import Turns
from netra.health.checks import Checkup
from netra.runs.runs import Runs
from netra.streams.streams import Streams
from netra.tools.changes import PlanChanges
from netra.tools.toolbox import Toolbox
from netra.vault.vault import Vault


@dataclass(frozen=True, slots=True)
class SocketLimits:
    """What a client of `/ws` needs to know: seconds, bytes, counts."""

    heartbeat_interval: float = 25.0
    pong_timeout: float = 8.0
    max_message_size: int = 65_536
    max_connections: int = 20
    messages_per_second: float = 20.0
    messages_burst: int = 60
    authenticate_timeout: float = 10.0
    bounds: Bounds = field(default_factory=Bounds)


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that the endpoints of one process share. None of it holds anything of one user."""

    database: Database
    streams: Streams
    clock: Clock
    sign_in: SignIn
    presence: Presence
    runs: Runs
    agents: Agents
    datasets: Datasets
    toolbox: Toolbox
    changes: PlanChanges
    vault: Vault
    artifacts: Artifacts
    press: Press
    trespass: Trespass
    checkup: Checkup
    meter: Meter
    doors: Turns
    """To be asked who one is."""
    turns: Turns
    """To be answered."""
    limits: SocketLimits
    allowed_origins: frozenset[str]
    started: float
    """When this process opened, on `clock.monotonic`."""
