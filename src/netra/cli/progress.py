"""How far a long command has come: a bar on a terminal, and a line for each step where the output is kept."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

Advance = Callable[[int, str], None]
"""`advance(done, line)`: so much is done by now, and what was done last in one line. May be called in any thread."""


@contextmanager
def progress(what: str, total: int, *, quiet: bool = False, counted: bool = True) -> Iterator[Advance]:
    """Show progress for the length of the block; `quiet` shows none, for those who write lines of their own.

    Where what is done is not `counted` in pieces that mean something to people, the bar shows its share and the last line.
    """
    if quiet or not sys.stdout.isatty():

        def advance(_: int, line: str) -> None:
            if not quiet:
                typer.echo(line)

        yield advance
        return
    amount = (MofNCompleteColumn(),) if counted else (TaskProgressColumn(), TextColumn("{task.fields[line]}"))
    columns = (TextColumn("{task.description}"), BarColumn(), *amount, TimeRemainingColumn())
    with Progress(*columns, console=Console(), transient=True) as bar:
        task = bar.add_task(what, total=total, line="")
        yield lambda done, line: bar.update(task, completed=done, line=line)
