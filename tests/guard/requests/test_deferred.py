"""A function that is handed over with its arguments is called with them."""

import pytest

from netra.guard.requests.deferred import deferred
from tests.guard.programs import analysed, function


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("asyncio.to_thread(work, name)", (("name", "name"),)),
        ("loop.run_in_executor(None, work, name)", (("name", "name"),)),
        ("partial(work, name)", (("name", "name"),)),
        ("Thread(target=work, args=(name,))", (("name", "name"),)),
        ("work.delay(name)", (("name", "name"),)),
        ("work.apply_async((name,))", (("name", "name"),)),
        ("work.apply_async(args=[name])", (("name", "name"),)),
        ("work.apply_async()", ()),
        ("background.add_task(work, name)", (("name", "name"),)),
    ],
)
def test_the_arguments_stand_behind_the_function(call: str, expected: object) -> None:
    analysis = analysed(f"def work(name): ...\ndef outer(name): {call}\n")
    [(scope, made)] = deferred(analysis)[function(analysis.program, "example.work")]
    assert scope.name == "outer"
    assert made.arguments == expected


@pytest.mark.parametrize("call", ["work(name)", "other.delay(name)", "asyncio.to_thread()", "Thread()"])
def test_what_is_called_here_or_is_nobodys_is_not_deferred(call: str) -> None:
    assert not deferred(analysed(f"def work(name): ...\ndef outer(name): {call}\n"))
