"""Copies of a process are made by a process of its own: what runs the tests may have threads."""

import subprocess
import sys
from textwrap import dedent

import pytest

from netra.guard.source.forking import spread


def run(program: str) -> str:
    text = "from netra.guard.source import forking\nimport os, sys, time, threading\n" + dedent(program)
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=60, check=False)
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


def test_results_come_in_order_whoever_made_them() -> None:
    assert spread(3, lambda number: number * 2, 1) == [0, 2, 4]
    assert (
        run("print(forking.spread(300, lambda number: 'x' * number, 3) == ['x' * number for number in range(300)])") == "True"
    )


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere one process does it all")
def test_several_processes_take_part() -> None:
    program = """
    import multiprocessing
    met = multiprocessing.get_context("fork").Barrier(2)
    def work(number):
        if number < 2:
            met.wait(30)
        return os.getpid()
    made = forking.spread(4, work, 2)
    print(len(set(made)), os.getpid() in made)
    """
    assert run(program) == "2 True"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere one process does it all")
def test_meanwhile_is_done_once_and_here_while_others_work() -> None:
    program = """
    done = []
    forking.spread(4, lambda number: time.sleep(0.1), 2, meanwhile=lambda: done.append(os.getpid()))
    print(done == [os.getpid()])
    """
    assert run(program) == "True"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere one process does it all")
def test_who_stands_apart_leaves_all_work_to_as_many_others_and_is_told_how_much_is_done() -> None:
    program = """
    import multiprocessing
    begun = []
    met = multiprocessing.get_context("fork").Barrier(2)
    def work(number):
        if number < 2:
            met.wait(30)  # the first two numbers are at two processes at once
        return os.getpid()
    made = forking.spread(6, work, 2, begun.append, apart=True)
    print(os.getpid() in made, len(set(made)), begun)
    """
    assert run(program) == "False 2 [1, 2, 3, 4, 5, 6]"
    assert spread(3, lambda number: number, 1, apart=True) == [0, 1, 2]


def test_without_others_there_is_no_meanwhile() -> None:
    done: list[int] = []
    spread(4, lambda number: number, 1, meanwhile=lambda: done.append(1))
    assert done == []


def test_nothing_is_copied_beside_another_thread() -> None:
    program = """
    threading.Thread(target=time.sleep, args=(1,), daemon=True).start()
    print(set(forking.spread(4, lambda number: os.getpid(), 2)) == {os.getpid()})
    """
    assert run(program) == "True"


def test_an_exception_in_a_copy_is_raised_here() -> None:
    program = """
    def work(number):
        time.sleep(0.1)
        raise ValueError(number)
    forking.spread(4, work, 2)
    """
    assert run(program).startswith("ValueError: ")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere one process does it all")
def test_what_a_killed_copy_had_taken_is_done_all_the_same() -> None:
    program = """
    first = os.getpid()
    def work(number):
        time.sleep(0.1)
        if os.getpid() != first:
            os.kill(os.getpid(), 9)
        return number
    print(forking.spread(6, work, 2))
    """
    assert run(program) == "[0, 1, 2, 3, 4, 5]"


def test_who_starts_the_work_is_told_what_it_begins_with_and_not_what_others_do() -> None:
    begun: list[int] = []
    spread(3, lambda number: number, 1, begun.append)
    assert begun == [0, 1, 2]
    program = """
    begun = []
    made = forking.spread(6, lambda number: [time.sleep(0.1), os.getpid()][1], 2, begun.append)
    print(begun == [number for number, who in enumerate(made) if who == os.getpid()])
    """
    assert run(program) == "True"
