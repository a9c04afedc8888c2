"""`netra report`: what is new, fixed, still open and unknown, out of guard, prove, the tests and a server's health."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from netra.report.command import OLDEST, ReportOrder
from netra.report.command import report as make
from netra.report.model import ReportRefused

app = typer.Typer(name="report")

HOURS = OLDEST.total_seconds() / 3600


@app.command("report")
def command(
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="[PATH]...", help="Code that guard looks at now, instead of --guard.")
    ] = None,
    guard: Annotated[Path | None, typer.Option(help="What `netra guard --format json` wrote.")] = None,
    prove: Annotated[Path | None, typer.Option(help="What `netra prove --json` wrote.")] = None,
    tests: Annotated[Path | None, typer.Option(help="What `pytest --junitxml` wrote.")] = None,
    health: Annotated[str, typer.Option(metavar="URL", help="A running server, which is asked now.")] = "",
    baseline: Annotated[Path | None, typer.Option(help="What an earlier report wrote with --save.")] = None,
    save: Annotated[Path | None, typer.Option(help="Write here what the next report is compared with.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write the report here as Markdown.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write the report here as one page of HTML.")] = None,
    max_age: Annotated[float, typer.Option(min=0, help="Hours after which evidence is old in any case.")] = HOURS,
) -> None:
    """Say what is new, still open, fixed and unknown since the baseline, and tick the prevention checklist by evidence.

    What was not run is unknown, evidence that is older than the code is old, and neither fixes or ticks anything. With nothing
    given, guard looks at src (or the folder), and the rest is unknown.

    Status 0: nothing new in what was looked at; 1: a regression; 2: it could not.

    netra guard src --format json --output guard.json; python -m pytest --junitxml=junit.xml

    netra prove --self --users 50 --seconds 120 --json verdict.json

    netra report --guard guard.json --prove verdict.json --tests junit.xml --health http://localhost:8000 --save report.json

    netra report src --tests junit.xml --baseline report.json --markdown report.md --html report.html
    """
    looked = tuple(paths or ())
    if not (looked or guard or prove or tests or health):
        looked = (Path("src") if Path("src").is_dir() else Path(),)
        typer.echo(f"Nothing was given: guard looks at {looked[0]}. With --prove, --tests and --health there is more to say.")
    order = ReportOrder(looked, guard, prove, tests, health, baseline, save, markdown, html, timedelta(hours=max_age))
    try:
        status = make(order, typer.echo)
    except ReportRefused as error:
        typer.secho(f"netra report: {error}", fg=typer.colors.RED, err=True)
        raise typer.Exit(2) from error
    raise typer.Exit(status)
