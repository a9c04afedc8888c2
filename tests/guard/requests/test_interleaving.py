from netra.guard.analysis import Analysis
from netra.guard.requests.interleaving import Interleaving, Pause
from netra.guard.symbols import FunctionSymbol
from tests.guard.programs import analysed, function

TEXT = """
import asyncio
from elsewhere import fetch
lock = asyncio.Lock()
async def at_once():
    return 1
async def through():
    return await at_once()
async def work(items, session):
    await at_once()
    await through()
    await fetch()
    async with session:
        pass
    async for each in items:
        pass
def plain():
    return 1
async def careful():
    async with lock:
        await fetch()
    await fetch()
async def by_hand():
    await lock.acquire()
async def start_locked():
    await fetch()
"""


def test_others_run_where_something_outside_is_awaited_and_not_where_a_coroutine_never_stops() -> None:
    analysis = analysed(TEXT)
    pauses = Interleaving(analysis).pauses(function(analysis.program, "example.work"))
    assert [each.line for each in pauses] == [12, 13, 15]


def test_a_synchronous_function_is_never_interrupted() -> None:
    analysis = analysed(TEXT)
    assert Interleaving(analysis).pauses(function(analysis.program, "example.plain")) == ()


def test_a_pause_lies_between_two_lines_when_it_begins_behind_the_first() -> None:
    analysis = analysed(TEXT)
    scope = function(analysis.program, "example.work")
    interleaving = Interleaving(analysis)
    found = interleaving.between(scope, 9, 12)
    assert found is not None and found.line == 12
    assert interleaving.between(scope, 9, 11) is None
    assert interleaving.between(scope, 15, 99) is None


def test_a_lock_is_held_inside_its_block_and_in_functions_that_say_so() -> None:
    analysis = analysed(TEXT)
    interleaving = Interleaving(analysis)
    careful = function(analysis.program, "example.careful")
    assert interleaving.locked(careful, 21) and not interleaving.locked(careful, 22)
    assert interleaving.locked(function(analysis.program, "example.start_locked"), 26)
    assert interleaving.takes_lock(function(analysis.program, "example.by_hand")) and not interleaving.takes_lock(careful)


def test_a_method_that_waits_in_no_class_below_gives_nobody_a_turn() -> None:
    text = """
class Listener:
    async def tell(self): ...
    async def wait(self): ...
class Loud(Listener):
    async def tell(self): self.said = 1
    async def wait(self): await elsewhere()
async def work(listener: Listener, unknown):
    await listener.tell()
    await listener.wait()
    await unknown.tell()
    await unknown.other()
"""
    analysis = analysed(text)
    pauses = Interleaving(analysis).pauses(function(analysis.program, "example.work"))
    assert [each.line for each in pauses] == [10, 12]


def test_a_lock_is_known_by_what_gives_it() -> None:
    text = """
async def work(key):
    async with get_locks().hold(key):
        one = 1
    async with opened().hold(key):
        two = 2
"""
    analysis = analysed(text)
    scope = function(analysis.program, "example.work")
    assert Interleaving(analysis).locked(scope, 4) and not Interleaving(analysis).locked(scope, 6)


def test_what_a_coroutine_does_far_below_counts_however_far_it_is_and_calling_itself_does_not() -> None:
    text = """
from elsewhere import fetch
async def one(): return await two()
async def two(): return await three()
async def three(): return await four()
async def four(): return await five()
async def five(): return 1
async def six(): return await seven()
async def seven(): return await one() + await fetch()
async def itself(number):
    if number:
        await itself(number - 1)
async def work():
    await one()
    await itself(9)
    await six()
"""
    analysis = analysed(text)
    interleaving = Interleaving(analysis)
    assert [each.line for each in interleaving.pauses(function(analysis.program, "example.work"))] == [16]
    assert interleaving.pauses(function(analysis.program, "example.itself")) == ()


def test_who_waits_on_a_branch_that_ends_does_not_get_further() -> None:
    text = """\
async def work(other, name):
    if not name:
        await other.close()
        return
    if name == "b":
        await other.close()
    other.enter(name)
    if name == "c":
        await other.close()
        raise KeyError(name)
"""
    analysis = analysed(text)
    interleaving, scope = Interleaving(analysis), function(analysis.program, "example.work")
    assert [interleaving.between(scope, 1, 7), interleaving.on_the_way(scope, 1, 7)] == [Pause(3, 3), Pause(6, 6)]
    assert interleaving.on_the_way(scope, 7, 9) == Pause(9, 9)


def test_a_lock_may_be_held_by_all_that_call_a_function() -> None:
    text = """
    async def turn(locks, user):
        async with locks[user]:
            await _turn(user)
    async def again(locks, user):
        async with locks[user]:
            await _turn(user)
    async def _turn(user):
        await _below(user)
        await _deep(user)
    async def _below(user): ...
    async def _deep(user):
        await _deepest(user)
    async def _deepest(user):
        await _deep(user)
    async def open(user):
        await _bare(user)
    async def _bare(user): ...
    """
    analysis = analysed(text)
    interleaving = Interleaving(analysis)
    held = [
        name for name in ("turn", "_turn", "_below", "_deepest", "_bare") if interleaving.held_by_callers(_of(analysis, name))
    ]
    assert held == ["_turn", "_below", "_deepest"]


def _of(analysis: Analysis, name: str) -> FunctionSymbol:
    return function(analysis.program, f"example.{name}")
