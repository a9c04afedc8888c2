"""`netra prove`: attack a running server with real users, and say with a witness whether they can meet."""

import asyncio
import functools
import secrets
import shlex
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from netra.db.embedded import EmbeddedPostgres
from netra.db.migrate import migrate, read_version
from netra.env import for_subprocess
from netra.prove.answers import NotSupported
from netra.prove.command import ALL, Order, judge_again, prove
from netra.prove.proof import SETTLE, unhurried
from netra.prove.servers import NETRA as OWN
from netra.prove.servers import NewerBuild, Servers
from netra.prove.targets.catalogue import KINDS, NETRA

app = typer.Typer(name="prove")

OURS: Final = {
    "NETRA_ENVIRONMENT": "test",
    "NETRA_LOG_LEVEL": "info",
    # Short, so that tokens run out while their users are connected.
    "NETRA_ACCESS_TOKEN_LIFETIME": "60",
    # Short, so that it is seen within a proof when a client that is gone is let go of.
    "NETRA_PING_INTERVAL": "10",
    "NETRA_PONG_TIMEOUT": "5",
    # The least that there may be, so that little has to be said to whoever takes nothing of it.
    "NETRA_MAX_UNSENT_BYTES": "524288",
    "NETRA_HOST_RESOLUTION": "off",
    # All users of a proof come from this machine.
    "NETRA_REGISTRATIONS_PER_ADDRESS": "1000000",
    "NETRA_LOGIN_ATTEMPTS_PER_ADDRESS": "1000000",
}
"""Settings of servers that `--self` starts."""
SUBJECTS: Final = "netra.cli.subjects:app"
"""What they serve: agents and a clock that no other server has. Not imported here, where its signals mean nothing."""


@app.command("prove")
def command(
    context: typer.Context,
    urls: Annotated[
        list[str] | None, typer.Argument(metavar="[URL]...", help="The server; several are siblings of one.")
    ] = None,
    itself: Annotated[bool, typer.Option("--self", help="Start two gateways, two workers and a PostgreSQL here.")] = False,
    target: Annotated[str, typer.Option(help=f"What kind of server it is: {', '.join(KINDS)}.")] = NETRA,
    agent: Annotated[str, typer.Option(help="The agent, graph or assistant that runs are asked of.")] = "demo",
    key_file: Annotated[
        Path | None,
        typer.Option(help="Holds the key that tokens of users are signed with (HS256), where a server has no sign-up."),
    ] = None,
    users: Annotated[int, typer.Option(min=2, help="Users, each with an account of their own.")] = 50,
    seconds: Annotated[float, typer.Option(min=1, help="How long the attack lasts.")] = 60,
    faults: Annotated[str, typer.Option(help="Names of faults with commas between them, all, or none.")] = ALL,
    seed: Annotated[int | None, typer.Option(help="Replays the same intentions and the same schedule.")] = None,
    pace: Annotated[
        float | None,
        typer.Option(min=0.01, help="Seconds between two things that a user does, on average; one, or more with many users."),
    ] = None,
    settle: Annotated[float, typer.Option(min=0, help="Seconds for runs to end, once nothing new begins.")] = SETTLE,
    history: Annotated[Path | None, typer.Option(help="Write what was seen here, one JSON object a line.")] = None,
    json: Annotated[Path | None, typer.Option(help="Write the verdict here as JSON.")] = None,
    junit: Annotated[Path | None, typer.Option(help="Write the verdict here as JUnit XML.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write the verdict here as one page of HTML, with charts.")] = None,
    program: Annotated[
        str | None,
        typer.Option(metavar="COMMAND", help="With --self: what starts `netra`, if it is to be another build than this."),
    ] = None,
    older: Annotated[
        str | None,
        typer.Option(
            metavar="COMMAND",
            help="With --self: what starts an older `netra`, whose servers and schema make way for this one meanwhile (F42).",
        ),
    ] = None,
    judge: Annotated[Path | None, typer.Option(metavar="HISTORY", help="Attack nobody: judge this history again.")] = None,
) -> None:
    """Attack a running server with real users, and say with a witness whether they can meet.

    Status 0: proved; 1: a promise was broken; 2: it could not run, or proved nothing.

    netra prove http://127.0.0.1:8000 --users 50 --seconds 60

    netra prove --self --users 200 --seconds 120

    netra prove http://127.0.0.1:7777 --target agno --key-file jwt.key
    """
    console = Console(soft_wrap=True, highlight=False)
    try:
        if judge is not None:
            raise typer.Exit(judge_again(judge, console).value)
        if itself == bool(urls):
            raise NotSupported("name the URL of a server, or say --self")
        if itself and target != NETRA:
            raise NotSupported("--self starts servers of Netra and no others")
        key = key_file.read_text("utf-8").strip() if key_file is not None else ""
        if program is not None and not itself:
            raise NotSupported("--program is what --self is to start")
        if older is not None and not itself:
            raise NotSupported("--older is what --self is to start first")
        chosen = secrets.randbelow(2**32) if seed is None else seed
        names = tuple(name.strip() for name in faults.split(",") if name.strip())
        order = Order(
            tuple(urls or ()),
            users,
            seconds,
            chosen,
            names,
            unhurried(users) if pace is None else pace,
            history=history,
            json=json,
            junit=junit,
            html=html,
            command=again(context, chosen),
            target=target,
            agent=agent,
            settle=settle,
            key=key,
        )
        console.print(f"Seed {chosen}: the same again with --seed {chosen}.")
        this = shlex.split(program) if program is not None else OWN
        own = functools.partial(own_servers, this, older=shlex.split(older) if older is not None else None)
        raise typer.Exit(prove(order, console, own if itself else None).value)
    except (NotSupported, ValueError, OSError) as error:
        console.print(f"netra prove: {error}", style="red")
        raise typer.Exit(2) from error


def again(context: typer.Context, seed: int) -> str:
    """The command that repeats this one, with everything that was asked for and the seed that was drawn."""
    words = ["netra", "prove"]
    for parameter in context.command.params:
        name, value = parameter.name or "", context.params.get(parameter.name or "")
        source = context.get_parameter_source(name)
        if source is None or source.name != "COMMANDLINE":
            continue
        if parameter.param_type_name == "argument":
            words += [str(each) for each in value or ()]
        else:
            words += [parameter.opts[0]] if value is True else [parameter.opts[0], str(value)]
    return shlex.join(words if "--seed" in words else [*words, "--seed", str(seed)])


@asynccontextmanager
async def own_servers(
    program: Sequence[str] = OWN, settings: Mapping[str, str] = OURS, *, older: Sequence[str] | None = None
) -> AsyncIterator[Servers]:
    """Servers of our own, started by a command of Netra's, on a database that is thrown away.

    With `older`, a command too, they and their database are of that build, and `program` is what may take their place.
    """
    with tempfile.TemporaryDirectory(prefix="netra-prove-") as folder:
        postgres = EmbeddedPostgres(Path(folder))
        await asyncio.to_thread(postgres.start)
        try:
            first = program if older is None else older
            environment = for_subprocess(settings)
            if older is None:
                await asyncio.to_thread(migrate, postgres.owner_url)
            else:
                await asyncio.to_thread(migrated, older, postgres.owner_url, environment)
            async with Servers.open(postgres, Path(folder), environment, application=SUBJECTS, program=first) as servers:
                servers.spare = small_database
                if older is not None:
                    servers.newer = NewerBuild(program, functools.partial(migrated, program, postgres.owner_url, environment))
                yield servers
        finally:
            await asyncio.to_thread(postgres.stop)


def migrated(program: Sequence[str], url: str, environment: Mapping[str, str]) -> bool:
    """Bring a database up to the schema of a build; whether that changed it. Raises `NotSupported`. Blocking."""
    before = read_version(url).current
    command = [*program, "migrate", "--database-url", url]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - as asked
    if done.returncode:
        raise NotSupported(f"the database was not migrated: {(done.stdout + done.stderr).strip()[-300:]}")
    return read_version(url).current != before


@contextmanager
def small_database(folder: Path) -> Iterator[EmbeddedPostgres]:
    """A database that takes little room, for a disk that is to be filled."""
    postgres = EmbeddedPostgres(folder, "max_wal_size = 64MB\nmin_wal_size = 32MB\nshared_buffers = 32MB\n")
    postgres.start()
    try:
        migrate(postgres.owner_url)
        yield postgres
    finally:
        postgres.stop()
