"""`netra plan`: what is sold, from the operator's side."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Column, Table

from netra.cli.installation import DatabaseUrl, DataDir, Installation, operate
from netra.cli.progress import progress
from netra.errors import Conflict, InvalidInput
from netra.ids import PlanId
from netra.tools.plans import EVERY_TOOL, Plan, UnknownPlan, count_holders, current_plans, refuse_invalid, versions_of
from netra.tools.toolbox import Toolbox, UnknownTool

app = typer.Typer(
    name="plan",
    help="Show the plans, and change what they hold. A change is a new version: it counts at once for everybody who has the "
    "plan, and their open sockets are told; a run keeps the version it was accepted under.",
    no_args_is_help=True,
)


WIDTH: Final = 140
"""Characters of a table that goes into a file or a pipe: nothing in it is cut or folded."""


class PlanExists(Conflict):
    """There is a plan of that name already; leave --create out to change it."""

    code = "plan_exists"


class NothingToSet(InvalidInput):
    """This would change nothing. Say what is to be different; `--help` lists what can be."""

    code = "nothing_to_set"


def read_amount(text: str) -> Decimal:
    """A number as an operator writes it: `29`, `0.5`."""
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite():
        raise typer.BadParameter(f"{text!r} is not a number.")
    return amount


def read_allowance(text: str) -> tuple[str, int]:
    """A tool and its calls a day out of `TOOL=N`."""
    tool, _, count = text.rpartition("=")
    if not tool or not (count.isascii() and count.isdigit()):
        raise typer.BadParameter(f"{text!r} is not TOOL=N.")
    return tool, int(count)


def read_threads(text: str) -> int | None:
    """A number of conversations, or None for `none`."""
    if text != "none" and not (text.isascii() and text.isdigit()):
        raise typer.BadParameter(f"{text!r} is neither a number nor none.")
    return None if text == "none" else int(text)


@app.command()
def show(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One plan; without it: all of them.")] = None,
    versions: Annotated[bool, typer.Option("--versions", help="Every version, the newest first.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object a line.")] = False,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
) -> None:
    """Show the plans in force: what they cost, what they open, how much of it, and how many accounts have them.

    netra plan show pro --versions
    """

    async def work(installation: Installation) -> tuple[Sequence[Plan], Mapping[str, int]]:
        async with installation.changes.reading() as connection:
            plans = await current_plans(connection)
            if name is not None:
                plans = [known(name, plans)]
            if versions:
                plans = [version for plan in plans for version in await versions_of(connection, plan.id.name)]
            return plans, await count_holders(connection)

    plans, holders = operate(work, database_url, data_dir)
    if as_json:
        for plan in plans:
            typer.echo(json.dumps(described(plan, holders)))
        return
    headings = ("plan", "version", "a month", "permissions", "calls a day", "rate", "threads", "accounts")
    table = Table(*(Column(heading, overflow="fold") for heading in headings), box=None)
    for plan in plans:
        facts = facts_of(plan)
        table.add_row(
            plan.id.name + (" (hidden)" if plan.hidden else ""),
            str(plan.id.version),
            facts["price"],
            "\n".join(plan.permissions) or "none",
            "\n".join(f"{tool} {calls}" for tool, calls in plan.allowances.items()) or "no limit",
            facts["rate"],
            facts["threads"],
            str(holders.get(plan.id.name, 0)),
        )
    Console(width=None if sys.stdout.isatty() else WIDTH).print(table)


@app.command("set")
def set_plan(
    name: Annotated[str, typer.Argument(help="Which plan.")],
    price: Annotated[Decimal | None, typer.Option(parser=read_amount, metavar="USD", help="US dollars a month.")] = None,
    not_for_sale: Annotated[bool, typer.Option("--not-for-sale", help="Without a price: an operator gives it.")] = False,
    permissions: Annotated[
        str | None, typer.Option(metavar="A,B", help="The permissions that it holds, all of them, separated by commas.")
    ] = None,
    allow: Annotated[
        list[str] | None, typer.Option(metavar="TOOL=N", help="Calls of a tool a day; * is every tool that is not named.")
    ] = None,
    no_allowance: Annotated[
        list[str] | None, typer.Option(metavar="TOOL", help="Take a tool's own allowance away again.")
    ] = None,
    rate: Annotated[
        Decimal | None, typer.Option(parser=read_amount, metavar="X", help="What the limits of permissions are multiplied by.")
    ] = None,
    threads: Annotated[
        str | None, typer.Option(metavar="N|none", help="Conversations that somebody may keep; none: no limit.")
    ] = None,
    hidden: Annotated[bool | None, typer.Option("--hidden/--offered", help="Whether it is offered to anybody.")] = None,
    create: Annotated[
        bool, typer.Option("--create", help="Make a plan of this name; it begins with `basic`, not for sale.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the difference, and change nothing.")] = False,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
) -> None:
    """Change a plan: what is named changes, everything else stays. Shows the difference, then tells everybody who has it.

    netra plan set pro --price 39 --allow analyze_workload=1000
    """
    if price is not None and not_for_sale:
        raise typer.BadParameter("excludes --not-for-sale.", param_hint="--price")
    named: dict[str, Any] = {}
    if price is not None or not_for_sale:
        named["price_usd"] = price
    if permissions is not None:
        named["permissions"] = tuple(dict.fromkeys(word.strip() for word in permissions.split(",") if word.strip()))
    if rate is not None:
        named["rate_multiplier"] = rate
    if threads is not None:
        named["threads"] = read_threads(threads)
    if hidden is not None:
        named["hidden"] = hidden
    allowed = dict(map(read_allowance, allow or ()))

    async def work(installation: Installation) -> None:
        async with installation.changes.reading() as connection:
            plans = await current_plans(connection)
            holders = (await count_holders(connection)).get(name, 0)
        before = begin(name, plans) if create else known(name, plans)
        after = replace(
            before, **named, allowances=amended(before.allowances, allowed, no_allowance or (), installation.toolbox)
        )
        if after == before and not create:
            raise NothingToSet
        refuse_invalid(after)
        for words in difference(before, after, installation.toolbox, new=create):
            typer.echo(words)
        if dry_run:
            typer.echo("Nothing was changed.")
            return
        with progress("accounts told", holders) as advance:
            added = await installation.changes.add_version(
                after, lambda count: advance(count, f"told {count} of {holders} accounts")
            )
        typer.echo(f"In force: {added.id.name}, version {added.id.version}. Accounts that have it: {holders}.")

    operate(work, database_url, data_dir)


def known(name: str, plans: Sequence[Plan]) -> Plan:
    """The plan of that name. Raises `UnknownPlan` with the nearest names."""
    for plan in plans:
        if plan.id.name == name:
            return plan
    names = [plan.id.name for plan in plans]
    near = _near(name, names) or f"; there are {', '.join(names)}."
    raise UnknownPlan(f"There is no plan {name!r}{near}")


def begin(name: str, plans: Sequence[Plan]) -> Plan:
    """A plan that there is not yet. Raises `PlanExists`."""
    if any(plan.id.name == name for plan in plans):
        raise PlanExists
    return Plan(PlanId(name, 0), False, None, ("basic",), {}, Decimal(1), None)


def amended(
    allowances: Mapping[str, int], allowed: Mapping[str, int], dropped: Sequence[str], toolbox: Toolbox
) -> Mapping[str, int]:
    """Allowances with some added and some taken away. Raises `UnknownTool` with the nearest names."""
    for tool in allowed:
        if tool != EVERY_TOOL and tool not in toolbox:
            raise UnknownTool(f"There is no tool {tool!r}{_near(tool, list(toolbox)) or '.'}")
    for tool in dropped:
        if tool not in allowances:
            raise UnknownTool(f"The plan has no allowance of {tool!r}{_near(tool, list(allowances)) or '.'}")
    return {tool: calls for tool, calls in {**allowances, **allowed}.items() if tool not in dropped}


def _near(name: str, names: Sequence[str]) -> str:
    close = get_close_matches(name, names)
    return f"; did you mean {' or '.join(close)}?" if close else ""


def facts_of(plan: Plan) -> dict[str, str]:
    """What there is to say of a plan besides its tools, in words."""
    return {
        "price": "not for sale" if plan.price_usd is None else f"${plan.price_usd:,.2f}",
        "permissions": ", ".join(plan.permissions) or "none",
        "rate": f"× {plan.rate_multiplier.normalize():f}",
        "threads": "no limit" if plan.threads is None else f"{plan.threads:,}",
        "offered": "no" if plan.hidden else "yes",
    }


def difference(before: Plan, after: Plan, toolbox: Toolbox, *, new: bool = False) -> list[str]:
    """What changes between two versions, a line each."""
    old, now = ({**facts_of(plan), **{f"{t} a day": str(n) for t, n in plan.allowances.items()}} for plan in (before, after))
    if new:
        return [f"{name}: {value}" for name, value in now.items()]
    lines = [
        f"{name}: {old.get(name, 'no limit')} → {now.get(name, 'no limit')}"
        for name in dict.fromkeys([*old, *now])
        if old.get(name) != now.get(name)
    ]
    gained, lost = (
        [
            tool.name
            for tool in toolbox.values()
            if tool.permission in one.permissions and tool.permission not in other.permissions
        ]
        for one, other in ((after, before), (before, after))
    )
    return lines + [f"{verb}: {', '.join(tools)}" for verb, tools in (("opens", gained), ("closes", lost)) if tools]


def described(plan: Plan, holders: Mapping[str, int]) -> dict[str, Any]:
    """One version of a plan for programs."""
    return {
        "name": plan.id.name,
        "version": plan.id.version,
        "hidden": plan.hidden,
        "price_usd": None if plan.price_usd is None else float(plan.price_usd),
        "permissions": plan.permissions,
        "allowances": plan.allowances,
        "rate_multiplier": float(plan.rate_multiplier),
        "threads": plan.threads,
        "created_at": plan.created_at and plan.created_at.isoformat(),
        "accounts": holders.get(plan.id.name, 0),
    }
