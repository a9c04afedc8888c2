import msgspec
import pytest

from netra.report.comparison import compared, of, vanished
from netra.report.model import Evidence, SavedReport, Source, Trend
from tests.report.examples import breach, failure, finding, guard, prove, saved, suite


def only(evidence: list[Evidence], baseline: SavedReport | None) -> tuple[Trend, str]:
    (one,) = compared(evidence, baseline)
    return one.trend, one.because


def test_what_was_not_there_is_new_and_what_was_is_open() -> None:
    assert only([guard(finding())], saved(guard())) == (Trend.NEW, "it was not there on 2024-03-01 12:00 UTC")
    assert only([guard(finding())], saved(guard(finding()))) == (Trend.OPEN, "it is in the baseline")


def test_a_finding_that_has_moved_is_the_same_finding() -> None:
    assert only([guard(finding(where="src/app.py:99"))], saved(guard(finding())))[0] is Trend.OPEN


def test_why_something_is_new_says_what_the_baseline_did_not_see() -> None:
    assert only([guard(finding())], None)[1] == "there is no baseline to compare with"
    assert "has nothing of guard" in only([guard(finding())], saved(suite()))[1]
    assert only([guard(finding())], saved(guard(paths=("lib",))))[1] == "the baseline did not look there"


def test_what_was_looked_for_again_and_is_gone_is_fixed() -> None:
    assert only([guard()], saved(guard(finding())))[0] is Trend.FIXED
    assert only([prove()], saved(prove(breach())))[0] is Trend.FIXED
    assert only([suite(passed=(failure().key,))], saved(suite(failure())))[0] is Trend.FIXED


@pytest.mark.parametrize(
    ("evidence", "baseline", "because"),
    [
        ([], saved(guard(finding())), "guard was not run this time"),
        (
            [msgspec.structs.replace(guard(), stale="x has changed")],
            saved(guard(finding())),
            "the evidence is old: x has changed",
        ),
        ([guard(paths=("lib",))], saved(guard(finding())), "guard did not look for S101 in src/app.py"),
        ([guard(rules=("A101",))], saved(guard(finding())), "guard did not look for S101 in src/app.py"),
        (
            [guard(hidden=2)],
            saved(guard(finding())),
            "a baseline of guard's own hides findings, and it may be one of them",
        ),
        ([suite()], saved(suite(failure())), f"this was not seen to hold: {failure().key}"),
        ([prove(doubts=("nobody came",))], saved(prove(breach())), "this was not seen to hold: promise order"),
        (
            [prove(faults=())],
            saved(prove(breach("recovery", "readers-cut"))),
            "this was not seen to hold: fault readers-cut",
        ),
        ([prove(effort=50)], saved(prove(breach())), "the proof had fewer users or less time than the one that found it"),
    ],
    ids=["not run", "old", "elsewhere", "rule off", "hidden", "test left out", "in doubt", "without the fault", "less effort"],
)
def test_nobody_says_fixed_who_has_not_looked_again(evidence: list[Evidence], baseline: SavedReport, because: str) -> None:
    assert only(evidence, baseline) == (Trend.UNKNOWN, because)


def test_an_unresolved_defect_of_the_baseline_is_still_compared() -> None:
    assert only([suite(failure())], saved(suite(), unresolved=(failure(),)))[0] is Trend.OPEN


def test_the_new_ones_come_first() -> None:
    baseline = saved(guard(finding("gone"), finding("known")), suite(failure()))
    trends = [each.trend for each in compared([guard(finding("known"), finding("fresh"))], baseline)]
    assert trends == [Trend.NEW, Trend.OPEN, Trend.UNKNOWN, Trend.FIXED]


def test_a_test_that_passed_and_does_not_run_any_more_is_named() -> None:
    before = saved(suite(passed=("a", "b", "c")))
    assert vanished([suite(failure("c"), passed=("a",))], before) == ("b",)
    assert vanished([], before) == vanished([suite()], None) == ()


def test_a_source_that_says_nothing_is_nothing() -> None:
    assert of(Source.PROVE, [guard()]) is None
