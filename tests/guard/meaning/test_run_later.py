"""What something else calls a function with is known where it is told what to pass on."""

import pytest

from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Instance, Value
from tests.guard.programs import analysed, function

TEXT = """
from elsewhere import tasks, loop, to_thread, Thread

class Box: ...
class Own:
    def submit(self, work, *given): ...

own = Own()

def run(number, box=None):
    return box

async def start():
    box = Box()
    {call}
"""


def _box(call: str) -> Value | None:
    analysis = analysed(TEXT.format(call=call))
    scope: FunctionSymbol = function(analysis.program, "example.run")
    return analysis.receivers.value(("name", "box"), scope)


@pytest.mark.parametrize(
    "call",
    [
        "tasks.add_task(run, 1, box)",
        "tasks.add_task(run, 1, box=box)",
        "await to_thread(run, 1, box)",
        "await loop.run_in_executor(None, run, 1, box)",
        "loop.call_later(3, run, 1, box)",
    ],
)
def test_what_is_passed_on_is_known(call: str) -> None:
    found = _box(call)
    assert isinstance(found, Instance)
    assert found.kind.name == "Box"


@pytest.mark.parametrize("call", ["own.submit(run, 1, box)", "tasks.add_task(run, 1)", "tasks.run_soon(run, 1, box)"])
def test_what_else_is_passed_is_not(call: str) -> None:
    assert not isinstance(_box(call), Instance)
