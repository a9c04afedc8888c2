"""What a request has written for a while and put back is told once, at the first write, and not where a lock is held."""

import pytest

from netra.guard.environment import Access, Touch, accesses
from netra.guard.faults import CERTAIN, Sighting
from netra.guard.temporary import is_under_lock, written_for_a_while
from tests.guard.programs import analysed

SERVER = """import os
from threading import Lock
from unittest.mock import patch
from fastapi import FastAPI
app = FastAPI()
lock = Lock()
"""
ROUTE = "@app.get('/')\ndef show(zone: str):\n"
WRITTEN = """    os.environ['ZONE'] = zone
    os.environ['SECOND'] = zone
    try:
        work()
    finally:
        del os.environ['ZONE']
"""
INNER = "".join(f"    {line}\n" for line in WRITTEN.splitlines())


def seen(text: str) -> list[tuple[Access, Sighting]]:
    analysis = analysed(f"{SERVER}{text}")
    written = [each for each in accesses(analysis) if each.touch is Touch.WRITE]
    assert written
    return [(each, sighting) for each in written if (sighting := written_for_a_while(analysis, each)) is not None]


def test_the_first_write_is_told_and_where_it_is_put_back() -> None:
    ((access, sighting),) = seen(ROUTE + WRITTEN)
    assert access.variable == "ZONE" and sighting.line == access.line == 9 and sighting.confidence == CERTAIN
    assert sighting.message.startswith("`ZONE` is written to the environment of the whole process for a while")
    assert [each.line for each in sighting.why if each.note.startswith("put back here")] == [14]


def test_a_patch_puts_back_what_it_writes() -> None:
    ((_, sighting),) = seen(f"{ROUTE}    with patch.dict(os.environ, {{'ZONE': zone}}):\n        work()\n")
    assert sighting.message.startswith("`ZONE` is written")


@pytest.mark.parametrize(
    "text",
    [
        f"{ROUTE}    os.environ['ZONE'] = zone\n",
        f"def show(zone):\n{WRITTEN}",
        f"class Own: ...\nos.environ = Own()\n{ROUTE}{WRITTEN}",
        f"{ROUTE}    with lock:\n{INNER}",
        f"{ROUTE}    key = f'X_{{zone}}'\n    os.environ[key] = zone\n    try: work()\n    finally: del os.environ[key]\n",
    ],
    ids=["kept", "of nobody", "replaced", "under a lock", "made up"],
)
def test_what_stays_or_is_out_of_everybodys_way_is_not_told(text: str) -> None:
    assert seen(text) == []


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("with lock:", True),
        ("with Lock():", True),
        ("async with self.env_lock:", True),
        ("with patched:", False),
        ("if lock:", False),
    ],
)
def test_a_lock_is_whatever_is_called_so(head: str, expected: bool) -> None:
    analysis = analysed(f"{SERVER}async def f(self, patched):\n    {head}\n        os.environ['A'] = 'b'\n")
    (access,) = accesses(analysis)
    assert is_under_lock(access) is expected
