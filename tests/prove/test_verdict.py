from netra.prove.verdict import Conclusion, judge
from tests.prove.histories import Told


def proved() -> Told:
    history = Told()
    history.see("said", "schedule", moments=[(1, "readers-cut")])
    history.see("user", "user", 1)
    history.see("fault", "readers-cut", began=True)
    history.see("fault", "readers-cut", ended=True, began_at=0.0, bites=3, stops=False, neighbours=[])
    return history.done("read_log", 1).event(1, 1).log(1, [1])


def test_everything_held_and_every_fault_bit() -> None:
    verdict = judge(proved().records)
    assert verdict.outcome is Conclusion.PROVED
    assert verdict.doubts == ()
    assert [(each.name, each.injected, each.bites) for each in verdict.faults] == [("readers-cut", 1, 3)]


def test_a_fault_that_bit_nobody_proves_nothing() -> None:
    history = proved()
    history.see("fault", "worker-killed", began=True)
    history.see("fault", "worker-killed", ended=True, began_at=0.0, bites=0, stops=False, neighbours=[])
    verdict = judge(history.records)
    assert verdict.outcome is Conclusion.INCONCLUSIVE
    assert verdict.doubts == ("worker-killed was injected and bit nobody",)


def test_a_fault_that_never_came_proves_nothing() -> None:
    history = proved()
    history.see("said", "schedule", moments=[(1, "readers-cut"), (2, "worker-killed")])
    assert judge(history.records).doubts == ("worker-killed was to come and did not",)


def test_a_history_in_which_nothing_happened_proves_nothing() -> None:
    assert judge([]).outcome is Conclusion.INCONCLUSIVE
    assert judge(Told().done("read_log", 1, result="unknown").records).outcome is Conclusion.INCONCLUSIVE


def test_a_breach_is_a_breach_however_little_is_known_besides() -> None:
    verdict = judge(Told().event(1, 1).event(1, 1).records)
    assert verdict.outcome is Conclusion.BREACH
    assert verdict.promises["order"][1] == 1


def test_what_a_server_cannot_do_is_not_judged_and_never_held() -> None:
    verdict = judge(proved().target("plans").event(1, 1).records)
    assert verdict.outcome is Conclusion.PROVED, "the event that came twice is no breach where there are no cursors"
    assert verdict.not_applicable["order"][1] == ("resume",)
    assert verdict.not_applicable["quotas"][1] == ("tools",)
    assert not verdict.not_applicable.keys() & verdict.promises.keys()
    assert {"foreign-marks", "run-ends", "secrets", "fairness"} == verdict.promises.keys()
