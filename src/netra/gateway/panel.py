"""The instruments of one process, for developers (see `netra.tools.development`).

As with metrics, the parts count in plain numbers of their own and know nothing of a panel; they are read when somebody asks.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from platform import python_version
from typing import Any, Final

from netra.db.database import Database
from netra.gateway.logs import RecentLines
from netra.gateway.presence import Presence
from netra.health.loop import LoopLag
from netra.ids import UserId
from netra.tools.toolbox import Toolbox

VERSIONS: Final = {
    "python": python_version(),
    **{name: version(name) for name in ("netra", "fastapi", "psycopg", "pydantic", "uvicorn")},
}
"""Asked for once: they are read from files, and no request may wait for those."""


class ServerPanel:
    """What a process shows of itself. Without anything to read, it is the panel of a command that serves nobody."""

    def __init__(self, lines: RecentLines | None = None) -> None:
        self._lines = lines
        self._instruments: dict[str, Callable[[], Any]] = {"versions": lambda: VERSIONS}

    def process(self, lag: LoopLag, database: Database, uptime: Callable[[], float]) -> None:
        self._instruments["uptime_s"] = lambda: round(uptime(), 3)
        self._instruments["event_loop_lag_ms"] = lambda: {
            "p50": round(lag.quantile(0.50) * 1000, 3),
            "p99": round(lag.quantile(0.99) * 1000, 3),
        }
        self._instruments["waiting_for_the_database"] = database.waiting

    def presence(self, presence: Presence) -> None:
        self._instruments["open_sockets"] = lambda: presence.sockets
        self._instruments["users_connected"] = lambda: presence.users

    def tools(self, toolbox: Toolbox) -> None:
        def by_tool() -> dict[str, dict[str, int]]:
            counts: dict[str, dict[str, int]] = {}
            for (tool, status), count in sorted(toolbox.calls.items()):
                counts.setdefault(tool, {})[status] = count
            return counts

        self._instruments["tool_calls"] = by_tool

    def readings(self) -> Mapping[str, Any]:
        return {name: read() for name, read in self._instruments.items()}

    def lines_of(self, user_id: UserId) -> Sequence[Mapping[str, Any]]:
        return () if self._lines is None else self._lines.of(user_id)
