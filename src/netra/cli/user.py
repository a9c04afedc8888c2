"""`netra user`: accounts, from the operator's side."""

import json
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from netra.auth.accounts import Profile, Role
from netra.cli.installation import DatabaseUrl, DataDir, Installation, operate

app = typer.Typer(
    name="user",
    help="Create accounts and decide what they may do. Running servers take every change up within seconds, open sockets "
    "included, and each is written to the audit.",
    no_args_is_help=True,
)

Email = Annotated[
    str, typer.Argument(metavar="EMAIL", help="The e-mail address that the account signs in with, or service:ID for a service.")
]
PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from the first line of the standard input, for scripts.")
]


@app.command()
def create(
    email: Email,
    name: Annotated[str, typer.Option(help="The person's name, as it is shown.")] = "",
    role: Annotated[Role, typer.Option(help="What the account may administer.")] = "user",
    plan: Annotated[str, typer.Option(help="What the account may use; `netra plan show` lists the plans.")] = "free",
    password_stdin: PasswordStdin = False,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
) -> None:
    """Create an account.

    The password is asked for, or read with --password-stdin; never an argument, for those show in the list of processes.

    netra user create carol@example.com --role admin
    """
    password = read_password(from_stdin=password_stdin)

    async def work(installation: Installation) -> Profile:
        made = await installation.sign_in.create_account(email, password, name=name, role=role)
        if plan == made.plan:
            return made
        await installation.changes.set_plan(made.user_id, plan)
        return await installation.sign_in.accounts.find(email)

    tell("created", operate(work, database_url, data_dir))


@app.command()
def set_role(
    email: Email,
    role: Annotated[Role, typer.Argument(help="What the account may administer from now on.")],
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
) -> None:
    """Change an account's role.

    netra user set-role carol@example.com developer
    """
    change(lambda installation: installation.sign_in.accounts.set_role(email, role), database_url, data_dir)


@app.command()
def set_plan(
    email: Email,
    plan: Annotated[str, typer.Argument(help="What the account may use; `netra plan show` lists the plans.")],
    until: Annotated[
        datetime | None, typer.Option(help="When the plan ends and the free one begins, in UTC. Without it: never.")
    ] = None,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
) -> None:
    """Change an account's plan. A run that has started keeps the plan it started with.

    netra user set-plan carol@example.com pro --until 2027-01-31
    """

    async def work(installation: Installation) -> Profile:
        profile = await installation.sign_in.accounts.find(email)
        ends = None if until is None else until.replace(tzinfo=until.tzinfo or UTC)
        await installation.changes.set_plan(profile.user_id, plan, until=ends)
        return await installation.sign_in.accounts.find(email)

    change(work, database_url, data_dir)


@app.command()
def disable(email: Email, database_url: DatabaseUrl = None, data_dir: DataDir = None) -> None:
    """Shut an account out: its sessions end, its API keys stop working, its sockets are closed. Its data stays.

    netra user disable carol@example.com
    """
    change(lambda installation: installation.sign_in.accounts.disable(email), database_url, data_dir)


@app.command()
def enable(email: Email, database_url: DatabaseUrl = None, data_dir: DataDir = None) -> None:
    """Let a disabled account in again. Its API keys work again; its old sessions do not come back.

    netra user enable carol@example.com
    """
    change(lambda installation: installation.sign_in.accounts.enable(email), database_url, data_dir)


@app.command()
def verify_email(email: Email, database_url: DatabaseUrl = None, data_dir: DataDir = None) -> None:
    """Note that an account's owner has proved to receive mail at its address, so that a provider may be linked to it.

    Only for somebody whom you know to own it: whoever registered the account keeps their password. A password reset proves the
    address, too, and throws everybody else out.

    netra user verify-email carol@example.com
    """
    change(lambda installation: installation.sign_in.accounts.verify_email(email), database_url, data_dir)


@app.command("list")
def list_accounts(
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object a line.")] = False,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
) -> None:
    """List the accounts by e-mail address: address, role, plan, whether disabled, id.

    netra user list
    """

    async def work(installation: Installation) -> None:
        after = ""
        while page := await installation.sign_in.accounts.list(after=after):
            for profile in page:
                typer.echo(json.dumps(described(profile)) if as_json else line(profile))
            after = page[-1].email

    operate(work, database_url, data_dir)


def change(work: Callable[[Installation], Awaitable[Profile]], database_url: DatabaseUrl, data_dir: DataDir) -> None:
    """Run a change of one account, and say how the account is now."""
    tell("now", operate(work, database_url, data_dir))


def read_password(*, from_stdin: bool) -> str:
    """Ask for a password, twice, or take the first line of the standard input."""
    if not from_stdin:
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\r\n")


def tell(what: str, profile: Profile) -> None:
    """Say in one line what has become of an account."""
    typer.echo(f"{what}: {line(profile)}")


def line(profile: Profile) -> str:
    """One account for people."""
    state = "disabled" if profile.disabled_at else "enabled"
    return f"{profile.email}  role {profile.role}  plan {profile.plan}  {state}  {profile.user_id}"


def described(profile: Profile) -> dict[str, Any]:
    """One account for programs."""
    return {
        "id": str(profile.user_id),
        "email": profile.email,
        "name": profile.name,
        "role": profile.role,
        "plan": profile.plan,
        "disabled_at": profile.disabled_at and profile.disabled_at.isoformat(),
        "created_at": profile.created_at and profile.created_at.isoformat(),
        "email_verified_at": profile.email_verified_at and profile.email_verified_at.isoformat(),
    }
