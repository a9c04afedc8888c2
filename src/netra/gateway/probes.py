"""What `/health/ready` asks, as checks for `health.checks` to run and weigh."""

from netra.db.database import Database
from netra.errors import Unavailable
from netra.health.checks import Check, Weight
from netra.health.doctor import examine_reach
from netra.health.loop import LoopLag
from netra.runs.worker import Worker
from netra.streams.streams import Streams
from netra.tools.roster import Member, Roster


class NoWorker(Unavailable):
    """No worker gives signs of life, so runs wait."""

    code = "no_worker"


class LogStopped(Unavailable):
    """The log's writer has stopped."""

    code = "log_stopped"


class ModelUnreachable(Unavailable):
    """Nothing answers at the model's URL."""

    code = "model_unreachable"


class ToolsUnknown(Unavailable):
    """A connected server does not say which tools it has."""

    code = "tools_unknown"


def probes(
    database: Database,
    streams: Streams,
    worker: Worker | None,
    lag: LoopLag,
    *,
    lease: float,
    late: float,
    model_url: str | None,
    roster: Roster,
) -> list[Check]:
    """Every check of this process.

    `lease`: seconds after which a silent worker counts as dead; `late`: seconds of event-loop lag that are too much.
    """

    async def database_answers() -> None:
        async with database.system().transaction() as connection:
            await connection.execute("SELECT 1")

    async def log_is_written() -> None:
        if not streams.writer.running:
            raise LogStopped

    async def worker_is_alive() -> None:
        if not (worker.alive if worker is not None else await _any_worker(database, lease)):
            raise NoWorker

    async def model_answers() -> None:
        assert model_url is not None
        if not (await examine_reach("model", model_url)).ok:
            raise ModelUnreachable

    checks = [
        Check("database", Weight.CRITICAL, database_answers),
        Check("log", Weight.CRITICAL, log_is_written),
        # A gateway without a worker accepts runs, which wait; a server that is meant to execute them itself is broken.
        Check("worker", Weight.CRITICAL if worker is not None else Weight.IMPORTANT, worker_is_alive),
        Check("event_loop", Weight.IMPORTANT, lambda: lag.require(late)),
    ]
    if model_url is not None:
        checks.append(Check("model", Weight.OPTIONAL, model_answers))
    return [*checks, *(_of_server(member) for member in roster.members.values())]


def _of_server(member: Member) -> Check:
    """Whether a connected server could be asked for its tools the last time; it is not asked once more."""

    async def tools_are_known() -> None:
        # Not the server's own words: everybody may ask this.
        if member.failure is not None or not member.asked.is_set():
            raise ToolsUnknown

    return Check(f"mcp:{member.name}", Weight.OPTIONAL, tools_are_known)


async def _any_worker(database: Database, lease: float) -> bool:
    """Whether some worker of this database has shown itself within the lease."""
    async with database.system().transaction() as connection:
        cursor = await connection.execute(
            "SELECT EXISTS (SELECT FROM procrastinate_workers WHERE last_heartbeat > now() - make_interval(secs => %s))",
            [lease],
        )
        return await cursor.fetchone() == (True,)
