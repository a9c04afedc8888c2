"""Developers' tools: a look into the process that answers. Closed in production, whoever asks.

What they show is the caller's own: their runs, the log lines of their requests and runs. The rest is counts.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal, Protocol

from pydantic import Field

from netra.ids import UserId
from netra.tools.tool import Call, Tool, tool

MOST_RUNS: Final = 50
"""Live runs in one answer."""

MOST_LINES: Final = 100
"""Log lines in one answer."""

LEVELS: Final = ("debug", "info", "warning", "error", "critical")

LIVE_RUNS: Final = """\
SELECT id, thread_id, agent, state, attempt, created_at FROM run
WHERE user_id = %s AND state IN ('queued', 'running', 'waiting') ORDER BY created_at LIMIT %s"""


class Panel(Protocol):
    """What one process knows of itself."""

    def readings(self) -> Mapping[str, Any]:
        """Its instruments by name, with nobody's id."""
        ...

    def lines_of(self, user_id: UserId) -> Sequence[Mapping[str, Any]]:
        """The latest log lines of this user's own requests and runs, oldest first."""
        ...


def development_tools(panel: Panel) -> tuple[Tool, ...]:
    """The developers' tools of a process with this panel."""

    @tool("debug_panel", category="development", permission="developer_tools", atomic=True)
    async def debug_panel(call: Call) -> dict[str, Any]:
        """Show the instruments of the process that answers (event loop, pool, sockets, tools, versions) and your live runs."""
        connection = call.transaction.connection
        rows = await (await connection.execute(LIVE_RUNS, [call.user_id, MOST_RUNS])).fetchall()
        names = ("run_id", "thread_id", "agent", "state", "attempt", "created_at")
        server = connection.info.parameter_status("server_version")
        return {
            "process": {**panel.readings(), "postgresql": server},
            "live_runs": [dict(zip(names, row, strict=True)) for row in rows],
        }

    @tool("system_logs", category="development", permission="developer_tools", atomic=True)
    async def system_logs(
        call: Call,
        level: Annotated[Literal["debug", "info", "warning", "error", "critical"], Field(description="At least.")] = "debug",
        limit: Annotated[int, Field(ge=1, le=MOST_LINES, description="The latest so many.")] = MOST_LINES,
    ) -> dict[str, Any]:
        """Show the latest log lines of your own requests and runs in the process that answers, oldest first."""
        wanted = LEVELS[LEVELS.index(level) :]
        lines = [line for line in panel.lines_of(call.user_id) if line.get("level") in wanted]
        return {"lines": lines[-limit:]}

    return debug_panel, system_logs
