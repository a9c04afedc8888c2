from netra.guard.meaning.expressions import written
from netra.guard.meaning.functions_wanted import functions_wanted
from tests.guard.programs import analysed


def test_what_wants_a_function_is_given_what_a_call_gives() -> None:
    text = """
        import asyncio, threading
        from concurrent.futures import ThreadPoolExecutor
        from typing import Callable
        def work(): ...
        def twice(run: Callable[[], int], n: int): return run() + run()
        def kept(run: Callable[[], int]): return run
        async def f(loop, screen):
            await asyncio.to_thread(work())
            await asyncio.to_thread(work)
            threading.Thread(target=work()).start()
            pool = ThreadPoolExecutor()
            pool.submit(work(), work())
            screen.submit(work())
            loop.call_later(1, work())
            twice(work(), work())
            kept(work())
        """
    analysis = analysed(text)
    found = [
        (each.call.line, written(each.given, each.scope), each.known)
        for each in functions_wanted(analysis.program, analysis.receivers)
    ]
    assert found == [
        (9, "work(…)", True),
        (11, "work(…)", False),
        (13, "work(…)", False),
        (15, "work(…)", True),
        (16, "work(…)", True),
    ]
