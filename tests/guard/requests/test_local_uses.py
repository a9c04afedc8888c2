"""Every read and write of an attribute of a thread-local is found, by whatever it is done."""

import pytest

from netra.guard.requests.local_uses import thread_local_uses
from tests.guard.programs import analysed

TEXT = """
import threading

class Own(threading.local): ...

state = {local}
plain = object()


def use(user):
    {line}
"""


@pytest.mark.parametrize("local", ["threading.local()", "Own()"])
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("state.user = user", [("user", True)]),
        ("setattr(state, 'user', user)", [("user", True)]),
        ("return state.user", [("user", False)]),
        ("return getattr(state, 'user', None)", [("user", False)]),
        ("return state.user.id", [("user", False)]),
        ("plain.user = user", []),
    ],
)
def test_uses(local: str, line: str, expected: list[tuple[str, bool]]) -> None:
    found = thread_local_uses(analysed(TEXT.format(local=local, line=line)))
    assert [(each.place[2], each.value is not None) for each in found] == expected
