from netra.prove import faults
from netra.prove.schedule import CALM, LAST, schedule

ALL = tuple(faults.load().values())


def test_the_same_seed_is_the_same_schedule_and_another_is_another() -> None:
    assert schedule(ALL, 100, 7) == schedule(ALL, 100, 7)
    assert schedule(ALL, 100, 7) != schedule(ALL, 100, 8)


def test_each_fault_comes_once_between_the_calm_and_the_end() -> None:
    moments = schedule(ALL, 100, 7)
    assert sorted(moment.fault for moment in moments) == sorted(fault.name for fault in ALL)
    assert all(CALM * 100 <= moment.at <= LAST * 100 for moment in moments)
    assert list(moments) == sorted(moments, key=lambda moment: moment.at)


def test_without_faults_there_is_nothing_to_come() -> None:
    assert schedule((), 100, 7) == ()
