"""What is new, still open, fixed or unknown against the baseline. Only who looked again, and as well as then, may say fixed."""

from collections.abc import Iterator, Sequence
from typing import Final

from netra.report.model import ComparedDefect, Defect, Evidence, SavedReport, Source, Trend

LESS_EFFORT: Final = 0.9
"""A proof that tried less hard than this share of the one that found a breach does not show that it is gone."""

ORDER: Final = tuple(Trend)


def compared(evidence: Sequence[Evidence], baseline: SavedReport | None) -> tuple[ComparedDefect, ...]:
    """Every defect of the evidence and of the baseline once, the new ones first."""
    found = [each for source in Source for each in _of_source(source, evidence, baseline)]
    return tuple(sorted(found, key=lambda each: ORDER.index(each.trend)))


def vanished(evidence: Sequence[Evidence], baseline: SavedReport | None) -> tuple[str, ...]:
    """Tests that passed in the baseline and that nobody ran this time, in order; nothing when no tests were run at all."""
    now, then = of(Source.TESTS, evidence), None if baseline is None else of(Source.TESTS, baseline.evidence)
    if now is None or then is None:
        return ()
    return tuple(sorted(then.coverage.names - now.coverage.names - {defect.key for defect in now.defects}))


def of(source: Source, evidence: Sequence[Evidence]) -> Evidence | None:
    """What a source says, when it says anything."""
    return next((each for each in evidence if each.source is source), None)


def _of_source(source: Source, evidence: Sequence[Evidence], baseline: SavedReport | None) -> Iterator[ComparedDefect]:
    now = of(source, evidence)
    then = None if baseline is None else of(source, baseline.evidence)
    known = {defect.key: defect for defect in then.defects} if then is not None else {}
    if baseline is not None:
        known |= {defect.key: defect for defect in baseline.unresolved if defect.source is source}
    seen = {defect.key for defect in now.defects} if now is not None else set()
    for defect in now.defects if now is not None else ():
        if defect.key in known:
            yield ComparedDefect(defect, Trend.OPEN, "it is in the baseline")
        else:
            yield ComparedDefect(defect, Trend.NEW, _why_new(defect, then, baseline))
    for key, defect in known.items():
        if key not in seen:
            blind = _why_unknown(defect, now, then)
            trend = Trend.UNKNOWN if blind else Trend.FIXED
            yield ComparedDefect(defect, trend, blind or "it was looked for again, and is not there")


def _why_new(defect: Defect, then: Evidence | None, baseline: SavedReport | None) -> str:
    if baseline is None:
        return "there is no baseline to compare with"
    if then is None:
        return f"the baseline has nothing of {defect.source}, so nobody can say that it was there before"
    if defect.code and not then.coverage.enters(defect.path, defect.code):
        return "the baseline did not look there"
    return f"it was not there on {then.began_at:%Y-%m-%d %H:%M} UTC"


def _why_unknown(defect: Defect, now: Evidence | None, then: Evidence | None) -> str:
    """Why nobody can say that it is fixed; empty when somebody can."""
    if now is None:
        return f"{defect.source.silence} this time"
    if now.stale:
        return f"the evidence is old: {now.stale}"
    coverage = now.coverage
    if coverage.hidden:
        return "a baseline of guard's own hides findings, and it may be one of them"
    if defect.code and not coverage.enters(defect.path, defect.code):
        return f"guard did not look for {defect.code} in {defect.path}"
    if missing := [name for name in defect.scope if name not in coverage.names]:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        return f"this was not seen to hold: {missing[0]}{more}"
    if then is not None and coverage.effort < then.coverage.effort * LESS_EFFORT:
        return "the proof had fewer users or less time than the one that found it"
    return ""
