"""A proof runs in the fastest loop there is, and its result and its errors come out of it."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from netra.prove.loop import run


def apart(work: Callable[[], Coroutine[Any, Any, object]]) -> object:
    """What `work` gives or raises in a thread that has no loop yet."""
    said: list[object] = []

    def tell() -> None:
        try:
            said.append(run(work()))
        except ValueError as error:
            said.append(error)

    thread = threading.Thread(target=tell)
    thread.start()
    thread.join(10)
    return said[0]


async def name_of_the_loop() -> str:
    return type(asyncio.get_running_loop()).__module__


async def fail() -> None:
    raise ValueError("no")


def test_it_is_uvloop_where_it_is_installed() -> None:
    pytest.importorskip("uvloop")
    assert apart(name_of_the_loop) == "uvloop"


def test_what_fails_in_it_fails_outside() -> None:
    assert isinstance(apart(fail), ValueError)
