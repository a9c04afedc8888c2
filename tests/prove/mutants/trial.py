"""Whether a proof can fail: every defect is attacked, and has to be caught; Netra without it has to pass the same attack.

    python -m tests.prove.mutants.trial                    all of them
    python -m tests.prove.mutants.trial fence-ignored      one of them

What was caught is written into the table in docs/prove.md.
The status is 1 when a defect was not caught, or not in time, or not by the checker that is there for it, and when Netra
itself did not pass; 2 when there is no such defect.
"""

import asyncio
import functools
import io
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from netra.cli.prove import OURS, own_servers
from netra.prove.checkers import Breach
from netra.prove.command import Order, attack, chosen
from netra.prove.history import History
from netra.prove.servers import NETRA
from netra.prove.verdict import Conclusion, Judgement, judge
from tests.prove.mutants import Attack, Defect, load, program

PAGE: Final = Path(__file__).parents[3] / "docs/prove.md"
BEGINS: Final = "<!-- the defects: written by `make prove-mutants` -->"
ENDS: Final = "<!-- the end of the defects -->"
HEAD: Final = ("| defect | what is wrong | attack | caught by | witness | seconds (of at most) |", "|---|---|---|---|---|---|")
LONGEST: Final = 200
"""Characters of a witness in the page."""
UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Trial:
    """What a proof has said of a defect."""

    defect: Defect
    verdict: Judgement

    @property
    def witness(self) -> Breach | None:
        """The first breach of those that are this defect's."""
        return next((breach for breach in self.verdict.breaches if breach.checker in self.defect.checkers), None)

    @property
    def objection(self) -> str | None:
        """Why the defect does not count as caught; None: it does."""
        if self.witness is None:
            others = ", ".join(sorted({breach.checker for breach in self.verdict.breaches})) or "nobody"
            expected = " or ".join(self.defect.checkers)
            return f"{expected} has not seen it (but {others} has): {'; '.join(self.verdict.doubts)}"
        if self.verdict.seconds > self.defect.within:
            return f"it took {self.verdict.seconds:.0f} s, of {self.defect.within:.0f}"
        return None


def attacked(given: Attack, command: Sequence[str] = NETRA) -> History:
    """The history of one attack on servers of our own that this command starts. Raises `NotSupported`."""
    faults = given.faults or ("none",)
    order = Order((), given.users, given.seconds, given.seed, faults, given.pace, settle=given.settle)
    own = functools.partial(own_servers, command, {**OURS, **given.settings})
    return asyncio.run(attack(order, chosen(faults, ours=True), Console(file=io.StringIO()), own))


def tried(defect: Defect) -> Trial:
    """Attack the defect. Raises `NotSupported` when its servers do not start, as when the defect cannot be made."""
    return Trial(defect, judge(attacked(defect.attack, program(defect.name)).records))


def row(trial: Trial) -> str:
    """What was caught, by whom, with which witness, in which time."""
    defect, given = trial.defect, trial.defect.attack
    how = ", ".join(f"`{fault}`" for fault in given.faults) or "no fault"
    seconds = f"{trial.verdict.seconds:.0f} ({defect.within:.0f})"
    who = trial.witness.checker if trial.witness else "nobody"
    cells = f"`{defect.name}`", defect.words, f"{given.users} users, {how}", who, words(trial.witness), seconds
    return f"| {' | '.join(cells)} |"


def words(witness: Breach | None) -> str:
    """The witness as a page can show it: without what differs from one proof to the next for no reason."""
    text = UUID.sub("…", witness.witness if witness else "none").partition(": …")[0]
    return text[:LONGEST].replace("|", "\\|")


def written(page: str, trial: Trial) -> str:
    """The page with this trial in its table, beside those that are there. Raises `ValueError` for a page without one."""
    before, begins, rest = page.partition(BEGINS)
    block, ends, after = rest.partition(ENDS)
    if not begins or not ends:
        raise ValueError("the page has no place for the table of defects")
    rows = {line.split("`")[1]: line for line in block.splitlines() if line.startswith("| `")}
    rows[trial.defect.name] = row(trial)
    table = "\n".join([*HEAD, *(rows[name] for name in sorted(rows))])
    return f"{before}{BEGINS}\n\n{table}\n\n{ENDS}{after}"


def main(names: Sequence[str]) -> int:
    """Try them, say how it went, write the page. Gives the status."""
    known = load()
    if unknown := sorted({*names} - known.keys()):
        sys.stderr.write(f"There is no defect {unknown[0]}; there are {', '.join(known)}.\n")
        return 2
    failed = False
    sound: set[Attack] = set()
    for defect in [known[name] for name in names] if names else known.values():
        if defect.attack not in sound:
            sound.add(defect.attack)
            verdict = judge(attacked(defect.attack).records)
            failed |= verdict.outcome is not Conclusion.PROVED
            _say("Netra itself", verdict.outcome.name.lower(), verdict, [*verdict.doubts])
        trial = tried(defect)
        failed |= trial.objection is not None
        if trial.objection is None:
            PAGE.write_text(written(PAGE.read_text("utf-8"), trial), "utf-8")
        caught = f"caught by {trial.witness.checker}" if trial.witness else ""
        _say(defect.name, trial.objection or caught, trial.verdict, [words(trial.witness)])
    return int(failed)


def _say(what: str, how: str, verdict: Judgement, more: Sequence[str]) -> None:
    sys.stdout.write(f"{what:24} {verdict.seconds:5.1f} s  {how}\n")
    sys.stdout.writelines(f"{'':33} {line}\n" for line in (*more, *(breach.witness for breach in verdict.breaches[:3])))
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
