"""How far a long command has come: a bar on a terminal, and a line for each step where the output is kept."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Advance = Callable[[int, str], None]
"""`advance(done, line)`: so many are done by now, and what was done last in one line."""


@contextmanager
def progress(what: str, total: int, *, quiet: bool = False) -> Iterator[Advance]:
    """Show progress for the length of the block; `quiet` shows none, for those who write lines of their own."""
    if quiet or not sys.stdout.isatty():

        def advance(_: int, line: str) -> None:
            if not quiet:
                typer.echo(line)

        yield advance
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done, _: bar.update(task, completed=done)
