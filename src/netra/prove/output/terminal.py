"""A proof on a terminal: how far it has come while it runs, and its verdict as tables in the end."""

from collections import Counter
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from netra.prove.history import History, Seen
from netra.prove.verdict import Conclusion, Judgement

MOST_WITNESSES: Final = 5
"""Witnesses of one promise that are shown."""
COLOURS: Final = {Conclusion.PROVED: "green", Conclusion.BREACH: "red", Conclusion.INCONCLUSIVE: "yellow"}
WORDS: Final = {
    Conclusion.PROVED: "Proved: every promise held while every fault bit.",
    Conclusion.BREACH: "Breach: a promise was broken.",
    Conclusion.INCONCLUSIVE: "Inconclusive: nothing was broken, and not enough was proved.",
}


class LiveView:
    """What has been seen so far. Give `hear` to the history, `render` to Rich."""

    def __init__(self, users: int, seconds: float) -> None:
        self._users = users
        self._counts: Counter[str] = Counter()
        self._faults: dict[str, str] = {}
        self._phase = "starting"
        columns = (
            TextColumn("{task.description:<14}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeRemainingColumn(),
        )
        self._progress = Progress(*columns)
        self._bar = self._progress.add_task("attacking", total=seconds)

    def hear(self, record: Seen) -> None:
        self._counts[record.kind] += 1
        if record.kind == "fault":
            self._faults[record.name] = f"{record.data['bites']} bites" if record.data.get("ended") else "…"

    def enter(self, phase: str) -> None:
        self._phase = phase
        self._progress.update(self._bar, description=phase)

    def come(self, seconds: float) -> None:
        self._progress.update(self._bar, completed=seconds)

    def render(self) -> RenderableType:
        counts = self._counts
        bad = counts["foreign"] + counts["leaked"]
        line = Text.assemble(
            f"{self._users} users   {counts['ok']:,} done   {counts['fail']:,} refused   {counts['unknown']:,} unknown   "
            f"{counts['event']:,} events   ",
            (f"{bad} marks and secrets where they do not belong", "bold red" if bad else "dim"),
        )
        faults = Text("  ".join(f"{name}: {state}" for name, state in self._faults.items()), style="dim")
        return Group(self._progress, line, faults)


def show(console: Console, verdict: Judgement, history: History, smallest: tuple[Seen, ...]) -> None:
    """The verdict: faults, promises, witnesses, and the smallest history that still fails."""
    console.print(_faults(verdict))
    console.print(_promises(verdict))
    for name in verdict.promises:
        found = [each for each in verdict.breaches if each.checker == name]
        for each in found[:MOST_WITNESSES]:
            console.print(Text(f"{name}: {each.witness}", style="red"))
        if len(found) > MOST_WITNESSES:
            console.print(Text(f"{name}: and {len(found) - MOST_WITNESSES} more", style="red"))
    if smallest:
        console.print(Text(f"\nThe smallest history that still fails has {len(smallest)} of {len(history):,} records:"))
        for record in smallest[:20]:
            console.print(Text("  " + _short(record.line()), style="dim"))
    for doubt in verdict.doubts:
        console.print(Text(f"In doubt: {doubt}.", style="yellow"))
    if verdict.not_applicable:
        console.print(Text(f"Not judged, because this server cannot do what it takes: {', '.join(verdict.not_applicable)}."))
    console.print(Text(WORDS[verdict.outcome], style=f"bold {COLOURS[verdict.outcome]}"))


def _faults(verdict: Judgement) -> Table:
    table = Table(
        "fault", "injected", "bites", title=f"{verdict.users} users, {verdict.events:,} events, {verdict.seconds:.0f} s"
    )
    for each in verdict.faults:
        table.add_row(each.name, str(each.injected), str(each.bites), style="" if each.bites else "yellow")
    return table


def _promises(verdict: Judgement) -> Table:
    table = Table("promise", "breaches", "in words")
    for name, (promise, count) in verdict.promises.items():
        table.add_row(name, str(count), promise, style="red" if count else "")
    for name, (promise, lacks) in verdict.not_applicable.items():
        table.add_row(name, f"not applicable: no {', no '.join(lacks)}", promise, style="dim")
    return table


def _short(line: str, most: int = 160) -> str:
    return line if len(line) <= most else line[: most - 1] + "…"
