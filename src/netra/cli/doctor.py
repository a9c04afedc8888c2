"""`netra doctor`: what is wrong with this installation, and how to mend it."""

import asyncio

import typer

from netra.cli.installation import DatabaseUrl, DataDir
from netra.env import get_env
from netra.health.doctor import Finding, diagnose

app = typer.Typer(name="doctor", help="Say what is wrong with this installation, and how to mend it.")


@app.command()
def doctor(database_url: DatabaseUrl = None, data_dir: DataDir = None) -> None:
    """Read the settings, find each service and connect to it. Exits with 1 when something is wrong.

    netra doctor
    """
    findings = asyncio.run(diagnose(get_env(), {"database_url": database_url, "data_dir": data_dir}))
    for finding in findings:
        typer.echo(line(finding))
    wrong = sum(not finding.ok for finding in findings)
    typer.echo("Nothing is wrong." if not wrong else f"{wrong} of {len(findings)} need mending.")
    if wrong:
        raise typer.Exit(1)


def line(finding: Finding) -> str:
    """One finding for people, with what to do about it on a line of its own."""
    mark = typer.style("ok   ", fg=typer.colors.GREEN) if finding.ok else typer.style("WRONG", fg=typer.colors.RED)
    said = f"{mark}  {finding.name}: {finding.what}"
    return said if finding.ok or not finding.mend else f"{said}\n       → {finding.mend}"
