import re

from netra.guard import rules
from netra.guard.rule import FAMILIES as GUARD_FAMILIES
from netra.prove.checkers import load
from netra.report.impact import FAMILIES, PROMISES, RULES, of_promise, of_rule
from netra.report.model import Risk


def test_every_family_and_every_promise_has_an_impact_on_users() -> None:
    assert FAMILIES.keys() == GUARD_FAMILIES.keys()
    assert load().keys() <= PROMISES.keys()
    assert RULES.keys() - rules.load().keys() == set()


def test_a_rule_of_its_own_weighs_more_than_its_family() -> None:
    assert of_rule("S107", ())[0] is Risk.RACE
    assert of_rule("S101", ())[0] is Risk.ISOLATION


def test_the_routes_on_which_users_meet_it_are_named_and_the_many_counted() -> None:
    assert of_rule("M101", ("GET /a", "GET /b"))[1].endswith("answered with an error. Reached by GET /a, GET /b.")
    assert of_rule("M101", tuple("abcde"))[1].endswith("Reached by a, b, c and 2 more.")


def test_what_is_not_written_down_is_said_not_to_be() -> None:
    assert of_rule("X100", ()) == (Risk.TRUST, "Nothing is written down about this rule.")
    assert of_promise("tides", "High water comes on time.") == (Risk.TRUST, "This does not hold: High water comes on time.")


def test_no_impact_speaks_in_codes() -> None:
    told = [words for _, words in (*FAMILIES.values(), *RULES.values(), *PROMISES.values())]
    assert [words for words in told if re.search(r"[A-Z]\d{3}|`", words)] == []
