"""What keeps a regression from coming back, ticked by evidence. Nobody can tick a point by hand, and none without evidence."""

import shlex
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Final

from netra.report.comparison import of
from netra.report.model import ChecklistPoint, ComparedDefect, Coverage, Evidence, Source, Tick, Trend
from netra.report.sources.health import LIVE, READY
from netra.report.sources.prove import promise_held

FAMILIES: Final = (
    ("A", "Whatever is asynchronous is awaited: work that was asked for is done."),
    ("S", "Nothing of one user is kept where another one's request finds it."),
    ("D", "Every database session ends with its unit of work, and is nobody else's meanwhile."),
    ("E", "Settings are read by the module that owns them, and by no other."),
    ("M", "No name is used that nothing defines."),
    ("T", "Every test can fail."),
    ("G", "Every file that was looked at could be read."),
)

NEEDED: Final = {
    "A": ("A101", "A102", "A103", "A104"),
    "S": ("S101", "S102", "S106", "S107"),
    "D": ("D101", "D103", "D105", "D106"),
    "E": ("E101", "E102", "E103"),
    "M": ("M102", "M107"),
    "T": ("T101", "T104", "T107"),
    "G": ("G101",),
}
"""Rules of guard without which a point says more than was looked for. Those of E are on where somebody has named the owners."""

PROMISES: Final = (
    (("access", "foreign-marks", "secrets"), "Real users at the same time, with faults, are shown nothing of one another."),
    (("effects", "order", "resumes", "run-ends"), "Nothing is lost, done twice, out of order or left without an end."),
    (("durability",), "A machine that loses its power takes nothing back that was said to be committed."),
    (("plan-changes", "quotas"), "Allowances are exact, and a change of plan reaches everybody at once."),
    (("fairness", "leaks", "recovery"), "Nobody suffers from a neighbour; the server recovers, and gives back what it used."),
)

ASKED_FOR: Final = {
    Source.GUARD: "netra guard src --format json --output guard.json",
    Source.PROVE: "netra prove --self --users 50 --seconds 120 --json verdict.json",
    Source.TESTS: "python -m pytest --junitxml=junit.xml",
    Source.HEALTH: "curl --fail http://localhost:8000/health/ready",
}
"""How to get evidence of a source that there is none of."""

Said = tuple[Tick, str]


def checklist(
    evidence: Sequence[Evidence], defects: Sequence[ComparedDefect], vanished: Sequence[str], *, has_baseline: bool
) -> tuple[ChecklistPoint, ...]:
    """Every point, in order."""
    return (
        *_of_guard(of(Source.GUARD, evidence)),
        *_of_tests(of(Source.TESTS, evidence), vanished, has_baseline=has_baseline),
        *_of_prove(of(Source.PROVE, evidence)),
        *_of_health(of(Source.HEALTH, evidence)),
        *_of_comparison(evidence, defects, has_baseline=has_baseline),
    )


def _blind(source: Source, evidence: Evidence | None) -> str:
    """Why a source says nothing about the code as it is now; empty when it does."""
    if evidence is None:
        return source.silence
    return f"the evidence is old: {evidence.stale}" if evidence.stale else ""


def _point(source: Source, evidence: Evidence | None, sentence: str, said: Said, verify: str = "") -> ChecklistPoint:
    """A point that says what it was told, unless nothing current could have told it."""
    command = verify or (ASKED_FOR[source] if evidence is None else evidence.command)
    if blind := _blind(source, evidence):
        return ChecklistPoint(sentence, Tick.UNKNOWN, blind, command)
    return ChecklistPoint(sentence, *said, command)


def _of_guard(evidence: Evidence | None) -> Iterator[ChecklistPoint]:
    for family, sentence in FAMILIES:
        verify = "" if evidence is None else shlex.join(["netra", "guard", *evidence.coverage.paths, "--select", family])
        said = (Tick.UNKNOWN, "") if evidence is None else _family(evidence, family)
        yield _point(Source.GUARD, evidence, sentence, said, verify)


def _family(evidence: Evidence, family: str) -> Said:
    coverage = evidence.coverage
    if found := sum(defect.code.startswith(family) for defect in evidence.defects):
        return Tick.BROKEN, f"{found} {'finding' if found == 1 else 'findings'} of family {family}"
    if evidence.doubts:
        return Tick.UNKNOWN, evidence.doubts[0]
    if missing := [code for code in NEEDED[family] if code not in coverage.rules]:
        return Tick.UNKNOWN, f"{', '.join(missing)} {'was' if len(missing) == 1 else 'were'} not looked for"
    if family == "T" and not _looks_at_tests(coverage):
        return Tick.UNKNOWN, f"guard looked at {', '.join(coverage.paths)}, and not at tests"
    on = sum(code.startswith(family) for code in coverage.rules)
    off = [code for code in coverage.rules_off if code.startswith(family)]
    past = [*coverage.exclude, *(path for path, codes in coverage.per_file_ignores if any(c.startswith(family) for c in codes))]
    without = f", without {', '.join(off)}" if off else ""
    but = f", but not in {', '.join(past)}" if past else ""
    return Tick.HELD, f"nothing found by {on} rules of family {family}{without}, in {evidence.looked_at}{but}"


def _looks_at_tests(coverage: Coverage) -> bool:
    """Whether tests lie in what guard looked at, as far as their folder or their file says so."""
    return any(not PurePosixPath(path).parts or "test" in path.lower() for path in coverage.paths)


def _of_tests(evidence: Evidence | None, vanished: Sequence[str], *, has_baseline: bool) -> Iterator[ChecklistPoint]:
    yield _point(Source.TESTS, evidence, "Every test that ran passed.", _passing(evidence))
    yield _point(Source.TESTS, evidence, "Every test ran, or says why it did not.", _reasons(evidence))
    if not has_baseline:
        gone: Said = (Tick.UNKNOWN, "there is no baseline to compare with")
    elif vanished:
        gone = (Tick.BROKEN, f"{len(vanished):,} that passed in the baseline did not run, `{vanished[0]}` the first of them")
    else:
        gone = (Tick.HELD, "every test that passed in the baseline ran")
    yield _point(Source.TESTS, evidence, "No test that used to pass has gone, or is skipped now.", gone)


def _passing(evidence: Evidence | None) -> Said:
    if evidence is None or evidence.doubts:
        return Tick.UNKNOWN, "no test ran"
    return (Tick.BROKEN if evidence.defects else Tick.HELD), evidence.looked_at


def _reasons(evidence: Evidence | None) -> Said:
    if evidence is None or evidence.doubts:
        return Tick.UNKNOWN, "no test ran"
    if silent := [test for test, reason in evidence.skipped if not reason]:
        return Tick.BROKEN, f"{len(silent):,} did not, `{silent[0]}` the first of them"
    return Tick.HELD, f"{len(evidence.skipped):,} skipped, each with a reason"


def _of_prove(evidence: Evidence | None) -> Iterator[ChecklistPoint]:
    for promises, sentence in PROMISES:
        said = (Tick.UNKNOWN, "") if evidence is None else _promised(evidence, promises)
        yield _point(Source.PROVE, evidence, sentence, said)
    if evidence is not None and (others := _other_promises(evidence)):
        yield _point(Source.PROVE, evidence, "Whatever else was promised holds.", _promised(evidence, others))


def _promised(evidence: Evidence, promises: Sequence[str]) -> Said:
    broken = [defect.name for defect in evidence.defects if defect.key.split()[0] in promises]
    if broken:
        return Tick.BROKEN, f"broken: {', '.join(broken)}"
    if evidence.doubts:
        return Tick.UNKNOWN, f"the proof is in doubt: {evidence.doubts[0]}"
    if missing := [each for each in promises if promise_held(each) not in evidence.coverage.names]:
        return Tick.UNKNOWN, f"{', '.join(missing)} was not judged"
    return Tick.HELD, f"{', '.join(promises)}: {evidence.looked_at}"


def _other_promises(evidence: Evidence) -> list[str]:
    """Promises that were judged and that no other point speaks of."""
    named = {promise_held(each) for promises, _ in PROMISES for each in promises}
    judged = {*evidence.coverage.names, *(promise_held(defect.key.split()[0]) for defect in evidence.defects)}
    return sorted(name.removeprefix(promise_held("")) for name in judged - named if name.startswith(promise_held("")))


def _of_health(evidence: Evidence | None) -> Iterator[ChecklistPoint]:
    names = frozenset() if evidence is None else evidence.coverage.names
    wrong = () if evidence is None else tuple(defect.what.rstrip(".") for defect in evidence.defects)
    answers: Said = (Tick.HELD, f"{'' if evidence is None else evidence.looked_at}")
    ready = answers if {LIVE, READY} <= names else (Tick.BROKEN, "; ".join(wrong[:2]))
    yield _point(Source.HEALTH, evidence, "The running server lives and is ready.", ready)
    whole = (Tick.BROKEN, "; ".join(wrong[:3])) if wrong else answers
    yield _point(Source.HEALTH, evidence, "Each of its checks succeeds: it is not degraded.", whole)


def _of_comparison(
    evidence: Sequence[Evidence], defects: Sequence[ComparedDefect], *, has_baseline: bool
) -> Iterator[ChecklistPoint]:
    verify = "netra report --baseline report.json"
    missing = [blind for source in Source if (blind := _blind(source, of(source, evidence)))]
    new = sum(each.trend is Trend.NEW for each in defects)
    lost = [each for each in defects if each.trend is Trend.UNKNOWN]
    sentence = "Nothing is worse than in the baseline."
    if not has_baseline:
        yield ChecklistPoint(sentence, Tick.UNKNOWN, "there is no baseline to compare with", verify)
    elif new:
        yield ChecklistPoint(sentence, Tick.BROKEN, f"{new} {'defect is' if new == 1 else 'defects are'} new", verify)
    elif missing:
        yield ChecklistPoint(sentence, Tick.UNKNOWN, "; ".join(missing), verify)
    else:
        yield ChecklistPoint(sentence, Tick.HELD, "every source was compared, and nothing is new", verify)
    sentence = "Whatever was open was looked for again."
    if not has_baseline:
        yield ChecklistPoint(sentence, Tick.UNKNOWN, "there is no baseline to compare with", verify)
    elif lost:
        yield ChecklistPoint(sentence, Tick.BROKEN, f"{len(lost)} not, `{lost[0].defect.name}` among them", verify)
    else:
        yield ChecklistPoint(sentence, Tick.HELD, "every defect of the baseline was looked for", verify)
