from netra.guard.meaning.forgetting import Forgotten, forgotten
from tests.guard.programs import analysed, function

TEXT = """
import asyncio
from weakref import WeakSet

weak = WeakSet()
kept = set()

def failed(task):
    task.exception()

async def work(send):
    asyncio.create_task(send())
    asyncio.create_task(send()).add_done_callback(failed)
    named = asyncio.create_task(send())
    named.set_name("work")
    weak.add(asyncio.create_task(send()))
    both = asyncio.create_task(send())
    both.add_done_callback(kept.discard)
    kept.add(both)
    given = asyncio.create_task(send())
    return given
"""


def fates() -> dict[int, Forgotten | None]:
    analysis = analysed(TEXT)
    scope = function(analysis.program, "example.work")
    return {
        call.line: forgotten(scope, index, call, analysis.receivers)
        for index, call in enumerate(scope.facts.calls)
        if call.callee[-1] == "create_task"
    }


def test_a_callback_a_name_and_a_weak_set_keep_no_task() -> None:
    found = fates()
    assert {line for line, each in found.items() if each} == {12, 13, 14, 16}
    assert [line for line, each in found.items() if each and each.seen] == [13]
    assert [line for line, each in found.items() if each and each.kept] == [14]
    assert [line for line, each in found.items() if each and each.weakly] == [16]
