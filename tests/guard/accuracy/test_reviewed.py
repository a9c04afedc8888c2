"""Faults that reviewers proved by reading, and how many of them guard tells."""

from netra.guard.faults import CERTAIN, Fault
from netra.guard.values import Step
from tests.guard.accuracy.reviewed import HELD_BACK, HISTORIC, NEAR, READ, Recall, Reviewed, recall, reviewed

FAULT = Reviewed("letta", "1.0", "letta/a.py", 10, "A", "a dropped coroutine", "nobody awaits it")


def told(code: str, line: int, path: str = "letta/a.py") -> Fault:
    return Fault(code, "rule", path, line, 0, line, "message", (), (), None, CERTAIN, "", "")


def test_a_finding_of_the_same_family_close_by_tells_of_a_fault() -> None:
    halves = {
        READ: [FAULT, FAULT._replace(line=90), FAULT._replace(family="S")],
        HELD_BACK: [FAULT._replace(path="letta/b.py")],
    }
    findings = {"letta": [told("A101", 10 + NEAR), told("D101", 90), told("A101", 10, "letta/c.py")]}
    assert recall(halves, findings) == [Recall(READ, "A", 1, 2), Recall(READ, "S", 0, 1), Recall(HELD_BACK, "A", 0, 1)]


def test_packages_that_nobody_has_at_hand_do_not_count() -> None:
    assert recall({READ: [FAULT]}, {"khoj": [told("A101", 10)]}) == []


def test_both_halves_are_there_and_of_different_packages() -> None:
    halves = reviewed()
    read, held_back = ({each.package for each in halves[half]} for half in (READ, HELD_BACK))
    assert (len(halves[READ]), len(halves[HELD_BACK])) == (80, 87)
    assert read and held_back and not read & held_back
    assert all(each.why and each.family in "AEDMST" for half in halves.values() for each in half)


def test_a_finding_that_names_more_places_tells_of_each() -> None:
    more = told("A101", 200)._replace(why=(Step("letta/a.py", 11, "and so here"), Step("letta/a.py", 90, "this is called")))
    halves = {READ: [FAULT, FAULT._replace(line=90)]}
    assert recall(halves, {"letta": [more]}) == [Recall(READ, "A", 1, 2)]


def test_a_package_may_be_there_in_several_versions() -> None:
    halves = {READ: [FAULT, FAULT._replace(version="2.0")]}
    findings = {"letta-1.0": [told("A101", 10)], "letta-2.0": [told("A101", 90)]}
    assert recall(halves, findings) == [Recall(READ, "A", 1, 2)]


def test_faults_that_were_mended_have_their_thread_and_are_in_one_half() -> None:
    halves = reviewed(HISTORIC)
    read, held_back = ({each.fault for each in halves[half]} for half in (READ, HELD_BACK))
    assert (len(halves[READ]), len(halves[HELD_BACK])) == (99, 44)
    assert not read & held_back
    assert all(each.fault.startswith("https://") and each.why for half in halves.values() for each in half)
