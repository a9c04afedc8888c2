"""One report as a command asks for it: read the evidence, or get it, compare, write. The status says what came of it."""

import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from netra.report.checklist import checklist
from netra.report.checkout import Checkout
from netra.report.comparison import compared, of, vanished
from netra.report.model import VERSION, Evidence, RegressionReport, ReportRefused, SavedReport, Source
from netra.report.output import html, markdown
from netra.report.sources import guard, health, prove, tests

OLDEST: Final = timedelta(hours=24)
"""Older evidence is old even where no file has changed: what a server says, and what it runs on, does not stay."""

MOST_LINES: Final = 25
"""Defects that a terminal is shown."""


class ReportOrder(msgspec.Struct, frozen=True):
    """What is to be read, and where the report is to be written."""

    paths: tuple[Path, ...] = ()
    """Code that guard is to look at now."""
    guard: Path | None = None
    prove: Path | None = None
    tests: Path | None = None
    health: str = ""
    baseline: Path | None = None
    save: Path | None = None
    markdown: Path | None = None
    html: Path | None = None
    oldest: timedelta = OLDEST

    @property
    def files(self) -> tuple[Path, ...]:
        """Everything that is read or written: none of it is code."""
        named = (self.guard, self.prove, self.tests, self.baseline, self.save, self.markdown, self.html)
        return tuple(path for path in named if path is not None)


def report(order: ReportOrder, say: Callable[[str], None], now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> int:
    """Make the report, write it where it is wanted, and sum it up. 0: nothing new, 1: regressions. Raises `ReportRefused`."""
    baseline = None if order.baseline is None else read_baseline(order.baseline)
    checkout = Checkout.of(Path.cwd(), *order.files)
    evidence = tuple(checkout.judged(each, now(), order.oldest) for each in gather(order, now))
    if not evidence:
        raise ReportRefused("there is no evidence: name some, or a path for guard to look at; see --help")
    made = assemble(evidence, baseline, now(), checkout.commit, "" if order.baseline is None else str(order.baseline))
    writers: tuple[tuple[Path | None, Callable[[RegressionReport], str]], ...] = (
        (order.save, _saved),
        (order.markdown, markdown.write),
        (order.html, html.write),
    )
    for path, write in writers:
        if path is not None:
            _write(path, write(made))
    say(summary(made))
    return made.status


def assemble(
    evidence: tuple[Evidence, ...], baseline: SavedReport | None, made_at: datetime, commit: str, name: str
) -> RegressionReport:
    """The report of this evidence against that baseline."""
    defects, gone = compared(evidence, baseline), vanished(evidence, baseline)
    earlier = () if baseline is None else tuple(each for each in baseline.evidence if of(each.source, evidence) is None)
    return RegressionReport(
        made_at,
        commit,
        evidence,
        earlier,
        defects,
        checklist(evidence, defects, gone, has_baseline=baseline is not None),
        gone,
        name,
        None if baseline is None else baseline.made_at,
        "" if baseline is None else baseline.commit,
    )


def summary(made: RegressionReport) -> str:
    """A few lines for a terminal: each source, what is new and how to see it, and the report in a sentence."""
    lines = []
    for source in Source:
        evidence = made.from_source(source)
        if evidence is None:
            lines.append(f"{source:<7} unknown: {source.silence}")
            continue
        doubts = "".join(f"; in doubt: {doubt}" for doubt in evidence.doubts[:1])
        old = f"; OLD: {evidence.stale}" if evidence.stale else ""
        lines.append(f"{source:<7} {evidence.looked_at}{doubts}{old}")
    for each in made.of_concern[:MOST_LINES]:
        defect = each.defect
        lines.append(f"{each.trend:<10} {defect.name}, {defect.where}: {defect.what}  →  {defect.verify}")
    if (more := len(made.of_concern) - MOST_LINES) > 0:
        lines.append(f"… and {more:,} more, which --markdown and --html hold")
    return "\n".join([*lines, made.headline])


def read_baseline(path: Path) -> SavedReport:
    """The saved report of a file. Raises `ReportRefused`, also when there is none."""
    hint = f"leave --baseline out, and `netra report … --save {path}` writes one"
    try:
        saved = msgspec.json.decode(_read(path), type=SavedReport)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ReportRefused(f"{path}: {error}; {hint}") from error
    except ReportRefused as error:
        raise ReportRefused(f"{error}; {hint}") from error
    if saved.version != VERSION:
        raise ReportRefused(f"{path}: this Netra reads version {VERSION} of a saved report, not {saved.version}; {hint}")
    return saved


def gather(order: ReportOrder, now: Callable[[], datetime]) -> list[Evidence]:
    """The evidence that the order names; guard is run where paths are given. Raises `ReportRefused`."""
    if order.guard is not None and order.paths:
        raise ReportRefused("guard has looked already, as --guard says, and is to look at paths: which of them counts?")
    found = []
    if order.guard is not None:
        found.append(guard.read(_read(order.guard), str(order.guard)))
    if order.paths:
        found.append(guard.read(_run_guard(order.paths), "guard.json"))
    if order.prove is not None:
        found.append(prove.read(_read(order.prove), str(order.prove)))
    if order.tests is not None:
        found.append(tests.read(_read(order.tests), str(order.tests), _written_at(order.tests), Path.cwd()))
    if order.health:
        found.append(health.ask(order.health, now()))
    return found


def _run_guard(paths: tuple[Path, ...]) -> bytes:
    """The document of guard over these paths, which runs beside us: a report imports nothing of it."""
    with tempfile.TemporaryDirectory(prefix="netra-report-") as folder:
        document = Path(folder, "guard.json")
        options = ["--format", "json", "--output", str(document), "--", *map(str, paths)]
        done = subprocess.run(  # noqa: S603 - our own words, and paths behind --
            [sys.executable, "-m", "netra.guard", *options], stderr=subprocess.PIPE, check=False
        )
        if done.returncode not in (0, 1):
            raise ReportRefused(done.stderr.decode("utf-8", "replace").strip() or "guard could not run")
        return document.read_bytes()


def _saved(made: RegressionReport) -> str:
    """The same report gives the same text, so that a baseline in a repository changes where something has."""
    content = msgspec.json.encode(made.saved(), order="deterministic")
    return msgspec.json.format(content, indent=1).decode() + "\n"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ReportRefused(f"{path}: {error.strerror}") from error


def _write(path: Path, content: str) -> None:
    try:
        path.write_text(content, "utf-8", "backslashreplace")
    except OSError as error:
        raise ReportRefused(f"{path}: {error.strerror}") from error


def _written_at(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)
