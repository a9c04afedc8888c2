"""A report as Markdown, for a pull request or a page of a wiki."""

import re
from collections.abc import Iterator
from typing import Final

from netra.report.checkout import in_words
from netra.report.model import ComparedDefect, Evidence, RegressionReport, Source, Tick, Trend
from netra.report.risks import risks

MARKS: Final = {Tick.HELD: "x", Tick.BROKEN: " ", Tick.UNKNOWN: " "}
WORDS: Final = {Tick.HELD: "Seen: ", Tick.BROKEN: "**Broken**: ", Tick.UNKNOWN: "**Unknown**: "}
MOST_TESTS: Final = 20
"""Tests that are named one by one; the rest are counted."""

SECTIONS: Final = {
    Trend.NEW: ("New", "Nothing that was looked at is new."),
    Trend.OPEN: ("Still open", "Nothing that was looked at is still open."),
    Trend.UNKNOWN: ("Unknown: open in the baseline, and not looked at since", "Nothing."),
    Trend.FIXED: ("Fixed: looked for again, and gone", "Nothing."),
}

LEGEND: Final = """\
A point is ticked when evidence of the code as it is now says so: a document that was made after the last change, and that
looked at all of it. What was not run, is old or is in doubt is unknown, and is never ticked.
"""


def write(made: RegressionReport) -> str:
    """The whole page. Whatever tools and servers have said is text, and no markup."""
    return "\n".join([*_head(made), *_evidence(made), *_defects(made), *_risks(made), *_checklist(made)]) + "\n"


def _head(made: RegressionReport) -> Iterator[str]:
    commit = f" at commit `{made.commit}`" if made.commit else ", of no Git checkout"
    yield "# Regression report\n"
    yield f"**{made.headline}**\n"
    yield f"Made on {made.made_at:%Y-%m-%d %H:%M} UTC{commit}."
    if made.baseline_at is None:
        yield "Compared with nothing: there is no baseline.\n"
    else:
        of_commit = f", commit `{made.baseline_commit}`" if made.baseline_commit else ""
        yield f"Compared with {_code(made.baseline)} of {made.baseline_at:%Y-%m-%d %H:%M} UTC{of_commit}.\n"


def _evidence(made: RegressionReport) -> Iterator[str]:
    yield "## Evidence\n"
    yield "| source | looked at | when | says something about the code as it is now | again |"
    yield "|---|---|---|---|---|"
    for source in Source:
        now = made.from_source(source)
        yield _nothing(made, source) if now is None else _row(made, now)
    yield ""


def _row(made: RegressionReport, evidence: Evidence) -> str:
    age = in_words(made.made_at - evidence.began_at)
    current = f"**old**: {_text(evidence.stale, in_table=True)}" if evidence.stale else "yes"
    again = _code(evidence.command, in_table=True)
    doubts = "".join(f"; **in doubt**: {_text(doubt)}" for doubt in evidence.doubts)
    return f"| {evidence.source} | {_text(evidence.looked_at)} | {age} before | {current}{doubts} | {again} |"


def _nothing(made: RegressionReport, source: Source) -> str:
    before = next((each for each in made.earlier if each.source is source), None)
    known = "" if before is None else f"; last seen {in_words(made.made_at - before.began_at)} before, in the baseline"
    return f"| {source} | nothing | not run{known} | **unknown** | |"


def _defects(made: RegressionReport) -> Iterator[str]:
    for trend, (title, none) in SECTIONS.items():
        found = made.of(trend)
        yield f"## {title} ({len(found)})\n"
        if not found:
            yield f"{none}\n"
        for each in found:
            yield from _short(each) if trend is Trend.FIXED else _long(each)
        if found and trend is Trend.FIXED:
            yield ""
    if made.vanished:
        yield f"## Tests that passed in the baseline and did not run ({len(made.vanished):,})\n"
        yield from (f"- {_code(test)}" for test in made.vanished[:MOST_TESTS])
        more = len(made.vanished) - MOST_TESTS
        yield f"- and {more:,} more\n" if more > 0 else ""


def _short(each: ComparedDefect) -> Iterator[str]:
    defect = each.defect
    yield f"- **{_text(defect.name)}** {_code(defect.where)}: {_text(each.because)}. {_code(defect.verify)}"


def _long(each: ComparedDefect) -> Iterator[str]:
    defect = each.defect
    yield f"### {_text(defect.name)} · {_code(defect.where)}\n"
    yield f"{_text(defect.what)}\n"
    yield f"- **Users:** {_text(defect.impact)}"
    yield f"- **Risk:** {defect.risk}, seen by {defect.source}"
    yield f"- **{each.trend.capitalize()}:** {_text(each.because)}"
    yield from (f"- **Proof:** {_text(line)}" for line in defect.proof)
    yield f"- **Verify:** {_code(defect.verify)}\n"


def _risks(made: RegressionReport) -> Iterator[str]:
    yield "## Race and isolation risks\n"
    for section in risks(made):
        yield f"**{section.title}** {section.words}\n"
        yield from (f"- {each.trend}: {_text(each.defect.name)} {_code(each.defect.where)}" for each in section.open)
        yield from (f"- not known: {_text(why)}" for why in section.blind)
        if section.open or section.blind:
            yield ""


def _checklist(made: RegressionReport) -> Iterator[str]:
    held = sum(point.tick is Tick.HELD for point in made.checklist)
    yield f"## Prevention checklist ({held} of {len(made.checklist)} shown to hold)\n"
    for point in made.checklist:
        because = f"{WORDS[point.tick]}{_text(point.because)}"
        yield f"- [{MARKS[point.tick]}] {point.sentence} {because}. {_code(point.verify)}"
    yield f"\n{LEGEND.rstrip()}"


def _text(words: str, *, in_table: bool = False) -> str:
    """Words on one line that no reader of Markdown takes for markup; what stands between backticks is code."""
    # Every second piece of a split by a group is what the group has found.
    pieces = enumerate(re.split(r"`([^`]+)`", " ".join(words.split())))
    return "".join(_code(piece, in_table=in_table) if at % 2 else _escaped(piece) for at, piece in pieces)


def _escaped(line: str) -> str:
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", line)


def _code(text: str, *, in_table: bool = False) -> str:
    """Text between as many backticks as it needs. Only in a table does a bar end more than itself."""
    line = " ".join(text.split())
    if not line:
        return ""
    if in_table:
        line = line.replace("|", "\\|")
    longest = max((len(run) for run in re.findall(r"`+", line)), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {line} {fence}" if longest else f"`{line}`"
