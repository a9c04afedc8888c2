"""`netra guard`: static analysis of asynchronous multi-user Python code."""

import typer

from netra.guard.command import main

app = typer.Typer(name="guard")


# The options are guard's own: it runs without Typer as well, as `python -m netra.guard`, and says the same there.
@app.command(
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []},
    add_help_option=False,
)
def guard(context: typer.Context) -> None:
    """Find what asynchronous multi-user Python gets wrong, before its users do. `netra guard --help` lists the options.

    netra guard src
    """
    raise typer.Exit(main(context.args, last=True))
