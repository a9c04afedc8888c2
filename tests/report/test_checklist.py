import msgspec
import pytest

from netra.guard import rules
from netra.guard.rule import FAMILIES as GUARD_FAMILIES
from netra.prove.checkers import load
from netra.report.checklist import FAMILIES, NEEDED, PROMISES
from netra.report.model import ChecklistPoint, Coverage, Evidence, Tick
from netra.report.sources.prove import promise_held
from tests.report.examples import breach, failure, finding, guard, health, made, prove, saved, suite

WHOLE = (guard(), prove(), suite(), health())


def point(start: str, *evidence: Evidence, compare: bool = True) -> ChecklistPoint:
    (found,) = [
        each
        for each in made(*evidence, baseline=saved(*WHOLE) if compare else None).checklist
        if each.sentence.startswith(start)
    ]
    return found


def test_the_points_speak_of_every_family_and_of_real_promises() -> None:
    assert {family for family, _ in FAMILIES} == GUARD_FAMILIES.keys() == NEEDED.keys()
    assert {name for names, _ in PROMISES for name in names} <= load().keys()


def test_a_promise_that_no_point_names_has_one_with_the_others() -> None:
    held = msgspec.structs.replace(prove(), coverage=Coverage(prove().coverage.names | {promise_held("tides")}))
    assert point("Whatever else", held).because == "tides: 10 users"
    assert point("Whatever else", prove(breach("tides"))).tick is Tick.BROKEN


def test_every_rule_that_a_point_needs_exists() -> None:
    assert {code for codes in NEEDED.values() for code in codes} - rules.load().keys() == set()


def test_everything_is_ticked_when_everything_was_seen() -> None:
    assert {each.tick for each in made(*WHOLE, baseline=saved(*WHOLE)).checklist} == {Tick.HELD}


def test_nothing_is_ticked_without_evidence() -> None:
    assert {each.tick for each in made(baseline=None).checklist} == {Tick.UNKNOWN}


def test_nothing_is_ticked_by_old_evidence() -> None:
    old = [msgspec.structs.replace(each, stale="`src/app.py` has changed since") for each in WHOLE]
    ticked = [each.sentence for each in made(*old, baseline=saved(*WHOLE)).checklist if each.tick is Tick.HELD]
    # The last is about the baseline alone, in which nothing was open.
    assert ticked == ["Whatever was open was looked for again."]


@pytest.mark.parametrize(
    ("start", "evidence", "because"),
    [
        ("Nothing of one user", guard(finding()), "1 finding of family S"),
        ("Every test that ran", suite(failure()), "1 passed"),
        (
            "No test that used",
            suite(passed=("other",)),
            "1 that passed in the baseline did not run, `tests.test_app::test_it_works`",
        ),
        ("Nothing is lost", prove(breach()), "broken: order"),
        ("The running server", msgspec.structs.replace(health(failure()), coverage=guard().coverage), "It fails"),
        ("Each of its checks", health(failure()), "It fails"),
        ("Nothing is worse", guard(finding()), "1 defect is new"),
    ],
    ids=["guard", "tests", "vanished", "prove", "not ready", "degraded", "new"],
)
def test_evidence_against_a_point_breaks_it(start: str, evidence: Evidence, because: str) -> None:
    found = point(start, evidence)
    assert found.tick is Tick.BROKEN
    assert found.because.startswith(because)


@pytest.mark.parametrize(
    ("start", "evidence", "because"),
    [
        ("Settings are read", guard(rules=("E105",)), "E101, E102, E103 were not looked for"),
        ("Nothing of one user", msgspec.structs.replace(guard(), doubts=("it read no file at all",)), "it read no file at all"),
        ("Every test can fail", guard(paths=("src",)), "guard looked at src, and not at tests"),
        ("Nobody suffers", prove(doubts=("a fault bit nobody",)), "the proof is in doubt: a fault bit nobody"),
        ("Every test ran", msgspec.structs.replace(suite(), doubts=("no test ran",)), "no test ran"),
        ("Nothing is worse", guard(), "prove was not run; no tests were run; no server was asked"),
    ],
    ids=["rules off", "no file", "only the source", "doubt", "no test", "not all"],
)
def test_evidence_that_is_not_whole_ticks_nothing(start: str, evidence: Evidence, because: str) -> None:
    assert (point(start, evidence).tick, point(start, evidence).because) == (Tick.UNKNOWN, because)


def test_a_test_that_is_skipped_without_a_word_breaks_its_point() -> None:
    silent = msgspec.structs.replace(suite(), skipped=(("tests.test_app::test_later", ""),))
    assert point("Every test ran", silent).tick is Tick.BROKEN
    told = msgspec.structs.replace(suite(), skipped=(("tests.test_app::test_later", "needs Windows"),))
    assert point("Every test ran", told).tick is Tick.HELD


def test_what_was_looked_past_stands_beside_the_tick() -> None:
    found = point("Nothing of one user", guard(rules_off=("S109", "A112"), per_file_ignores=(("tests/*", ("S",)),)))
    assert found.because.endswith("4 rules of family S, without S109, in 12 files, 900 lines, but not in tests/*")


def test_every_point_names_the_command_that_verifies_it() -> None:
    for evidence in ((), WHOLE):
        assert [each for each in made(*evidence, baseline=None).checklist if not each.verify] == []


def test_a_defect_that_was_not_looked_for_again_breaks_the_last_point() -> None:
    report = made(guard(), baseline=saved(suite(failure())))
    assert (report.checklist[-1].tick, "test_bob_sees_only_his_own" in report.checklist[-1].because) == (Tick.BROKEN, True)
