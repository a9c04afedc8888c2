"""What a report is made of. Everything here is a value, and is saved as JSON as it stands."""

from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Final

import msgspec

VERSION: Final = 1


class ReportRefused(Exception):
    """There is nothing to report, or an input is not what it is said to be."""


class Source(StrEnum):
    """Who says so."""

    GUARD = "guard"
    PROVE = "prove"
    TESTS = "tests"
    HEALTH = "health"

    @property
    def silence(self) -> str:
        """That it said nothing, in words."""
        return {"tests": "no tests were run", "health": "no server was asked"}.get(self, f"{self} was not run")


class Risk(StrEnum):
    """What kind of harm a defect does."""

    ISOLATION = "isolation"
    """One user meets what belongs to another."""

    RACE = "race"
    """It depends on who comes first, so it passes every test that is done alone."""

    DELIVERY = "delivery"
    """Something is lost, doubled, out of order, or never ends."""

    AVAILABILITY = "availability"
    """It answers with an error, slowly, or not at all."""

    BEHAVIOUR = "behaviour"
    """A test's promise does not hold. Which harm that does, its sentence tells a person, and no program."""

    TRUST = "trust"
    """What is believed to be tested or known is not."""


class Defect(msgspec.Struct, frozen=True):
    """Something that is wrong, as one source saw it."""

    source: Source
    key: str
    """The same over versions: guard's fingerprint, prove's promise and fault, the id of a test, the name of a check."""
    name: str
    what: str
    impact: str
    """What it means for users."""
    risk: Risk
    verify: str
    """The command that says whether it is still there."""
    where: str = ""
    proof: tuple[str, ...] = ()
    scope: tuple[str, ...] = ()
    """What must have been looked at, and found right, before anybody may call it fixed."""
    code: str = ""
    """The rule of guard, for which `where` begins with a path."""

    @property
    def path(self) -> str:
        return self.where.rpartition(":")[0] if self.code else ""


class Coverage(msgspec.Struct, frozen=True):
    """What evidence looked at. What is outside of it is unknown, however clean the rest is."""

    names: frozenset[str] = frozenset()
    """What was found right by name: tests that passed, promises that held, faults that bit, checks that succeeded."""
    paths: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    """Codes of guard's rules that were on."""
    rules_off: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    per_file_ignores: tuple[tuple[str, tuple[str, ...]], ...] = ()
    hidden: int = 0
    """Findings that a baseline of guard's own kept out of the document."""
    effort: float = 0.0
    """How hard it was tried: users times seconds of a proof."""

    def enters(self, path: str, code: str) -> bool:
        """Whether guard would have shown this code in this file."""
        file = PurePosixPath(path)
        return (
            code in self.rules
            and any(PurePosixPath(each) in (file, *file.parents) for each in self.paths)
            and not any(file.match(pattern) for pattern in self.exclude)
            and not any(
                fnmatchcase(path, pattern) and any(code.startswith(each) for each in codes)
                for pattern, codes in self.per_file_ignores
            )
        )


class Evidence(msgspec.Struct, frozen=True):
    """What one source said, when, and about what."""

    source: Source
    origin: str
    """The file or the address that it was read from."""
    began_at: datetime
    """Whatever was changed later, it has not seen."""
    looked_at: str
    """How much, in words: `412 files, 61,030 lines`."""
    command: str
    """How to get it anew."""
    defects: tuple[Defect, ...] = ()
    coverage: Coverage = Coverage()
    doubts: tuple[str, ...] = ()
    """Why it proves less than it seems to."""
    skipped: tuple[tuple[str, str], ...] = ()
    """Tests that did not run, each with the reason."""
    stale: str = ""
    """Why it says nothing about the code as it is now; empty when it does."""
    commit: str = ""
    """The commit that was checked out when it was read."""


class Trend(StrEnum):
    """How a defect stands against the baseline."""

    NEW = "new"
    OPEN = "still open"
    UNKNOWN = "unknown"
    """It was open, and nobody has looked since."""
    FIXED = "fixed"


class ComparedDefect(msgspec.Struct, frozen=True):
    """A defect, how it stands, and why that is said."""

    defect: Defect
    trend: Trend
    because: str


class Tick(StrEnum):
    """What evidence says about a point of the checklist."""

    HELD = "held"
    BROKEN = "broken"
    UNKNOWN = "unknown"


class ChecklistPoint(msgspec.Struct, frozen=True):
    """One thing that keeps a regression from coming back, ticked by what was seen."""

    sentence: str
    tick: Tick
    because: str
    verify: str


class SavedReport(msgspec.Struct, frozen=True):
    """What the next report is compared with."""

    version: int
    made_at: datetime
    commit: str
    evidence: tuple[Evidence, ...]
    """What each source said last, whenever that was."""
    unresolved: tuple[Defect, ...] = ()
    """Defects that were open and that the last evidence of their source did not look at."""


class RegressionReport(msgspec.Struct, frozen=True):
    """All of a report."""

    made_at: datetime
    commit: str
    evidence: tuple[Evidence, ...]
    """What was read this time."""
    earlier: tuple[Evidence, ...]
    """What the baseline knew of sources that were not run this time."""
    defects: tuple[ComparedDefect, ...]
    checklist: tuple[ChecklistPoint, ...]
    vanished: tuple[str, ...] = ()
    """Tests that passed in the baseline, and that were not run this time or were skipped."""
    baseline: str = ""
    """The file of the baseline; empty without one."""
    baseline_at: datetime | None = None
    baseline_commit: str = ""

    def of(self, trend: Trend) -> tuple[ComparedDefect, ...]:
        return tuple(each for each in self.defects if each.trend is trend)

    @property
    def of_concern(self) -> tuple[ComparedDefect, ...]:
        """What is there, or may be: everything but what was fixed, the new ones first."""
        return tuple(each for each in self.defects if each.trend is not Trend.FIXED)

    def from_source(self, source: Source) -> Evidence | None:
        return next((each for each in self.evidence if each.source is source), None)

    @property
    def unknown_sources(self) -> tuple[Source, ...]:
        """Sources that say nothing about the code as it is now."""
        return tuple(source for source in Source if (found := self.from_source(source)) is None or found.stale)

    @property
    def headline(self) -> str:
        """The report in one sentence. It never says more than there is evidence for."""
        new = len(self.of(Trend.NEW))
        still = len(self.of(Trend.OPEN))
        unproved = sum(point.tick is not Tick.HELD for point in self.checklist)
        if new:
            against = "" if self.baseline else " (no baseline: whatever is open counts as new)"
            return f"{new} {'regression' if new == 1 else 'regressions'}{against}."
        known = f"; {still} known {'defect is' if still == 1 else 'defects are'} still open" if still else ""
        if not unproved:
            return f"Nothing new{known}: every point of the checklist has evidence."
        points = f"{unproved} of {len(self.checklist)} points of the checklist are not shown to hold"
        return f"Nothing new in what was looked at{known}; {points}."

    @property
    def status(self) -> int:
        """0: nothing new; 1: a regression."""
        return 1 if self.of(Trend.NEW) else 0

    def saved(self) -> SavedReport:
        """What is to be kept for the next one. What nobody looked at stays open there."""
        unresolved = tuple(
            each.defect
            for each in self.of(Trend.UNKNOWN)
            if not any(each.defect in evidence.defects for evidence in self.earlier)
        )
        return SavedReport(VERSION, self.made_at, self.commit, (*self.evidence, *self.earlier), unresolved)
