"""`netra secrets`: the keys that users' secrets are sealed with."""

from typing import Annotated

import typer

from netra.cli.installation import DatabaseUrl, DataDir, Installation, operate
from netra.gateway.app import sealing_keys
from netra.vault.sealing import generate_key
from netra.vault.vault import AT_ONCE, Rotation, Vault

app = typer.Typer(
    name="secrets",
    help="Make and rotate the keys that users' secrets are sealed with. No command shows a secret.",
    no_args_is_help=True,
)


@app.command("generate-key")
def generate() -> None:
    """Print a new key as NETRA_SECRET_KEYS takes it. It is kept nowhere: put it where the database's backups are not.

    netra secrets generate-key
    """
    typer.echo("=".join(generate_key()))


@app.command()
def rotate(
    at_once: Annotated[
        int, typer.Option("--at-once", min=1, help="Secrets in one transaction; while it lasts, nobody can change them.")
    ] = AT_ONCE,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
) -> None:
    """Seal every secret anew with the first key of NETRA_SECRET_KEYS, so that the others can be taken out of it.

    Servers go on meanwhile. When it is stopped, start it again: what it had done stays done. Exits with 1 when a secret
    could not be opened.

    netra secrets rotate
    """

    async def work(installation: Installation) -> Rotation:
        vault = Vault(installation.database, sealing_keys(installation.settings))
        rotation = Rotation(0)
        async for rotation in vault.rotate(at_once):
            if rotation.sealed:
                typer.echo(f"sealed anew: {rotation.sealed} of {rotation.wanted}")
        return rotation

    rotation = operate(work, database_url, data_dir)
    for user_id, name in rotation.unreadable:
        typer.secho(f"cannot be opened, and is left as it is: {name} of user {user_id}", err=True, fg=typer.colors.RED)
    if rotation.unreadable:
        raise typer.Exit(1)
    typer.echo("Every secret is sealed with the first key.")
