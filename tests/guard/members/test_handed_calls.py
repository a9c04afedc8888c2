"""`netra.guard.members.handed_calls`: what a function is called with by those who are given both."""

import pytest

from netra.guard.facts import last_name
from netra.guard.members.handed_calls import NAMES, handed_call
from tests.guard.programs import analysed, function


def handed(line: str) -> str | None:
    analysis = analysed(
        f"""
        import asyncio, functools, signal, threading
        from concurrent.futures import ThreadPoolExecutor
        def send(user, text): ...
        def f(loop, more, number: int):
            pool = ThreadPoolExecutor()
            {line}
        """
    )
    scope = function(analysis.program, "example.f")
    (call,) = [each for each in scope.facts.calls if last_name(each.callee) in NAMES]
    found = handed_call(analysis, call, scope)
    if found is None:
        return None
    names = [name for name, _ in found.call.keywords]
    return " ".join([found.call.callee[-1], str(len(found.call.arguments)), *names, found.packed]).strip()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("threading.Thread(target=send, args=(1, 2))", "send 2"),
        ("threading.Thread(target=send, kwargs={'text': 1})", "send 0 text"),
        ("threading.Thread(target=send, args=more)", None),
        ("threading.Thread(target=send, args=number)", "send 1 is given one `int` as its `args`, and no tuple"),
        ("pool.submit(send, 1, text=2)", "send 1 text"),
        ("loop.submit(send, 1, text=2)", None),
        ("loop.run_in_executor(None, send, 1)", "send 1"),
        ("loop.call_later(3, send, 1, times=2)", None),
        ("asyncio.to_thread(send, 1, text=2)", "send 1 text"),
        ("asyncio.to_thread(*more)", None),
        ("signal.signal(signal.SIGTERM, send)", "send 2"),
        ("map(send, more, more)", "send 2"),
    ],
)
def test_what_is_handed_over_is_what_the_function_is_called_with(line: str, expected: str | None) -> None:
    assert handed(line) == expected
