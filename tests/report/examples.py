"""Evidence as the readers make it, for tests of what is made of it."""

from datetime import UTC, datetime, timedelta

from netra.report.command import assemble
from netra.report.model import Coverage, Defect, Evidence, RegressionReport, Risk, SavedReport, Source
from netra.report.sources.health import LIVE, READY
from netra.report.sources.prove import fault_bit, promise_held

NOW = datetime(2024, 3, 1, 12, 0, tzinfo=UTC)
BEFORE = NOW - timedelta(days=3)

RULES = tuple(
    "A101 A102 A103 A104 D101 D103 D105 D106 E101 E102 E103 G101 M102 M107 S101 S102 S106 S107 T101 T104 T107".split()
)
PROMISED = (
    "access durability effects fairness foreign-marks leaks order plan-changes quotas recovery resumes run-ends secrets".split()
)


def finding(key: str = "f1", code: str = "S101", where: str = "src/app.py:7") -> Defect:
    return Defect(
        Source.GUARD,
        key,
        f"{code} user-in-shared-slot",
        "`current` holds the user of one request, and every other request reads it",
        "What belongs to one user may be shown to another, or be changed by them.",
        Risk.ISOLATION,
        f"netra guard . --select {code}",
        where,
        ("src/app.py:3: `current` is made once for all requests",),
        (),
        code,
    )


def breach(checker: str = "order", fault: str = "") -> Defect:
    key = f"{checker} {fault}".strip()
    scope = (promise_held(checker), *((fault_bit(fault),) if fault else ()))
    return Defect(
        Source.PROVE, key, key, "Dense and in order.", "Gaps.", Risk.DELIVERY, "netra prove --self", "1 witness", (), scope
    )


def failure(test: str = "tests.test_app::test_bob_sees_only_his_own") -> Defect:
    name = test.rpartition("::")[2]
    return Defect(
        Source.TESTS,
        test,
        name,
        "It fails.",
        "Users cannot rely on it.",
        Risk.BEHAVIOUR,
        "python -m pytest",
        "tests/test_app.py",
        (),
        (test,),
    )


def guard(*defects: Defect, **coverage: object) -> Evidence:
    looked = Coverage(**{"paths": ("src", "tests"), "rules": RULES, **coverage})  # type: ignore[arg-type]
    return Evidence(Source.GUARD, "guard.json", NOW, "12 files, 900 lines", "netra guard src", defects, looked)


def prove(
    *defects: Defect, faults: tuple[str, ...] = ("readers-cut",), effort: float = 100.0, doubts: tuple[str, ...] = ()
) -> Evidence:
    broken = {defect.key.split()[0] for defect in defects}
    held = [] if doubts else [promise_held(each) for each in PROMISED if each not in broken]
    looked = Coverage(frozenset([*held, *map(fault_bit, faults)]), effort=effort)
    return Evidence(Source.PROVE, "verdict.json", NOW, "10 users", "netra prove --self", defects, looked, doubts)


def suite(*defects: Defect, passed: tuple[str, ...] = ("tests.test_app::test_it_works",)) -> Evidence:
    return Evidence(Source.TESTS, "junit.xml", NOW, "1 passed", "python -m pytest", defects, Coverage(frozenset(passed)))


def health(*defects: Defect) -> Evidence:
    return Evidence(
        Source.HEALTH, "http://localhost:8000", NOW, "version 1", "curl", defects, Coverage(frozenset({LIVE, READY}))
    )


def saved(*evidence: Evidence, unresolved: tuple[Defect, ...] = ()) -> SavedReport:
    return SavedReport(1, BEFORE, "aaaaaaaaaaaa", evidence, unresolved)


def made(*evidence: Evidence, baseline: SavedReport | None = None) -> RegressionReport:
    return assemble(evidence, baseline, NOW, "bbbbbbbbbbbb", "" if baseline is None else "report.json")
