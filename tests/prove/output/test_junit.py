from xml.etree import ElementTree as ET

from netra.prove.output.junit import write
from netra.prove.verdict import judge
from tests.prove.histories import Told


def test_a_broken_promise_is_a_failure_and_a_harmless_fault_an_error() -> None:
    history = Told().event(1, 1).event(1, 1)
    history.see("foreign", "WebSocket", 1, owner=2, excerpt="\x00<&>", where="x")
    history.see("fault", "worker-killed", began=True)
    history.see("fault", "worker-killed", ended=True, began_at=0.0, bites=0)
    suite = ET.fromstring(write(judge(history.records)))
    failed = {case.get("name") for case in suite.iter("testcase") if case.find("failure") is not None}
    assert failed == {"order", "foreign-marks"}
    assert [case.get("name") for case in suite.iter("testcase") if case.find("error") is not None] == ["worker-killed"]
    assert (suite.get("failures"), suite.get("errors")) == ("2", "1")


def test_what_is_not_applicable_is_skipped_and_not_passed() -> None:
    suite = ET.fromstring(write(judge(Told().target("resume").records)))
    skipped = {case.get("name"): found for case in suite.iter("testcase") if (found := case.find("skipped")) is not None}
    assert suite.get("skipped") == str(len(skipped)) == "8"
    assert skipped["quotas"].get("message") == "not applicable: the server lacks plans, tools"
