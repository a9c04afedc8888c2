"""The page that shows who kept which promise: docs/comparison.md, made from results.json and nothing else."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tests.prove.comparison.contestants import CONTESTANTS, Contestant
from tests.prove.comparison.running import Trial, arguments_of

ROOT: Final = Path(__file__).parents[3]
PAGE: Final = ROOT / "docs/comparison.md"
RESULTS: Final = Path(__file__).with_name("results.json")
MOST: Final = 300
"""Characters of a witness."""
IDS: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

HEAD: Final = """# Other servers, judged by the same proof

`make compare` starts each server below on this machine, with a model that needs no network and repeats slowly what it is told,
and attacks it with `netra prove`: the same workload, the same faults as far as the server can suffer them, the same checkers.
This page is written by that command, and every figure in it was seen.

How to read it. A verdict says what was **seen** under the settings that stand beside it, in one run, on one small machine; it
says nothing of other settings, other versions or a hosted service. *held* means that nothing was seen to break it. *n/a* means
that it cannot be judged here, because the protocol does not have what it takes, because the target does not use it (as the
idempotency keys of Agno's job queue), or because nobody kills the server's processes: it is neither a fault nor a merit. The
promises are ours ([`netra prove`](prove.md)); a server that never made one is not blamed for it.

Where nobody signs in, a server cannot know who is asking. That somebody who names another's thread is then shown it is what
its documentation says, and is told here because those are the defaults; the production column is the one to compare.
"""


def rendered(results: Mapping[str, Any]) -> str:
    """The page."""
    trial = Trial(**results["trial"])
    known = {entry["title"]: entry for entry in results["contestants"]}
    shown = [(each, known[each.title]) for each in CONTESTANTS if each.title in known]
    size = f"{trial.users} users, {trial.seconds} s of attack, seed {trial.seed}"
    parts = [HEAD, f"Measured on {results['date']}, {results['machine']}: {size}.\n", _table(shown)]
    parts += [_section(contestant, entry, trial) for contestant, entry in shown]
    return "\n".join(parts)


def _table(shown: Sequence[tuple[Contestant, Mapping[str, Any]]]) -> str:
    titles = [contestant.title for contestant, _ in shown]
    promises = sorted({row["checker"] for _, entry in shown for row in (*entry["promises"], *entry["not_applicable"])})
    lines = [f"| promise | {' | '.join(titles)} |", f"|---|{'---|' * len(titles)}"]
    lines += [f"| {promise} | {' | '.join(_cell(entry, promise) for _, entry in shown)} |" for promise in promises]
    lines += [f"| *verdict* | {' | '.join(_verdict(entry) for _, entry in shown)} |"]
    return "\n".join([*lines, ""])


def _cell(entry: Mapping[str, Any], promise: str) -> str:
    for row in entry["promises"]:
        if row["checker"] == promise:
            return f"**broken** {row['breaches']}×" if row["breaches"] else "held"
    return "n/a"


def _verdict(entry: Mapping[str, Any]) -> str:
    return "**breach**" if entry["verdict"] == "breach" else str(entry["verdict"])


def _section(contestant: Contestant, entry: Mapping[str, Any], trial: Trial) -> str:
    key = "users.key" if contestant.keyed else ""
    proof = " ".join(arguments_of(contestant, trial, f"http://127.0.0.1:PORT{contestant.path}", key))
    packages = ", ".join(f"{name} {number}" for name, number in entry["versions"].items())
    lines = [
        f"## {contestant.title}",
        "",
        f"{packages}. Settings: {contestant.words}",
        "",
        f"> {contestant.quote}",
        ">",
        f"> — {contestant.source}",
        "",
        "```console",
        f"$ {'COMPARISON_KEY=$(cat users.key) ' if contestant.keyed else ''}{contestant.command}",
        f"$ {proof}",
        "```",
        "",
    ]
    lines += [f"- **{row['checker']}**: {_witness(row['witness'])}" for row in _first_of_each(entry["breaches"])]
    if not entry["breaches"]:
        lines.append("- No promise was seen broken.")
    if contestant.remark and any(row["checker"] == "order" for row in entry["breaches"]):
        lines.append(f"- Of order: {contestant.remark}")
    lines += [f"- In doubt: {doubt}." for doubt in entry["doubts"]]
    lacks = [f"{row['checker']} (no {', no '.join(row['lacks'])})" for row in entry["not_applicable"]]
    lines += [f"- Not applicable: {', '.join(lacks)}."] if lacks else []
    bites = [f"{row['fault']} {row['bites']}" for row in entry["faults"]]
    done = sum(counts.get("ok", 0) for counts in entry["operations"].values())
    seen = f"{done:,} operations done, {entry['events']:,} events"
    lines += [f"- Seen: {seen}. Faults, with their bites: {', '.join(bites)}.", ""]
    return "\n".join(lines)


def _first_of_each(breaches: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    first: dict[str, Mapping[str, Any]] = {}
    for row in breaches:
        first.setdefault(row["checker"], row)
    return list(first.values())


def _witness(text: str) -> str:
    """In one line, without what would be read as Markdown, and with ids that can be read."""
    short = IDS.sub(lambda found: f"{found[0][:4]}…{found[0][-4:]}", " ".join(text.split()))
    short = short if len(short) <= MOST else short[: MOST - 1] + "…"
    return "".join(f"\\{each}" if each in "|*_<>[]`" else each for each in short)
