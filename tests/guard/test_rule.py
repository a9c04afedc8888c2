import re

from netra.guard import rules
from netra.guard.rule import FAMILIES


def test_every_code_is_a_family_and_three_digits() -> None:
    assert [code for code in rules.load() if not re.fullmatch(f"[{''.join(FAMILIES)}]\\d{{3}}", code)] == []


def test_no_two_rules_share_a_name() -> None:
    names = [rule.name for rule in rules.load().values()]
    assert len(names) == len(set(names))


def test_every_rule_explains_itself_and_begins_with_one_sentence() -> None:
    for rule in rules.load().values():
        assert rule.summary.endswith("."), rule.code
        assert len(rule.summary) < 200, rule.code
        assert "\n\n" in rule.page, rule.code


def test_a_list_of_rules_says_which_of_them_are_not_wholly_on() -> None:
    known = rules.load()
    assert {known[code].switched for code in ("A101", "M101", "S109")} == {
        "",
        " (only what is certain by default)",
        " (off by default)",
    }
