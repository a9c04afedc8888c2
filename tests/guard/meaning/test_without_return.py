import pytest

from netra.guard.meaning.without_return import ends_in_call
from tests.guard.programs import analysed, function

TEXT = """
import sys
from typing import NoReturn
def stop(error) -> NoReturn: ...
def leave(code=1) -> None:
    print("leaving")
    sys.exit(code)
def serve(queue) -> None:
    while True:
        queue.get()
def require(holds, message="wrong") -> None:
    if not holds:
        raise ValueError(message)
def check(error=None) -> None:
    if error is None:
        raise ValueError
def perhaps(error) -> None:
    if error:
        return
    raise ValueError
def of_somebody(queue):
    return queue.get()
def asked(queue, holds):
    stop(1)
    leave()
    serve(queue)
    require(False)
    check()
    require(holds)
    check(queue)
    perhaps(queue)
    require(True)
    require(*holds)
    found = leave()
    of_somebody(queue)
"""


@pytest.mark.parametrize(
    ("call", "ends"),
    [
        ("stop(1)", True),
        ("leave()", True),
        ("serve(queue)", True),
        ("require(False)", True),
        ("check()", True),
        ("require(holds)", False),
        ("check(queue)", False),
        ("perhaps(queue)", False),
        ("require(True)", False),
        ("require(*holds)", False),
        ("found = leave()", False),
        ("of_somebody(queue)", False),
    ],
)
def test_a_call_ends_a_way_whose_function_returns_on_none(call: str, ends: bool) -> None:
    analysis = analysed(TEXT)
    scope = function(analysis.program, "example.asked")
    line = TEXT.splitlines().index(f"    {call}") + 1
    assert ends_in_call(line, line, scope, analysis.receivers) is ends
