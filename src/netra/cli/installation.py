"""What an operator's command works on: the installation that the settings name, opened for as long as the command runs.

Without a database URL that is the embedded database, started for the purpose unless a server runs on it already. Commands
and servers find each other through it: what a command changes is hinted at to every running server.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from netra.auth.passwords import Passwords
from netra.auth.sign_in import SignIn
from netra.clock import SystemClock
from netra.datasets.store import Datasets
from netra.db.database import Database
from netra.env import get_env
from netra.errors import NetraError
from netra.gateway import provision
from netra.gateway.app import resolve_database_url
from netra.gateway.tooling import equip
from netra.ids import SessionId, UserId
from netra.settings import Settings, load
from netra.streams.streams import Streams
from netra.tools.changes import PlanChanges
from netra.tools.toolbox import Toolbox
from netra.tools.workloads import workload_tools

Result = TypeVar("Result")

DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        "--database-url", metavar="URL", help="The database, instead of NETRA_DATABASE_URL. Without either: the embedded one."
    ),
]
DataDir = Annotated[
    Path | None, typer.Option("--data-dir", metavar="FOLDER", help="Where the embedded database is, instead of NETRA_DATA_DIR.")
]


@dataclass(frozen=True, slots=True)
class Installation:
    """What a command may use of an installation."""

    settings: Settings
    database: Database
    sign_in: SignIn
    changes: PlanChanges
    toolbox: Toolbox
    """The tools that come with Netra, to know of; a command calls none."""
    datasets: Datasets


def operate(work: Callable[[Installation], Awaitable[Result]], database_url: str | None, data_dir: Path | None) -> Result:
    """Open the installation, run `work` on it, and return its result.

    What Netra refuses ends the command with status 1 and one message; a traceback is for mistakes of ours.
    """
    with refusals_in_words():
        settings = load(get_env(), {"database_url": database_url, "data_dir": data_dir})
        return asyncio.run(_run(work, settings, resolve_database_url(settings)))


@contextmanager
def refusals_in_words() -> Iterator[None]:
    """End the command with status 1 and one message when Netra refuses something."""
    try:
        yield
    except NetraError as error:
        typer.secho(error.detail, err=True, fg=typer.colors.RED)
        raise typer.Exit(1) from error


async def _run(work: Callable[[Installation], Awaitable[Result]], settings: Settings, url: str | None) -> Result:
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(provision.provisioned(url, settings.data_dir, migrates=settings.migrate_on_start))
        return await work(await stack.enter_async_context(_opened(settings, url)))


@asynccontextmanager
async def _opened(settings: Settings, url: str) -> AsyncIterator[Installation]:
    clock = SystemClock()
    async with Database.open(url, pool_size=2) as database, Streams.open(database, clock) as streams:

        async def hint(user_id: UserId, session_id: SessionId | None) -> None:  # noqa: ARG001 - servers read all of the user
            streams.hints.access_changed(user_id)

        async with SignIn.open(
            database,
            issuer=settings.public_url,
            access_lifetime=settings.access_token_lifetime,
            refresh_lifetime=settings.refresh_token_lifetime,
            passwords=Passwords(minimum_length=settings.password_min_length),
            on_access_change=hint,
            clock=clock,
        ) as sign_in:
            uploads = Datasets(database, settings.data_dir / "datasets", settings.max_dataset_bytes, clock=clock)
            more = workload_tools(uploads, clock)
            tooling = equip(streams, clock, [], production=settings.environment == "production", more=more)
            yield Installation(settings, database, sign_in, tooling.changes, tooling.toolbox, uploads)
