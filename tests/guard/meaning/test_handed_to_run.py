from netra.guard.meaning.expressions import written
from netra.guard.meaning.handed_to_run import handed_to_run, waited_for_as_coroutines
from tests.guard.programs import analysed

TEXT = """
import asyncio
async def load(x=1): ...
async def f(xs, condition, loop):
    jobs = [load(x) for x in xs]
    await asyncio.gather(load(), *[load(2) for x in xs], *jobs)
    await asyncio.wait_for(load(), 3)
    await asyncio.wait(jobs)
    await asyncio.wait([asyncio.create_task(load()) for x in xs])
    await condition.wait_for(lambda: True)
    loop.create_task(load())
    xs.gather(load())
"""


def test_everything_that_is_handed_over_is_found() -> None:
    analysis = analysed(TEXT)
    found = [
        (each.call.line, written(each.expression, each.scope), each.alone)
        for each in handed_to_run(analysis.program, analysis.receivers)
    ]
    assert sorted(found) == [
        (6, "load(…)", False),
        (6, "load(…)", False),
        (6, "load(…)", True),
        (7, "load(…)", True),
        (8, "load(…)", False),
        (9, "asyncio.create_task(…)", False),
        (9, "load(…)", True),
        (11, "load(…)", True),
    ]


def test_wait_is_given_coroutines() -> None:
    analysis = analysed(TEXT)
    assert [call.line for _, call, _ in waited_for_as_coroutines(analysis.program, analysis.receivers)] == [8]
