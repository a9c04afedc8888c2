import msgspec

from netra.report.model import Risk
from netra.report.risks import risks
from tests.report.examples import failure, finding, guard, made, prove, saved, suite


def test_without_an_attack_on_a_server_isolation_is_unknown_however_clean_the_code_is() -> None:
    isolation, race = risks(made(guard(), suite()))
    assert (isolation.risk, race.risk) == (Risk.ISOLATION, Risk.RACE)
    assert isolation.words == race.words == "Unknown: none was seen, and not everything was looked at."
    assert isolation.blind == ("prove was not run: no server was attacked for them",)


def test_old_and_doubtful_evidence_leaves_it_unknown() -> None:
    old = msgspec.structs.replace(guard(), stale="it is 2 days old")
    assert risks(made(old, prove(doubts=("nobody came",))))[0].blind == (
        "what guard says is old: it is 2 days old",
        "prove: nobody came",
    )


def test_what_is_open_is_told_and_what_is_fixed_is_not() -> None:
    open_risk, race = risks(made(guard(finding()), prove()))
    assert (open_risk.words, race.words) == ("1 is open.", "None was seen.")
    assert risks(made(guard(), prove(), baseline=saved(guard(finding()))))[0].open == ()


def test_a_test_that_fails_may_be_about_anything_and_leaves_both_open() -> None:
    for section in risks(made(guard(), prove(), suite(failure()))):
        assert section.words.startswith("Unknown")
        assert section.blind == ("1 test fails or may fail: read what they promise",)
