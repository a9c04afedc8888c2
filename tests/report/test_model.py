import msgspec
import pytest

from netra.report.model import Coverage, SavedReport, Source, Trend
from tests.report.examples import breach, failure, finding, guard, health, made, prove, saved, suite


@pytest.mark.parametrize(
    ("coverage", "entered"),
    [
        (Coverage(paths=("src",), rules=("S101",)), True),
        (Coverage(paths=(".",), rules=("S101",)), True),
        (Coverage(paths=("./src/",), rules=("S101",)), True),
        (Coverage(paths=("src/app.py",), rules=("S101",)), True),
        (Coverage(paths=("src/other",), rules=("S101",)), False),
        (Coverage(paths=("src",), rules=("A101",), rules_off=("S101",)), False),
        (Coverage(paths=("src",), rules=("S101",), exclude=("src/*.py",)), False),
        (Coverage(paths=("src",), rules=("S101",), per_file_ignores=(("src/*", ("S",)),)), False),
        (Coverage(paths=("src",), rules=("S101",), per_file_ignores=(("src/*", ("A",)),)), True),
    ],
    ids=["folder", "everything", "spelled", "file", "elsewhere", "off", "excluded", "ignored there", "other ignored there"],
)
def test_guard_has_only_looked_where_and_for_what_it_says(coverage: Coverage, entered: bool) -> None:
    assert coverage.enters("src/app.py", "S101") is entered


def test_without_evidence_the_headline_claims_nothing() -> None:
    report = made(guard())
    assert report.headline == "Nothing new in what was looked at; 12 of 19 points of the checklist are not shown to hold."
    assert report.unknown_sources == (Source.PROVE, Source.TESTS, Source.HEALTH)


def test_only_whole_current_and_compared_evidence_says_that_every_point_has_evidence() -> None:
    whole = (guard(), prove(), suite(), health())
    assert made(*whole, baseline=saved(*whole)).headline == "Nothing new: every point of the checklist has evidence."
    assert made(*whole).headline != made(*whole, baseline=saved(*whole)).headline
    for index, each in enumerate(whole):
        old = msgspec.structs.replace(each, stale="`src/app.py` has changed since")
        evidence = (*whole[:index], old, *whole[index + 1 :])
        assert "not shown to hold" in made(*evidence, baseline=saved(*whole)).headline


def test_a_regression_decides_the_status_and_a_known_defect_does_not() -> None:
    report = made(guard(finding()), baseline=saved(guard()))
    assert (report.status, report.headline) == (1, "1 regression.")
    report = made(guard(finding()), baseline=saved(guard(finding())))
    assert report.status == 0
    assert report.headline.startswith("Nothing new in what was looked at; 1 known defect is still open;")


def test_without_a_baseline_whatever_is_open_is_a_regression() -> None:
    report = made(guard(finding("a"), finding("b")))
    assert (report.status, report.headline) == (1, "2 regressions (no baseline: whatever is open counts as new).")


def test_what_nobody_looked_at_stays_open_over_any_number_of_reports() -> None:
    # The proof is run once, and then never again; a test fails once, and is then left out.
    last = made(prove(breach()), suite(failure()), baseline=None).saved()
    for _ in range(3):
        report = made(suite(), baseline=msgspec.json.decode(msgspec.json.encode(last), type=SavedReport))
        assert {each.defect.key for each in report.of(Trend.UNKNOWN)} == {"order", failure().key}
        last = report.saved()
    found = made(prove(breach()), baseline=last)
    assert [each.trend for each in found.defects if each.defect.key == "order"] == [Trend.OPEN]
