"""`netra migrate`: the schema of the database, from the operator's side."""

from typing import Annotated

import psycopg
import typer
from sqlalchemy.exc import ProgrammingError

from netra.cli.installation import DatabaseUrl, DataDir, refusals_in_words
from netra.db import roles
from netra.db.embedded import EmbeddedPostgres
from netra.db.migrate import SchemaVersion
from netra.db.migrate import migrate as apply_migrations
from netra.env import get_env
from netra.errors import Forbidden
from netra.gateway.app import resolve_database_url
from netra.gateway.provision import read_revision
from netra.settings import load

app = typer.Typer(name="migrate", help="Bring the database up to date, or say whether it is.")


class NotTheOwner(Forbidden):
    """That role may not change the schema; give the URL of the database's owner."""

    code = "not_the_owner"


@app.command()
def migrate(
    check: Annotated[bool, typer.Option("--check", help="Change nothing; exit with 1 when the database is behind.")] = False,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
) -> None:
    """Bring the database up to date, all of it or nothing, as the owner that the URL signs in.

    The embedded database is brought up to date by `netra serve` itself.

    netra migrate --database-url postgresql://postgres@db/netra
    """
    with refusals_in_words():
        settings = load(get_env(), {"database_url": database_url, "data_dir": data_dir})
        url = resolve_database_url(settings)
        if url is not None:
            version = read_revision(url) if check else _apply(url)
        else:
            server = EmbeddedPostgres(settings.data_dir)
            server.start()
            try:
                version = read_revision(server.owner_url) if check else _apply(server.owner_url)
            finally:
                server.stop()
    typer.echo(describe(version))
    if version.behind:
        raise typer.Exit(1)
    if url is not None and not check:
        typer.echo(f"Servers connect as {roles.APP}; give it a password with: ALTER ROLE {roles.APP} PASSWORD '…'")


def _apply(url: str) -> SchemaVersion:
    try:
        return apply_migrations(url)
    except ProgrammingError as error:
        if isinstance(error.orig, psycopg.errors.InsufficientPrivilege):
            raise NotTheOwner from error
        raise


def describe(version: SchemaVersion) -> str:
    """Where a database stands, in words."""
    if not version.behind:
        return f"The database is at revision {version.current}, the newest."
    where = f"at revision {version.current}" if version.current else "empty"
    return f"The database is {where}; this version of Netra needs {version.latest}. Run `netra migrate`."
