"""The JUnit XML of pytest, or of any other runner, as evidence."""

import shlex
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from netra.report.model import Coverage, Defect, Evidence, ReportRefused, Risk, Source

LONGEST: Final = 300
"""Letters of a failure's message that a report repeats."""


class CaseOutcome(IntEnum):
    """How a test went; where it is recorded twice, as when its teardown fails as well, the worst counts."""

    PASSED = 0
    SKIPPED = 1
    FAILED = 2


def read(content: bytes, origin: str, written_at: datetime, folder: Path) -> Evidence:
    """The evidence of a record that was written then; `folder` is where the tests lie. Raises `ReportRefused`."""
    try:
        record = ET.fromstring(content)  # noqa: S314 - the user's own file, and expat bounds what entities grow to
    except ET.ParseError as error:
        raise ReportRefused(f"{origin}: {error}; `pytest --junitxml={origin}` writes one") from error
    if record.tag not in ("testsuites", "testsuite"):
        raise ReportRefused(f"{origin}: <{record.tag}> is no record of tests; `pytest --junitxml={origin}` writes one")
    outcomes: dict[str, CaseOutcome] = {}
    cases: dict[str, ET.Element] = {}
    for case in record.iter("testcase"):
        test = f"{case.get('classname', '')}::{case.get('name', '')}"
        outcome = _outcome(case)
        if test not in outcomes or outcome > outcomes[test]:
            outcomes[test], cases[test] = outcome, case
    passed = frozenset(test for test, outcome in outcomes.items() if outcome is CaseOutcome.PASSED)
    failed = [test for test, outcome in outcomes.items() if outcome is CaseOutcome.FAILED]
    skipped = tuple((test, _words(cases[test], "skipped")) for test in outcomes if outcomes[test] is CaseOutcome.SKIPPED)
    return Evidence(
        Source.TESTS,
        origin,
        min([written_at, *_began(record)]),
        f"{len(passed):,} passed, {len(failed):,} failed, {len(skipped):,} skipped",
        f"python -m pytest --junitxml={shlex.quote(origin)}",
        tuple(_defect(test, cases[test], folder) for test in failed),
        Coverage(passed),
        () if passed or failed else ("no test ran",),
        skipped,
    )


def _outcome(case: ET.Element) -> CaseOutcome:
    if case.find("failure") is not None or case.find("error") is not None:
        return CaseOutcome.FAILED
    return CaseOutcome.PASSED if case.find("skipped") is None else CaseOutcome.SKIPPED


def _began(record: ET.Element) -> list[datetime]:
    """When each suite began, where it says so with a time zone; without one nobody knows which hour is meant."""
    found = []
    for suite in record.iter("testsuite"):
        try:
            began = datetime.fromisoformat(suite.get("timestamp", ""))
        except ValueError:
            continue
        if began.tzinfo is not None:
            found.append(began.astimezone(UTC))
    return found


def _defect(test: str, case: ET.Element, folder: Path) -> Defect:
    name = case.get("name", "")
    sentence = name.partition("[")[0].removeprefix("test_").replace("_", " ").strip() or test
    file, node = _node(case, folder)
    verify = f"python -m pytest {shlex.quote(node)}" if file else f"python -m pytest -k {shlex.quote(name.partition('[')[0])}"
    told = _words(case, "failure") or _words(case, "error")
    return Defect(
        Source.TESTS,
        test,
        name or test,
        f"The test “{sentence}” fails.",
        f"Users cannot rely on this: {sentence}.",
        Risk.TRUST if case.find("failure") is None else Risk.BEHAVIOUR,
        verify,
        file or case.get("classname", ""),
        (told,) if told else (),
        (test,),
    )


def _node(case: ET.Element, folder: Path) -> tuple[str, str]:
    """The file of a test and the id that pytest runs it by; both empty when no file is where its name says."""
    classname, name = case.get("classname", ""), case.get("name", "")
    parts = classname.split(".")
    for end in range(len(parts), 0, -1):
        file = case.get("file") or "/".join(parts[:end]) + ".py"
        if (folder / file).is_file():
            inner = parts[len(Path(file).with_suffix("").parts) :]
            return file, "::".join([file, *inner, name])
    return "", ""


def _words(case: ET.Element, tag: str) -> str:
    """The first line of what was told about a test."""
    element = case.find(tag)
    text = "" if element is None else element.get("message") or element.text or ""
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return first if len(first) <= LONGEST else first[: LONGEST - 1] + "…"
