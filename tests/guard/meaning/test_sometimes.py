from netra.guard.meaning.sometimes import sometimes_late
from netra.guard.values import CoroutineOf
from tests.guard.programs import analysed, function

TEXT = """
shelf = {}

async def fetch(name): ...

def kept(name):
    if name in shelf:
        return shelf[name]
    return fetch(name)

def always(name):
    return fetch(name)

def awaited(name):
    if name in shelf:
        return shelf[name]
    return fetch(name)

async def show(name):
    return list(kept(name)), list(always(name)), await awaited(name)
"""


def test_a_coroutine_on_one_way_is_found_with_all_calls_that_take_a_value() -> None:
    analysis = analysed(TEXT)
    returning = []
    for name in ("kept", "always", "awaited"):
        scope = function(analysis.program, f"example.{name}")
        (call,) = scope.facts.calls
        value = analysis.receivers.value(("call", 0), scope)
        assert isinstance(value, CoroutineOf)
        returning.append((scope, call, value))
    found = [*sometimes_late(returning, analysis.program, analysis.receivers)]
    assert [[(caller.name, call.callee[1]) for caller, _, call in calls] for _, calls, _ in found] == [[("show", "kept")]]
