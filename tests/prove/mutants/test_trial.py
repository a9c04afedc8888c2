import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from netra.env import for_subprocess
from netra.prove.verdict import judge
from tests.prove.histories import Told
from tests.prove.mutants import Attack, Defect, program
from tests.prove.mutants.trial import BEGINS, ENDS, HEAD, Trial, main, row, written

ROOT = Path(__file__).parents[3]
DEFECT = Defect((), ("order",), 30, Attack(faults=("readers-cut",)), "numbers-given-twice", "Numbers are given twice.")


def trial(*, twice: bool, seconds: float = 12) -> Trial:
    history = Told().done("read_log", 1).event(1, 1, thread="0190a0b0-0000-7000-8000-000000000001").at(seconds)
    if twice:
        history.event(1, 1, thread="0190a0b0-0000-7000-8000-000000000001")
    return Trial(DEFECT, judge(history.log(1, [1]).records))


def test_a_defect_that_its_checker_has_seen_in_time_is_caught() -> None:
    assert trial(twice=True).objection is None


def test_a_defect_that_nobody_has_seen_is_not() -> None:
    assert trial(twice=False).objection == "order has not seen it (but nobody has): "


def test_a_defect_that_was_seen_too_late_is_not_caught() -> None:
    assert trial(twice=True, seconds=31).objection == "it took 31 s, of 30"


def test_a_defect_that_somebody_else_has_seen_is_not_caught_by_whom_it_should() -> None:
    other = Told().done("read_log", 1).event(1, 1).log(1, [1])
    other.see("foreign", "WebSocket", 1, owner=2, excerpt="x", where="WebSocket")
    assert Trial(DEFECT, judge(other.records)).objection == "order has not seen it (but foreign-marks has): "


def test_the_table_tells_how_each_was_caught() -> None:
    assert row(trial(twice=True)) == (
        "| `numbers-given-twice` | Numbers are given twice. | 2 users, `readers-cut` | order "
        "| at 12.0 s user 1 received event 1 of thread … again (reader) | 12 (30) |"
    )


def test_a_page_is_written_between_its_two_marks_and_nowhere_else() -> None:
    later = "| `order-lost` | … |"
    page = f"before\n{BEGINS}\n{later}\n{ENDS}\nafter\n"
    table = "\n".join([*HEAD, row(trial(twice=True)), later])
    assert written(page, trial(twice=True)) == f"before\n{BEGINS}\n\n{table}\n\n{ENDS}\nafter\n"
    assert written(written(page, trial(twice=True, seconds=3)), trial(twice=True)) == written(page, trial(twice=True))
    with pytest.raises(ValueError, match="no place"):
        written("a page", trial(twice=True))


def test_a_defect_that_does_not_exist_is_told_and_nothing_is_attacked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["no-epoch", "no-such-defect"]) == 2
    assert "There is no defect no-such-defect; there are commit-after-ack" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_server_with_a_defect_is_caught_in_the_act() -> None:
    """One of them all, the quickest. `make prove-mutants` tries every one, and Netra itself beside it."""
    command = [sys.executable, "-m", "netra", "prove", "--self", "--program", shlex.join(program("cursor-on-a-serial"))]
    options = ["--users", "2", "--seconds", "2", "--pace", "0.3", "--faults", "none", "--seed", "1"]
    done = subprocess.run([*command, *options], cwd=ROOT, env=for_subprocess(), capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "where event 1 was due" in done.stdout
