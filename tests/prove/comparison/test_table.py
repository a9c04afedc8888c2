"""The page is what was found, and what was found can be found again: every package is pinned with its hash."""

import json
from typing import Any

import pytest

from tests.prove.comparison.contestants import CONTESTANTS, Contestant
from tests.prove.comparison.running import Trial, arguments_of, lock, versions
from tests.prove.comparison.table import PAGE, RESULTS, rendered

LOCKED = [contestant for contestant in CONTESTANTS if contestant.lock]


def results(**more: Any) -> dict[str, Any]:
    """What one server was found to do."""
    entry = {
        "title": CONTESTANTS[0].title,
        "versions": {"netra": "1"},
        "verdict": "breach",
        "promises": [
            {"checker": "order", "promise": "Dense.", "breaches": 2},
            {"checker": "secrets", "promise": "", "breaches": 0},
        ],
        "not_applicable": [{"checker": "quotas", "promise": "Exact.", "lacks": ["plans"]}],
        "breaches": [{"checker": "order", "witness": "user 1 received <b>event 2</b> | again"}] * 2,
        "doubts": [],
        "faults": [{"fault": "readers-cut", "injected": 1, "bites": 3}],
        "operations": {"read_log": {"ok": 4, "fail": 1}},
        "events": 5,
        **more,
    }
    return {"trial": {"users": 2, "seconds": 3, "seed": 7}, "date": "today", "machine": "here", "contestants": [entry]}


def test_the_page_is_what_was_found() -> None:
    assert PAGE.read_text("utf-8") == rendered(json.loads(RESULTS.read_text("utf-8"))), "write it anew with: make compare"


def test_what_was_found_has_the_versions_of_the_locks() -> None:
    found = {entry["title"]: entry["versions"] for entry in json.loads(RESULTS.read_text("utf-8"))["contestants"]}
    assert found.keys() <= {contestant.title for contestant in CONTESTANTS}
    assert [each.title for each in LOCKED if found.get(each.title, versions(each)) != versions(each)] == []


def test_a_promise_is_held_broken_or_not_applicable_and_never_anything_between() -> None:
    page = rendered(results())
    assert "| order | **broken** 2× |" in page
    assert "| secrets | held |" in page
    assert "| quotas | n/a |" in page
    assert "- Not applicable: quotas (no plans)." in page


def test_a_witness_is_one_line_of_text_whatever_a_server_has_sent() -> None:
    page = rendered(results())
    assert page.count("**order**: ") == 1
    assert r"user 1 received \<b\>event 2\</b\> \| again" in page


@pytest.mark.parametrize("contestant", LOCKED, ids=lambda contestant: contestant.title)
def test_every_package_of_a_contestant_is_pinned_with_its_hash(contestant: Contestant) -> None:
    packages = [text for text in lock(contestant).read_text("utf-8").split("\n") if text and text[0] not in " #"]
    assert packages
    assert [line for line in packages if "==" not in line or not line.endswith("\\")] == []


def test_defaults_and_production_are_both_shown_of_everybody_else() -> None:
    shown: dict[str, set[str]] = {}
    for contestant in LOCKED:
        shown.setdefault(contestant.name, set()).add(contestant.settings)
    assert set(map(frozenset, shown.values())) == {frozenset({"defaults", "production"})}
    assert all(contestant.quote and contestant.source for contestant in CONTESTANTS)


def test_users_of_a_production_setting_show_tokens() -> None:
    for contestant in LOCKED:
        command = arguments_of(contestant, Trial(2, 3, 7), "http://here", "users.key")
        assert ("--key-file" in command) is (contestant.settings == "production")
