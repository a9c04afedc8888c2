"""Measure Netra against its budgets: one run, real processes, real sockets, real PostgreSQL, all on this machine.

    make bench                       everything; the first time, large packages are fetched that guard is measured on
    make bench ARGS=--quick          the same with smaller numbers, and guard beside the fastest of the others only
    make bench ARGS="--only runs"    one group

Figures depend on the machine; what counts are the ratios to what was measured beside them in the same run. Nothing here fails
a build: a missed budget is shown as missed.
"""

import argparse
import asyncio
import json
import platform
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psutil
import uvloop
from rich.console import Console
from rich.table import Table

from bench import checkers, factory, imports, logs, measures, presets, team
from bench.measures import Figure
from bench.people import sign_up
from bench.processes import ROOT, Process, data_folder, lift_limits, netra_server, until_ready

SERVED = ("start", "events", "latency", "runs", "tools", "idle", "storm", "imports", "team")
GROUPS = (*SERVED, "factory", "presets", "guard")

# The limits protect a server from one user; here a few users stand in for thousands.
SETTINGS = {
    "NETRA_MAX_CONNECTIONS_PER_USER": "20000",
    "NETRA_MESSAGES_PER_SECOND": "100000",
    "NETRA_MESSAGES_BURST": "100000",
    "NETRA_FACTORY_MAX_CONCURRENT_PER_USER": "50",
}


async def measure(groups: list[str], quick: bool, console: Console) -> list[Figure]:
    """Run the chosen groups and return their figures in order."""
    figures: list[Figure] = []
    scale = 10 if quick else 1
    sizes = {name: 5_000_000 // scale // (1 if name in imports.LARGE else 50) for name in logs.FORMATS}
    with data_folder() as folder:
        with netra_server(folder, **SETTINGS) as server:
            await until_ready(server, "/health/ready")
            await asyncio.to_thread(lift_limits, folder)
            async with httpx.AsyncClient(base_url=server.url, timeout=60, limits=httpx.Limits(max_connections=64)) as client:
                people = await sign_up(client, 20)
                steps: dict[str, Callable[[], Awaitable[list[Figure]]]] = {
                    "events": lambda: measures.throughput(server, people, 200_000 // scale),
                    "latency": lambda: measures.latency(server, people, 5_000, 10 / scale),
                    "runs": lambda: measures.run_rate(server, people, 2_000 // scale),
                    "tools": lambda: measures.tool_calls(server, people, 4_000 // scale),
                    "idle": lambda: measures.idle(server, people[0], 10_000 // scale),
                    "storm": lambda: measures.storm(server, people[1], 10_000 // scale, 100),
                    "imports": lambda: imports.imports(server, people[2], sizes),
                    "team": lambda: _team(server, client, 100 // scale),
                }
                if "runs" in groups:
                    console.print("measuring run start …")
                    figures += await measures.run_start(server, people[0], 500 // scale)
                for name, step in steps.items():
                    if name in groups:
                        console.print(f"measuring {name} …")
                        figures += await step()
        if "start" in groups:
            console.print("measuring start …")
            figures += await measures.start_up(folder, netra_server)
    return figures


async def _team(server: Process, client: httpx.AsyncClient, count: int) -> list[Figure]:
    return await team.team(server, await sign_up(client, count))


def show(figures: list[Figure], console: Console) -> None:
    table = Table("what", "measured", "budget", "", title="Netra, measured")
    table.columns[1].justify = table.columns[2].justify = "right"
    for figure in figures:
        budget = "" if figure.budget is None else f"{'≥' if figure.at_least else '≤'} {figure.budget:,.6g} {figure.unit}"
        verdict = {None: "", True: "[green]met[/]", False: "[red]missed[/]"}[figure.met]
        table.add_row(figure.name, f"{figure.value:,.4g} {figure.unit}", budget, verdict)
    console.print(table)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the work")
    parser.add_argument("--only", choices=GROUPS, action="append", help="measure this group only; repeatable")
    parser.add_argument("--json", type=Path, default=ROOT / "bench" / "results" / "latest.json", help="where the JSON goes")
    given = parser.parse_args()
    console = Console()
    groups = given.only or list(GROUPS)
    figures: list[Figure] = []
    if set(groups) & set(SERVED):
        figures += uvloop.run(measure(groups, given.quick, console))
    if "factory" in groups:
        figures += asyncio.run(factory.factory(20 if given.quick else 200))
    if "presets" in groups:
        console.print("measuring presets …")
        figures += asyncio.run(presets.presets(100 if given.quick else 1000, 10 if given.quick else 30))
    if "guard" in groups:
        figures += checkers.measure(given.quick, console.print)
    show(figures, console)
    machine = {
        "cores": psutil.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }
    rows = [asdict(figure) | {"met": figure.met} for figure in figures]
    report = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "quick": given.quick, "machine": machine, "figures": rows}
    given.json.parent.mkdir(parents=True, exist_ok=True)
    given.json.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", "utf-8")
    console.print(f"written to {given.json}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
