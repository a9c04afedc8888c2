"""One proof as a command asks for it: attack, judge, show, write. The status says what came of it."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.live import Live

from netra.prove import checkers
from netra.prove.answers import Lost, NotSupported, Refused
from netra.prove.faults import InjectedFault
from netra.prove.faults import load as all_faults
from netra.prove.history import History, Seen
from netra.prove.loop import run
from netra.prove.output import html, json, junit, terminal
from netra.prove.proof import SETTLE, ProofPlan, ProofRun, all_abilities
from netra.prove.servers import Servers
from netra.prove.shrink import shrink
from netra.prove.targets import Ability
from netra.prove.targets.catalogue import NETRA, Address
from netra.prove.verdict import Conclusion, Judgement, judge

REFRESH: Final = 4
"""Times a second that the live view is drawn anew."""
ALL: Final = "all"

Own = Callable[[], AbstractAsyncContextManager[Servers]]


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be proved, and where it is to be written."""

    urls: tuple[str, ...]
    users: int
    seconds: float
    seed: int
    faults: tuple[str, ...]
    """Names; "all" for every one that fits."""
    pace: float
    """Seconds between two things that a user does, on average."""
    history: Path | None = None
    json: Path | None = None
    junit: Path | None = None
    html: Path | None = None
    command: str = "netra prove"
    """What repeats it."""
    target: str = NETRA
    """What kind of server it is."""
    agent: str = "demo"
    settle: float = SETTLE
    """Seconds that runs get to come to their end, once nothing new begins."""
    key: str = ""
    """What tokens of users are signed with, where a server has no sign-up."""


def chosen(names: Sequence[str], *, ours: bool) -> tuple[InjectedFault, ...]:
    """The faults of these names. Raises `NotSupported` for one that there is not, or that needs a server of our own."""
    known = all_faults()
    if unknown := [name for name in names if name not in known and name not in (ALL, "none")]:
        raise NotSupported(f"there is no fault {unknown[0]!r}; there are {', '.join(known)}, all and none")
    fitting = tuple(fault for fault in known.values() if ours or not fault.ours)
    if ALL in names:
        return fitting
    found = tuple(known[name] for name in names if name in known)
    if not ours and (needy := [fault.name for fault in found if fault.ours]):
        raise NotSupported(f"{needy[0]} is done to processes of our own: it needs --self")
    return found


def able(faults: Sequence[InjectedFault], names: Sequence[str], abilities: frozenset[Ability]) -> tuple[InjectedFault, ...]:
    """Those that make sense against a server that can do this. Raises `NotSupported` for one that was asked for by name."""
    for each in faults:
        if each.name in names and (lacking := each.abilities - abilities):
            words = ", ".join(sorted(ability.value for ability in lacking))
            raise NotSupported(f"{each.name} needs what this server cannot do: {words}")
    return tuple(each for each in faults if each.abilities <= abilities)


def prove(order: Order, console: Console, own: Own | None = None) -> Conclusion:
    """Attack, judge, show and write. Raises `NotSupported` when there is nothing to attack."""
    faults_of_it = chosen(order.faults, ours=own is not None)
    began_at = datetime.now(UTC)
    history = run(attack(order, faults_of_it, console, own))
    if order.history is not None:
        history.save(order.history)  # before anything is made of it: it took the longest to come by
    verdict = judge(history.records)
    smallest = _smallest(history.records, verdict)
    terminal.show(console, verdict, history, smallest)
    _write(order, verdict, history, began_at, smallest)
    return verdict.outcome


async def attack(order: Order, faults: Sequence[InjectedFault], console: Console, own: Own | None = None) -> History:
    """All of a proof but the judgement. Raises `NotSupported`."""
    async with own() if own is not None else nullcontext() as servers:
        plan = ProofPlan(order.users, order.seconds, order.seed, tuple(faults), order.pace, settle=order.settle)
        proof = ProofRun(plan, History())
        source = random.Random(f"{order.seed} target")  # noqa: S311 - a seed is to give the same again
        address = Address(servers.urls if servers else order.urls, order.target, order.agent, order.key)
        target = await address.open(proof.heard, source)
        try:
            proof.plan = replace(plan, faults=able(faults, order.faults, all_abilities(target, servers)))
            async with watched(proof, console):
                await proof.attack(target, servers)
        except (Lost, Refused) as error:
            raise NotSupported(f"nobody could sign up: {error}") from error
        finally:
            await target.close()
        if servers is not None:
            await asyncio.to_thread(proof.read_logs, servers.logs())
        return proof.history


def judge_again(path: Path, console: Console) -> Conclusion:
    """Judge a history that was recorded before. Raises `ValueError` for a file that is none."""
    history = History.load(path)
    verdict = judge(history.records)
    terminal.show(console, verdict, history, _smallest(history.records, verdict))
    return verdict.outcome


def _smallest(records: Sequence[Seen], verdict: Judgement) -> tuple[Seen, ...]:
    return shrink(records, checkers.load()[verdict.breaches[0].checker].check) if verdict.breaches else ()


def _write(order: Order, verdict: Judgement, history: History, began_at: datetime, smallest: tuple[Seen, ...]) -> None:
    asked: dict[str, Any] = {"seed": order.seed, "command": order.command, "began_at": began_at}
    if order.json is not None:
        order.json.write_text(json.write(verdict, **asked, smallest=smallest), "utf-8")
    if order.junit is not None:
        order.junit.write_text(junit.write(verdict), "utf-8")
    if order.html is not None:
        page = html.write(verdict, history.records, **asked, smallest=smallest)
        order.html.write_text(page, "utf-8")


@asynccontextmanager
async def watched(proof: ProofRun, console: Console) -> AsyncIterator[None]:
    """Show how far it has come: live on a terminal, and elsewhere by a line for each phase and each fault."""
    if not console.is_terminal:

        def tell(words: str) -> None:
            console.print(f"{proof.history.age:7.1f} s  {words}")

        def hear(record: Seen) -> None:
            if record.kind == "fault":
                tell(
                    f"  {record.name}" if record.data.get("began") else f"  {record.name} is over: {record.data['bites']} bites"
                )

        proof.on_phase = tell
        proof.history.listening = hear
        yield
        return
    view = terminal.LiveView(proof.plan.users, proof.plan.seconds)
    proof.history.listening = view.hear
    proof.on_phase = view.enter
    with Live(get_renderable=view.render, console=console, refresh_per_second=REFRESH, transient=True):
        drawing = asyncio.create_task(_keep_time(proof, view))
        try:
            yield
        finally:
            drawing.cancel()
            await asyncio.gather(drawing, return_exceptions=True)


async def _keep_time(proof: ProofRun, view: terminal.LiveView) -> None:
    while True:
        view.come(proof.attacked)
        await asyncio.sleep(1 / REFRESH)
