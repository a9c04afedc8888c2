"""Guard's JSON document as evidence."""

import shlex
from datetime import datetime
from typing import Final

import msgspec

from netra.report.impact import of_rule
from netra.report.model import Coverage, Defect, Evidence, ReportRefused, Source

COMPARING: Final = ("A110", "M20")
"""Codes that are only found by comparing with an earlier revision."""


class GuardStep(msgspec.Struct, frozen=True):
    """A place that proves a finding."""

    path: str
    line: int
    note: str


class GuardFinding(msgspec.Struct, frozen=True):
    """A finding, as far as a report needs it."""

    code: str
    rule: str
    path: str
    line: int
    message: str
    why: tuple[GuardStep, ...]
    reach: tuple[str, ...]
    fingerprint: str


class GuardSummary(msgspec.Struct, frozen=True):
    """How much was looked at."""

    files: int
    lines: int
    in_baseline: int


class GuardAttention(msgspec.Struct, frozen=True):
    """What was looked at, and what was looked past."""

    began_at: datetime
    paths: tuple[str, ...]
    since: str
    rules: tuple[str, ...]
    rules_off: tuple[str, ...]
    exclude: tuple[str, ...]
    per_file_ignores: tuple[tuple[str, tuple[str, ...]], ...]
    passed_over: tuple[str, ...] = ()
    confidence: str = ""


class GuardDocument(msgspec.Struct, frozen=True):
    """What `netra guard --format json` writes."""

    version: int
    summary: GuardSummary
    looked_at: GuardAttention
    findings: tuple[GuardFinding, ...]


def read(content: bytes, origin: str) -> Evidence:
    """The evidence of a document. Raises `ReportRefused` for anything else."""
    try:
        document = msgspec.json.decode(content, type=GuardDocument)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ReportRefused(f"{origin}: {error}; `netra guard src --format json --output {origin}` writes one") from error
    summary, looked = document.summary, document.looked_at
    doubts = []
    if not summary.files:
        doubts.append("it read no file at all")
    if summary.in_baseline:
        doubts.append(f"findings are hidden by a baseline of its own: {summary.in_baseline}")
    if looked.passed_over:
        doubts.append(f"files that are too large for it were passed over: {', '.join(looked.passed_over)}")
    if looked.confidence:
        doubts.append(f"only findings of confidence {looked.confidence!r} are in it, and none that are likely")
    return Evidence(
        Source.GUARD,
        origin,
        looked.began_at,
        f"{summary.files:,} {'file' if summary.files == 1 else 'files'}, {summary.lines:,} lines",
        _command(looked, origin),
        tuple(_defect(each, looked) for each in document.findings),
        Coverage(
            frozenset({_since(looked.since)} if looked.since else ()),
            looked.paths,
            looked.rules,
            looked.rules_off,
            looked.exclude,
            looked.per_file_ignores,
            summary.in_baseline,
        ),
        tuple(doubts),
    )


def _defect(finding: GuardFinding, looked: GuardAttention) -> Defect:
    risk, impact = of_rule(finding.code, finding.reach)
    compared = finding.code.startswith(COMPARING)
    since = ["--since", looked.since] if compared else []
    return Defect(
        Source.GUARD,
        finding.fingerprint,
        f"{finding.code} {finding.rule}",
        finding.message,
        impact,
        risk,
        shlex.join(["netra", "guard", *looked.paths, "--select", finding.code, *since]),
        f"{finding.path}:{finding.line}",
        tuple(f"{step.path}:{step.line}: {step.note}" if step.path else step.note for step in finding.why),
        (_since(looked.since),) if compared else (),
        finding.code,
    )


def _since(revision: str) -> str:
    return f"compared with {revision}"


def _command(looked: GuardAttention, origin: str) -> str:
    """How to get a document of the same code again."""
    since = ["--since", looked.since] if looked.since else []
    return shlex.join(["netra", "guard", *looked.paths, *since, "--format", "json", "--output", origin])
