from textwrap import dedent

from netra.guard.meaning.entering import is_dealt_with, wrongly_entered
from tests.guard.programs import analysed


def entered(text: str) -> list[tuple[int, bool, str]]:
    analysis = analysed(text)
    return [(each.line, each.late, each.what) for each in wrongly_entered(analysis.program, analysis.receivers)]


def test_a_lock_of_a_loop_and_one_of_threads_are_entered_each_in_its_own_way() -> None:
    program = """
    import asyncio
    import threading

    async def work():
        with asyncio.Lock():
            pass
        async with threading.Lock():
            pass
        async with asyncio.Lock():
            pass
        with threading.Lock():
            pass
    """
    assert entered(program) == [(6, False, "a `Lock`"), (8, True, "a `Lock`")]


def test_a_class_below_may_know_the_other_way() -> None:
    above = "class Above:\n    def __enter__(self): ...\n"
    work = "async def work(above: Above):\n    async with above: ...\n"
    assert len(entered(above + work)) == 1
    assert entered(above + "class Below(Above):\n    async def __aenter__(self): ...\n" + work) == []


def test_a_base_that_is_not_known_may_know_every_way() -> None:
    assert entered("class Mine(Theirs):\n    def __enter__(self): ...\nasync def work():\n    async with Mine(): ...\n") == []


def test_a_manager_of_the_program_may_deal_with_an_error_of_its_block() -> None:
    program = """
    class Handler:
        def __enter__(self): ...
        def __exit__(self, kind, value, traceback): return isinstance(value, TypeError)
    def work():
        with Handler():
            call()
        call()
    """
    analysis = analysed(dedent(program))
    scope = next(each for each in analysis.scopes if each.name == "work")
    dealt = [line for line in (7, 8) if is_dealt_with(line, scope, ("TypeError",), analysis.receivers)]
    assert dealt == [7]
    assert not is_dealt_with(7, scope, ("KeyError",), analysis.receivers)
