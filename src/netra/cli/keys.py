"""`netra keys`: the keys that sign access tokens."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer

from netra.auth.keys import KeyStatus
from netra.cli.installation import DatabaseUrl, DataDir, Installation, operate

app = typer.Typer(
    name="keys",
    help="List and rotate the keys that sign access tokens. The public halves are at /.well-known/jwks.json.",
    no_args_is_help=True,
)


@app.command("list")
def list_keys(database_url: DatabaseUrl = None, data_dir: DataDir = None) -> None:
    """List the signing keys, the newest first: id, when it was made, and what it is still good for.

    netra keys list
    """

    async def work(installation: Installation) -> Sequence[KeyStatus]:
        return await installation.sign_in.keys.list()

    for key in operate(work, database_url, data_dir):
        typer.echo(f"{key.kid}  made {key.created_at:%Y-%m-%d %H:%M:%SZ}  {state(key, datetime.now(UTC))}")


@app.command()
def rotate(
    drop_old: Annotated[
        bool,
        typer.Option(
            "--drop-old",
            help="Forget the old keys at once, when one of them has leaked. Every access token then ends within a minute; "
            "sessions stay, and clients refresh.",
        ),
    ] = False,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
) -> None:
    """Make a new key that signs from now on. The old one verifies until the last token it signed has expired.

    Running servers take the new key up within a minute; nobody is signed out.

    netra keys rotate
    """

    async def work(installation: Installation) -> str:
        return await installation.sign_in.keys.rotate(drop_old=drop_old)

    typer.echo(f"signs from now on: {operate(work, database_url, data_dir)}")


def state(key: KeyStatus, now: datetime) -> str:
    """What a key is good for at `now`."""
    if key.verifies_until is None:
        return "signs"
    if key.verifies_until > now:
        return f"verifies until {key.verifies_until:%Y-%m-%d %H:%M:%SZ}"
    return "no longer used"
