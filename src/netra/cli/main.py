"""The `netra` command: a table of what there is, and nothing that costs time before it is asked for."""

import gc
from collections.abc import Callable
from typing import Annotated, Final

import typer

app = typer.Typer(
    name="netra",
    help="Netra, the agent server whose isolation you can prove.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

PASSED_ON: Final = {"ignore_unknown_options": True, "allow_extra_args": True}


def _serve() -> typer.Typer:
    # Importing makes a hundred thousand objects that all stay. Looking for garbage among them takes a quarter of the start,
    # and looking again would take its share of every collection that the server ever does.
    gc.disable()
    from netra.cli import serve

    gc.freeze()
    gc.enable()
    return serve.app


def _migrate() -> typer.Typer:
    from netra.cli import migrate

    return migrate.app


def _doctor() -> typer.Typer:
    from netra.cli import doctor

    return doctor.app


def _user() -> typer.Typer:
    from netra.cli import user

    return user.app


def _dataset() -> typer.Typer:
    from netra.cli import dataset

    return dataset.app


def _plan() -> typer.Typer:
    from netra.cli import plan

    return plan.app


def _legacy() -> typer.Typer:
    from netra.cli import legacy

    return legacy.app


def _keys() -> typer.Typer:
    from netra.cli import keys

    return keys.app


def _secrets() -> typer.Typer:
    from netra.cli import secrets

    return secrets.app


def _guard() -> typer.Typer:
    from netra.cli import guard

    return guard.app


def _prove() -> typer.Typer:
    from netra.cli import prove

    return prove.app


def _report() -> typer.Typer:
    from netra.cli import report

    return report.app


COMMANDS: Final[dict[str, tuple[Callable[[], typer.Typer], str]]] = {
    "serve": (_serve, "Start a server, with its own PostgreSQL unless it is given one."),
    "migrate": (_migrate, "Bring the database up to date, or say whether it is."),
    "doctor": (_doctor, "Say what is wrong with this installation, and how to mend it."),
    "user": (_user, "Create accounts and decide what they may do."),
    "plan": (_plan, "Show the plans, and change what they hold."),
    "dataset": (_dataset, "Bring usage logs in for a user."),
    "migrate-legacy": (_legacy, "Give every old role the plan that goes with it, once."),
    "keys": (_keys, "List and rotate the keys that sign access tokens."),
    "secrets": (_secrets, "Make and rotate the keys that users' secrets are sealed with."),
    "guard": (_guard, "Find what asynchronous multi-user Python gets wrong, before its users do."),
    "prove": (_prove, "Attack a server with real users, and say whether they can meet."),
    "report": (_report, "Say what is new, still open, fixed and unknown, and what shows it."),
}
"""Each command with the way to it. A server takes most of a second to import, and `netra --help` has no use for one."""


def _add(name: str, load: Callable[[], typer.Typer], words: str) -> None:
    def run(context: typer.Context) -> None:
        try:
            load()(context.args, prog_name=f"netra {name}")
        finally:
            gc.unfreeze()  # extension modules look at the end for what nobody let go of

    app.command(name, help=words, context_settings=PASSED_ON, add_help_option=False)(run)


for _name, (_load, _words) in COMMANDS.items():
    _add(_name, _load, _words)


def _say_version(wanted: bool) -> None:
    if wanted:
        from netra import __version__

        typer.echo(f"netra {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_say_version, is_eager=True)
    ] = False,
) -> None:
    """Netra, the agent server whose isolation you can prove."""


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
